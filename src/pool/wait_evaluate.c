/* What a waiting request does next; see wait_evaluate.h. */
#include "pool/wait_evaluate.h"

#include <stdlib.h>

#include "base/mem.h"

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

uint64_t wait_prospects(const struct pool_state *state, const struct plan_policy *policy)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a */

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];
		bool free = !slot->reservation && !plan_is_withheld(state, policy, (int)i);

		hash = (hash ^ (uint64_t)free) * 1099511628211U;
		hash = (hash ^ (uint64_t)slot->last_released_ns) * 1099511628211U;
	}
	return hash;
}

static bool wants_any(const struct queue_entry *q)
{
	return !q->requested_ids && !q->eligible;
}

void wait_rivals_init(struct wait_rivals *r, const struct pool_state *state)
{
	*r = (struct wait_rivals){.some = mem_alloc(state->slots_count, sizeof(*r->some))};
}

void wait_rivals_clear(struct wait_rivals *r)
{
	free(r->some);
	*r = (struct wait_rivals){0};
}

/* Those at the limit of one account go one after the other. */
static bool is_in_its_turn(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			   const struct queue_entry *other)
{
	return plan_entry_is_of(&state->queue[i], other->uid, other->account) &&
	       !plan_limit_allows(state, facts, i, NULL);
}

void wait_rivals_add(struct wait_rivals *r, const struct pool_state *state,
		     const struct plan_facts *facts, size_t i, size_t place)
{
	const struct queue_entry *first = &state->queue[i], *other = &state->queue[place];
	size_t fewest = SIZE_MAX;
	bool in_turn = is_in_its_turn(state, facts, i, other);

	if (!in_turn && plan_waiter_state(state, facts, i) != WAITER_ACTIVE)
		return;
	if (in_turn || (wants_any(first) && !first->offer.aside)) {
		r->all++;
		r->fewest++;
		return;
	}
	for (size_t k = 0; k < state->slots_count; k++) {
		int gpu = (int)k;

		if (!plan_entry_wants(other, gpu) || plan_is_withheld(state, facts->policy, gpu))
			continue;
		r->some[k] += plan_entry_wants(first, gpu) && !plan_is_aside(first, gpu);
		if (r->some[k] < fewest)
			fewest = r->some[k];
	}
	r->fewest = r->all + (fewest < SIZE_MAX ? fewest : 0);
}

/* How many of those before it have to be served before it gets anything. */
static size_t find_rank(const struct wait_situation *s)
{
	size_t place = plan_queue_find(s->state, s->wait->entry_id), rank;
	struct wait_rivals rivals;

	wait_rivals_init(&rivals, s->state);
	for (size_t i = 0; place < s->state->queue_count && i < place; i++)
		wait_rivals_add(&rivals, s->state, s->facts, i, place);
	rank = rivals.fewest;
	wait_rivals_clear(&rivals);
	return rank;
}

bool wait_is_next_for(const struct pool_state *state, const struct plan_facts *facts, size_t place,
		      int gpu)
{
	const struct reservation *r = state->slots[gpu].reservation;

	if (r && plan_limit_rests_on(state, facts, place, r))
		return true;
	if (place < state->queue_count && !plan_entry_wants(&state->queue[place], gpu))
		return false;
	return !plan_is_withheld(state, facts->policy, gpu) &&
	       !plan_first_for(state, facts, gpu, place);
}

enum holder_life wait_holder_life(const struct pool_state *state, const struct plan_facts *facts,
				  const struct reservation *r)
{
	for (size_t i = 0; facts->life && i < state->reservations_count; i++) {
		if (state->reservations[i] == r)
			return facts->life[i];
	}
	return HOLDER_OUT_OF_SIGHT;
}

/* ---- when to wake up ---- */

/* When a reservation ends, or is doubted, for certain, unless it is renewed: nothing tells of that
   but the clock. */
