/* One step of a waiting request: what wait_evaluate says, done. What it gets is the decision of
   plan_wait. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/process.h"
#include "pool/wait_private.h"

/* By how much two clocks may differ that nobody has set. */
#define CLOCK_SLACK_NS NS_PER_SECOND

/* One that is far behind looks at all others so often: for its estimate, and the rules of the
   host. It costs a read of /proc for each of them. */
#define FAR_OBSERVE_NS (4 * QUEUE_HEARTBEAT_NS)

void step_clear(struct step *s)
{
	attempt_clear(&s->last);
}

/* ---- loading ---- */

/* Whether the process of the entry just before it is gone. Nobody else is woken by that: the
   request behind notifies the others by a commit. */
static bool has_lost_neighbour(const struct pool_wait *w, const struct pool_state *state,
			       size_t place)
{
	const struct holder *before = place ? &state->queue[place - 1].holder : NULL;

	return before && observer_sees(&w->pool->observer, before) &&
	       host_process_life(&before->command) == HOST_GONE;
}

/* Whether many compete with it that can take GPUs. It looks at no more of them than that needs. */
static bool has_many_rivals(const struct pool_wait *w, const struct pool_state *state, size_t place)
{
	struct liveness l = {
		.waiting = mem_alloc(state->queue_count, sizeof(enum holder_life)),
	};
	struct plan_facts facts = observe_facts(&w->pool->observer, &l, &w->pool->config.policy);
	AUTO(wait_rivals_clear) struct wait_rivals rivals = {0};

	wait_rivals_init(&rivals, state);
	for (size_t i = 0; i < place && rivals.fewest < WAIT_FAR_RANK; i++) {
		l.waiting[i] = observe_waiter(&w->pool->observer, &state->queue[i]);
		wait_rivals_add(&rivals, state, &facts, i, place);
	}
	liveness_clear(&l);
	return rivals.fewest >= WAIT_FAR_RANK;
}

/* Whether it is too far behind to get anything, and has nothing to report: then the liveness of all
   those before it does not matter. */
static bool is_far(const struct pool_wait *w, const struct pool_state *state)
{
	size_t place = plan_queue_find(state, w->entry_id);
	int64_t now_ns = clock_monotonic_ns();

	return place >= WAIT_FAR_RANK && place < state->queue_count &&
	       !state->queue[place].cancelled && state->queue[place].offer.made_ns <= OFFER_NONE &&
	       now_ns < w->heartbeat_ns && now_ns < w->observe_ns && now_ns < w->watch.due_ns &&
	       !w->watch.follows && !has_lost_neighbour(w, state, place) &&
	       has_many_rivals(w, state, place);
}

/* If the wall clock was set, others would see the limit at another time than the request itself. */
static void keep_limit(struct pool_wait *w)
{
	int64_t give_up_ns;

	if (w->deadline_ns == INT64_MAX)
		return;
	give_up_ns = clock_now_ns() + (w->deadline_ns - clock_monotonic_ns());
	if (give_up_ns - w->give_up_ns > CLOCK_SLACK_NS ||
	    w->give_up_ns - give_up_ns > CLOCK_SLACK_NS)
		w->give_up_ns = give_up_ns;
}

/* Loads the pool to evaluate it, and looks at the others, unless that was just done. */
static int load(struct step *s, struct err *e)
{
	struct pool_wait *w = s->wait;
	struct attempt *a = &s->last;
	bool is_current = s->is_current;
	int r = 0;

	s->is_current = false;
	if (!is_current) {
		attempt_clear(a);
		r = pool_load(w->pool, STORE_READ, &a->state, e);
		if (r == 0)
			r = plan_require(&a->state, e);
	}
	if (r < 0 || a->liveness.waiting)
		return r;
	/* Not the first time: a request that has joined is told what to expect. */
	s->far = w->standing.joined && is_far(w, &a->state);
	if (s->far) {
		attempt_take_facts(w->pool, a);
	} else {
		attempt_observe(w->pool, a);
		w->observe_ns = clock_monotonic_ns() + FAR_OBSERVE_NS;
	}
	return 0;
}

/* ---- evaluating ---- */

/* What plan_wait has to know of the request. */
static struct plan_wait describe_wait(struct step *s)
{
	struct pool_wait *w = s->wait;