static int64_t end_ns(const struct wait_situation *s, const struct reservation *r)
{
	int64_t limit_ns, silent_ns;

	if (r->type == RESERVATION_MANUAL)
		return r->expiry_ns == TIME_NONE ? INT64_MAX : r->expiry_ns;
	limit_ns = plan_silence_limit_ns(wait_holder_life(s->state, s->facts, r));
	if (limit_ns == INT64_MAX)
		return INT64_MAX;
	silent_ns = plan_last_heartbeat_ns(r, s->facts->now_ns) + limit_ns + NS_PER_MS;
	return silent_ns > s->facts->now_ns ? silent_ns : INT64_MAX;
}

/* When a request before this one gives up, or becomes silent. */
static int64_t departure_ns(const struct queue_entry *q, int64_t now_ns)
{
	int64_t silent_ns = plan_entry_last_heartbeat_ns(q, now_ns) + QUEUE_HEARTBEAT_LIMIT_NS;
	int64_t at_ns = silent_ns >= now_ns ? silent_ns + NS_PER_MS : INT64_MAX;

	return q->give_up_ns > now_ns ? earlier(at_ns, q->give_up_ns) : at_ns;
}

/* How long until the next look confirms a doubt that concerns the request; INT64_MAX: there is
   none. */
static int64_t doubt_left_ns(const struct wait_situation *s, size_t place)
{
	int64_t left_ns = INT64_MAX;
	bool doubted;

	for (size_t i = 0; i < s->state->slots_count; i++) {
		const struct reservation *r = s->state->slots[i].reservation;

		if (r && !r->queue_id && wait_is_next_for(s->state, s->facts, place, (int)i) &&
		    plan_is_suspect(r, wait_holder_life(s->state, s->facts, r), s->facts, &doubted))
			left_ns = earlier(
				left_ns,
				plan_doubt_left_ns(&r->doubt, HEARTBEAT_INTERVAL_NS, s->facts));
	}
	for (size_t i = 0; i < place && i < s->state->queue_count; i++) {
		if (plan_waiter_is_suspect(s->state, s->facts, i))
			left_ns =
				earlier(left_ns, plan_doubt_left_ns(&s->state->queue[i].doubt,
								    QUEUE_HEARTBEAT_NS, s->facts));
	}
	return left_ns;
}

/* The next point of the wall clock at which something may change for the request. */
static int64_t wall_until_ns(const struct wait_situation *s, size_t place, size_t rank)
{
	int64_t until_ns = INT64_MAX;

	for (size_t i = 0; rank < WAIT_FAR_RANK && i < s->state->slots_count; i++) {
		const struct reservation *r = s->state->slots[i].reservation;

		if (r && !r->queue_id && wait_is_next_for(s->state, s->facts, place, (int)i))
			until_ns = earlier(until_ns, end_ns(s, r));
	}
	for (size_t i = 0; i < place && i < s->state->queue_count; i++)
		until_ns = earlier(until_ns, departure_ns(&s->state->queue[i], s->facts->now_ns));
	return until_ns;
}

/* When the first of those before it is passed over, unless it reacts. */
static int64_t offers_end_ns(const struct wait_situation *s, size_t place)
{
	int64_t end_ns = INT64_MAX;

	for (size_t i = 0; i < place && i < s->state->queue_count; i++) {
		int64_t at_ns = plan_offer_end_ns(s->state, s->facts, i);

		if (at_ns > s->facts->monotonic_ns)
			end_ns = earlier(end_ns, at_ns);
	}
	return end_ns;
}

/* When the last of the GPUs that it is next for is settled, monotonic: what is free before is not
   to be had yet. */
static int64_t settled_ns(const struct wait_situation *s, size_t place)
{
	int64_t longest_ns = 0;

	for (size_t i = 0; s->facts->shared && i < s->state->slots_count; i++) {
		int64_t left_ns = plan_unsettled_ns(s->state, s->facts, NULL, i);

		if (left_ns > longest_ns && wait_is_next_for(s->state, s->facts, place, (int)i))
			longest_ns = left_ns;
	}
	return longest_ns ? s->facts->monotonic_ns + longest_ns + NS_PER_MS : INT64_MAX;
}

static int64_t backstop_ns(const struct wait_situation *s, size_t rank)
{
	if (s->is_watching && !(s->facts->shared && rank < 2))
		return WAIT_BACKSTOP_NS;
	return earlier((int64_t)(rank + 1) * WAIT_BACKSTOP_SILENT_NS, WAIT_BACKSTOP_NS);
}

static void sleep_until(const struct wait_situation *s, struct wait_evaluation *v)
{
	size_t place = plan_queue_find(s->state, s->wait->entry_id);
	int64_t doubt_ns = INT64_MAX;

	v->action = WAIT_SLEEP;
	v->until_ns = earlier(s->now_ns + backstop_ns(s, v->rank),
			      earlier(s->next_heartbeat_ns, s->deadline_ns));
	/* As long as a doubt is not recorded, there is something to commit, and nobody sleeps. */
	if (v->rank < WAIT_FAR_RANK)
		doubt_ns = doubt_left_ns(s, place);
	if (doubt_ns != INT64_MAX)
		v->until_ns = earlier(v->until_ns, s->now_ns + doubt_ns + NS_PER_MS);
	v->until_ns = earlier(v->until_ns, settled_ns(s, place));
	v->until_ns = earlier(v->until_ns, earlier(v->watch.due_ns, offers_end_ns(s, place)));
	if (v->uses_scan)
		v->until_ns = earlier(v->until_ns, s->scan.taken_ns + s->scan.pause_ns);
	v->wall_until_ns = wall_until_ns(s, place, v->rank);
}

/* ---- what to do ---- */

/* Decides; without a scan nothing is taken blindly, not even by force. */
static int decide(const struct wait_situation *s, bool by_scan, struct plan *plan, struct err *e)
{
	struct plan_request request = *s->request;
	struct plan_facts facts = *s->facts;

	facts.use = by_scan ? s->scan.use : NULL;
	facts.gpus = by_scan ? s->scan.gpus : NULL;
	request.force = by_scan && request.force;
	plan_clear(plan);
	return plan_wait(s->state, &facts, &request, s->wait, plan, e);
}

/* Whether the last scan still shows what can be had. */
static bool scan_counts(const struct wait_situation *s, uint64_t prospects)
{
	if (!s->scan.use)
		return false;
	return s->scan.is_new ||
	       (s->scan.prospects == prospects && s->now_ns - s->scan.taken_ns < s->scan.pause_ns);
}

/* Whether it is for GPUs of a kind, and the queue does not say yet which these are: only a scan
   shows that. */
static bool lacks_eligible(const struct wait_situation *s)
{
	size_t place = plan_queue_find(s->state, s->wait->entry_id);

	return plan_asks_for_kind(s->state, s->request) && !s->request->ids &&
	       (place == s->state->queue_count || !s->state->queue[place].eligible);
}

/* ---- watching those before it ---- */

/* Only another program's request may be before one of rank 0. */
static int64_t times_rank(const struct wait_evaluation *v, int64_t ns)
{
	return (int64_t)(v->rank ? v->rank : 1) * ns;
}

/* When it scans next to see whether they take what is free; INT64_MAX: there is nothing. */
static void set_watch(const struct wait_situation *s, struct wait_evaluation *v)
{
	struct wait_watch *w = &v->watch;
	int64_t first_ns = times_rank(v, WAIT_WATCH_FIRST_NS);

	*w = s->watch;
	w->follows &= w->prospects == v->prospects;
	if (!plan_wait_could_offer(s->state, s->facts, s->request, s->wait)) {
		w->due_ns = INT64_MAX;
		return;
	}
	/* Declined: all those who decline would else add up. */
	if (w->follows)
		w->due_ns = s->now_ns;
	if (w->due_ns != INT64_MAX && w->prospects == v->prospects)
		return;
	/* Changes of the pool bring it forward, but never put it off. */
	w->due_ns = earlier(w->due_ns, s->now_ns + first_ns);
	w->pause_ns = first_ns;
	w->prospects = v->prospects;
}