	keep_limit(w);
	id_new(s->part_id);
	return (struct plan_wait){
		.entry_id = w->entry_id,
		.part_id = s->part_id,
		.enqueued_ns = w->enqueued_ns,
		.waited_ns = w->enqueued_ns != TIME_NONE ? clock_boot_ns() - w->joined_boot_ns : 0,
		.give_up_ns = w->give_up_ns,
		.heartbeat = clock_monotonic_ns() >= w->heartbeat_ns,
	};
}

static const int64_t *idle_since(const struct pool_wait *w, const struct pool_state *state)
{
	return w->idle_count == state->slots_count ? w->idle_since_ns : NULL;
}

static int evaluate(struct step *s, bool scan_is_new, struct err *e)
{
	struct pool_wait *w = s->wait;
	struct store *store = w->pool->store;
	struct plan_wait wait = describe_wait(s);
	struct plan_facts facts = s->last.facts;
	int r;
	struct wait_situation situation = {
		.state = &s->last.state,
		.facts = &facts,
		.request = &w->request,
		.wait = &wait,
		.watch = w->watch,
		.far = s->far,
		.is_watching = store_watch(store) >= 0,
		.now_ns = clock_monotonic_ns(),
		.next_heartbeat_ns = w->heartbeat_ns,
		.deadline_ns = w->deadline_ns,
	};

	/* Those of a commit borrow from the scan that it used, which may be gone. */
	facts.use = NULL;
	facts.gpus = NULL;
	facts.reasons = NULL;
	facts.last_use_ns = NULL;
	facts.idle_since_ns = idle_since(w, &s->last.state);
	if (w->cache.taken_ns && scan_cache_fits(&w->cache, &s->last.state))
		situation.scan = (struct wait_scan){
			.use = w->cache.observation.use,
			.gpus = w->cache.observation.gpus,
			.is_new = scan_is_new,
			.taken_ns = w->cache.taken_ns,
			.pause_ns = w->scan_pause_ns,
			.prospects = w->scan_prospects,
		};
	r = wait_evaluate(&situation, &s->evaluation, e);
	s->refused = r < 0;
	if (r == 0)
		w->watch = s->evaluation.watch;
	return r;
}

/* Notes since when each scan has shown the GPUs idle. */
static void note_idle(struct pool_wait *w)
{
	const struct observation *o = &w->cache.observation;

	if (w->idle_count != o->count) {
		free(w->idle_since_ns);
		w->idle_since_ns = mem_alloc(o->count, sizeof(*w->idle_since_ns));
		w->idle_count = o->count;
	}
	for (size_t i = 0; i < o->count; i++) {
		if (o->use[i] != USE_IDLE)
			w->idle_since_ns[i] = 0;
		else if (!w->idle_since_ns[i])
			w->idle_since_ns[i] = w->cache.taken_ns;
	}
}

/* Its own: what has just ended, and woken it, must not be in it. A signal, or the limit of the
   wait, ends it. */
static int take_scan(struct pool_wait *w, struct err *e)
{
	const struct scan_wish wish = {
		.fresh = true,
		.interrupt_fd = w->interrupt_fd,
		.deadline_ns = w->deadline_ns == INT64_MAX ? 0 : w->deadline_ns,
	};

	return scan_cache_take(w->pool, &w->cache, &wish, e);
}

/* Scans, and evaluates with the scan. */
static int scan(struct step *s, struct err *e)
{
	struct pool_wait *w = s->wait;
	uint64_t prospects = s->evaluation.prospects;
	int r;

	if (w->scan_prospects != prospects)
		w->scan_pause_ns = SCAN_PAUSE_FIRST_NS;
	else if (w->scan_pause_ns < SCAN_PAUSE_LAST_NS)
		w->scan_pause_ns *= 2;
	w->scan_prospects = prospects;
	r = take_scan(w, e);
	if (r == 0)
		r = scan_cache_check(&w->cache, &s->last.state, e);
	/* Who asks is told. Later a card or the driver may be lost for a while, and a GPU without a
	   certain name is one that cannot be taken now. */
	if (r == 0 && !w->standing.joined)
		r = scan_cache_check_names(&w->cache, w->pool->config.naming, e);
	if (r < 0)
		return r;
	note_idle(w);
	return evaluate(s, true, e);
}