static bool watch_is_due(const struct wait_situation *s, const struct wait_evaluation *v)
{
	return s->now_ns >= v->watch.due_ns;
}

/* When another program's request that is first has left an idle GPU lying for too long. */
static int64_t left_lying_ns(const struct wait_situation *s)
{
	size_t place = plan_queue_find(s->state, s->wait->entry_id);
	const int64_t *since_ns = s->facts->idle_since_ns;
	int64_t at_ns = INT64_MAX;

	for (size_t i = 0; since_ns && i < s->state->slots_count; i++) {
		const struct queue_entry *first = plan_first_for(s->state, s->facts, (int)i, place);

		if (first && !first->holder.host && since_ns[i] &&
		    since_ns[i] + OFFER_LIMIT_UNSEEN_NS > s->now_ns)
			at_ns = earlier(at_ns, since_ns[i] + OFFER_LIMIT_UNSEEN_NS);
	}
	return at_ns;
}

/* The scan has shown nothing that could be offered. */
static void put_off_watch(const struct wait_situation *s, struct wait_evaluation *v)
{
	struct wait_watch *w = &v->watch;

	w->follows = false;
	w->pause_ns = earlier(2 * w->pause_ns, times_rank(v, WAIT_WATCH_LAST_NS));
	w->due_ns = earlier(s->now_ns + w->pause_ns, left_lying_ns(s));
}

/* ---- together ---- */

/* Somebody has seen that it could take a GPU, and it has to look whether it can. */
static bool is_offered(const struct wait_situation *s)
{
	size_t place = plan_queue_find(s->state, s->wait->entry_id);

	return place < s->state->queue_count && s->state->queue[place].offer.made_ns > OFFER_NONE;
}

/* Decides what can be had, at first without a scan: most often that shows that none is needed. */
static int choose(const struct wait_situation *s, struct wait_evaluation *v, struct err *e)
{
	AUTO(plan_clear) struct plan plan = {0};
	bool watching, fresh, prospects;
	int r = decide(s, false, &plan, e);

	if (r < 0)
		return r;
	set_watch(s, v);
	watching = watch_is_due(s, v);
	fresh = watching || is_offered(s);
	prospects = plan_wait_has_prospects(s->state, s->facts, s->request, s->wait) ||
		    lacks_eligible(s);
	v->uses_scan = fresh || prospects;
	if (v->uses_scan && !(fresh ? s->scan.is_new : scan_counts(s, v->prospects))) {
		v->action = WAIT_SCAN;
		return 0;
	}
	if (v->uses_scan)
		r = decide(s, true, &plan, e);
	if (r < 0)
		return r;
	if (plan.changes_count) {
		v->action = plan.granted ? WAIT_GRANT : WAIT_COLLECT;
		v->watch.follows |= watching;
		return 0;
	}
	if (watching)
		put_off_watch(s, v);
	v->uses_scan = prospects;
	sleep_until(s, v);
	return 0;
}

int wait_evaluate(const struct wait_situation *s, struct wait_evaluation *ret_evaluation,
		  struct err *e)
{
	struct wait_evaluation v = {
		.prospects = wait_prospects(s->state, s->facts->policy),
		.rank = find_rank(s),
		.watch = s->watch,
		.wall_until_ns = INT64_MAX,
	};
	int r = 0;

	if (pool_state_find(s->state, s->request->id))
		v.action = WAIT_GRANTED;
	else if (s->far)
		sleep_until(s, &v);
	else
		r = choose(s, &v, e);
	if (r == 0)
		*ret_evaluation = v;
	return r;
}