/* Finds out what to do. 1: there is nothing to commit. */
static int prepare_step(struct pool *p, struct transaction *t, struct err *e)
{
	struct step *s = t->argument;
	struct pool_wait *w = s->wait;
	int r;

	(void)p;
	t->cache = NULL;
	/* A heartbeat is due, and most often nothing else: what was loaded for that is evaluated.
	 */
	s->renews = w->enqueued_ns != TIME_NONE && clock_monotonic_ns() >= w->heartbeat_ns &&
		    !s->is_news;
	t->without_liveness = s->renews;
	if (s->renews) {
		s->evaluation = (struct wait_evaluation){.action = WAIT_COLLECT};
		s->is_current = false;
		return 0;
	}
	r = load(s, e);
	if (r == 0)
		r = evaluate(s, false, e);
	if (r == 0 && s->evaluation.action == WAIT_SCAN)
		r = scan(s, e);
	if (r < 0)
		return r;
	if (s->evaluation.action == WAIT_SLEEP || s->evaluation.action == WAIT_GRANTED)
		return 1;
	if (s->evaluation.uses_scan)
		t->cache = &w->cache;
	return 0;
}

/* ---- committing ---- */

/* The decision that counts: on a state that was loaded for it. A grant whose answer was lost leaves
   nothing to decide. */
static int decide_step(const struct pool_state *state, const struct plan_facts *facts,
		       void *argument, struct plan *plan, struct err *e)
{
	struct step *s = argument;
	struct plan_request request = s->wait->request;
	struct plan_wait wait = describe_wait(s);
	struct plan_facts known = *facts;
	int r = plan_require(state, e);

	if (r < 0 || pool_state_find(state, request.id))
		return r;
	if (s->renews) {
		s->is_news = !plan_wait_renew(state, facts, &request, &wait, plan);
		return 0;
	}
	/* Without a scan nothing is taken blindly, not even by force. */
	request.force = facts->use && request.force;
	known.idle_since_ns = idle_since(s->wait, state);
	r = plan_wait(state, &known, &request, &wait, plan, e);
	s->refused = r < 0;
	return r;
}

/* Remembers what a commit has stored of the entry. True if it has changed nothing else: what was
   loaded for it is current, apart from the heartbeat. */
static bool remember(struct pool_wait *w, const struct plan *plan)
{
	bool quiet = plan->changes_count > 0;

	for (size_t i = 0; i < plan->changes_count; i++) {
		const struct queue_entry *entry = change_entry(&plan->changes[i]);

		quiet &= plan->changes[i].quiet;
		if (!entry || strcmp(entry->id, w->entry_id) != 0)
			continue;
		if (w->enqueued_ns == TIME_NONE)
			w->joined_boot_ns = clock_boot_ns();
		w->enqueued_ns = entry->enqueued_ns;
		if (entry->offer.aside)
			mem_replace(&w->declined, entry->offer.aside);
		w->heartbeat_ns = clock_monotonic_ns() + QUEUE_HEARTBEAT_NS;
	}
	return quiet;
}

/* Finds a grant that is in the pool already, though this request was not told. */
static int find_granted(struct step *s, enum wait_action *ret_action, struct err *e)
{
	const struct reservation *mine = pool_state_find(&s->last.state, s->wait->request.id);
	struct scan_cache *cache = &s->wait->cache;
	int r = 0;

	if (!mine)
		return 0;
	/* A grant comes with the driver's names for its GPUs. */
	if (!cache->taken_ns || !scan_cache_fits(cache, &s->last.state))
		r = take_scan(s->wait, e);
	if (r < 0)
		return r;
	plan_clear(&s->last.plan);
	s->last.plan.granted = reservation_copy(mine);
	*ret_action = WAIT_GRANTED;
	return 0;
}

int step_run(struct step *s, enum wait_action *ret_action, struct err *e)
{
	struct transaction t = {
		.decide = decide_step,
		.argument = s,
		.requester = &s->wait->request.actor,
		.prepare = prepare_step,
	};
	int r = pool_transact(s->wait->pool, &t, &s->last, e);

	if (r < 0)
		return r;
	if (r == 1) {
		*ret_action = WAIT_SLEEP;
		return find_granted(s, ret_action, e);
	}
	s->far = false;
	s->is_current = remember(s->wait, &s->last.plan);
	*ret_action = s->last.plan.granted ? WAIT_GRANTED : WAIT_COLLECT;
	return s->last.plan.changes_count ? 0 : find_granted(s, ret_action, e);
}
