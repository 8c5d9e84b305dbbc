/* Waiting in line: the steps of wait.h. What a request gets is plan_wait's decision. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/process.h"
#include "pool/forecast.h"
#include "pool/wait_private.h"
#include "view/queue.h"

/* How often a decision is made anew because the store changed meanwhile. */
#define STEP_ATTEMPTS 200
#define LOOK_PAUSE_LAST_NS (20 * NS_PER_SECOND)
/* What two clocks may differ by without having been set. */
#define CLOCK_SLACK_NS NS_PER_SECOND
/* While the store does not answer. */
#define TROUBLE_PAUSE_NS (250 * NS_PER_MS)
#define TROUBLE_PAUSE_LAST_NS (10 * NS_PER_SECOND)

void pool_wait_begin(struct pool *p, const struct plan_request *request, int64_t limit_ns,
		     struct pool_wait **ret_wait)
{
	struct pool_wait *w = mem_alloc(1, sizeof(*w));

	w->pool = p;
	w->request = *request;
	w->request.backfill = pool_backfills(p);
	w->enqueued_ns = TIME_NONE;
	w->give_up_ns = limit_ns ? clock_now_ns() + limit_ns : TIME_NONE;
	w->deadline_ns = limit_ns ? clock_monotonic_ns() + limit_ns : INT64_MAX;
	id_new(w->entry_id);
	alarm_init(&w->alarm);
	*ret_wait = w;
}

/* Takes it out of the line. What it was granted by a commit whose answer got lost ends, too: nobody
   knows of it. */
static int decide_leave(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e)
{
	const struct pool_wait *w = argument;
	const struct reservation *granted = pool_state_find(state, w->request.id);

	(void)e;
	plan_leave(state, w->entry_id, facts->now_ns, plan);
	if (granted)
		plan_end(plan, granted, granted->gpus, granted->gpus_count, facts->now_ns,
			 END_RELEASED, NULL);
	return 0;
}

struct pool_wait *pool_wait_end(struct pool_wait *w)
{
	if (!w)
		return NULL;
	if (w->enqueued_ns != TIME_NONE && !w->granted)
		pool_transact(w->pool, decide_leave, w, NULL);
	alarm_clear(&w->alarm);
	store_unwatch(w->pool->store);
	scan_cache_clear(&w->look);
	free(w->collected);
	free(w->awaits);
	free(w->trouble);
	free(w);
	return NULL;
}

void pool_wait_endp(struct pool_wait **w)
{
	*w = pool_wait_end(*w);
}

const struct pool_standing *pool_wait_standing(const struct pool_wait *w)
{
	return &w->standing;
}

/* ---- one step ---- */

/* What one attempt has loaded and decided. */
struct step {
	struct pool_state state;
	struct liveness liveness;
	bool far; /* nothing was looked at, nor decided */
	struct plan_facts facts;
	struct plan_wait wait;
	char part_id[ID_SIZE];
	struct plan plan;
};

static void step_clear(struct step *s)
{
	plan_clear(&s->plan);
	liveness_clear(&s->liveness);
	pool_state_clear(&s->state);
	*s = (struct step){0};
}

/* Whether the process of the entry just before it is gone. Nobody else is woken by that: whoever is
   behind tells the others. */
static bool step_has_lost_neighbour(const struct pool_wait *w, const struct step *s, size_t place)
{
	const struct holder *before = place ? &s->state.queue[place - 1].holder : NULL;

	return before && observer_sees(&w->pool->observer, before) &&
	       host_process_life(&before->command) == HOST_GONE;
}

/* Whether it is too far behind to get anything, and has nothing to say: not worth a look at all
   those before it. */
static bool step_is_far(const struct pool_wait *w, const struct step *s)
{
	size_t place = plan_queue_find(&s->state, w->entry_id);

	return place < s->state.queue_count && !plan_is_cancelled(&s->state.queue[place]) &&
	       alarm_rank(&s->state, place) >= RANK_FAR && clock_monotonic_ns() < w->heartbeat_ns &&
	       !step_has_lost_neighbour(w, s, place);
}

/* The wall clock may have been set, and the limit would be over for others, but not for itself. */
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

static int step_load(struct pool_wait *w, enum store_intent intent, struct step *s, struct err *e)
{
	int r;

	step_clear(s);
	r = store_load(w->pool->store, intent, &s->state, e);
	if (r == 0)
		r = plan_require(&s->state, e);
	if (r < 0)
		return r;
	/* The first time everything is looked at: who has joined is told what to expect. */
	s->far = intent == STORE_READ && w->standing.joined && step_is_far(w, s);
	if (!s->far)
		observe_liveness(&w->pool->observer, &s->state, &s->liveness);
	s->facts = observe_facts(&s->liveness, &w->pool->config.policy);
	id_new(s->part_id);
	keep_limit(w);
	s->wait = (struct plan_wait){
		.entry_id = w->entry_id,
		.part_id = s->part_id,
		.enqueued_ns = w->enqueued_ns,
		.give_up_ns = w->give_up_ns,
		.heartbeat = clock_monotonic_ns() >= w->heartbeat_ns,
	};
	return 0;
}

/* Which GPUs a look could win: where these are others, an old look tells nothing. */
static uint64_t prospects_hash(const struct pool_state *state, const struct plan_policy *policy)
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

/* Looks at the GPUs, unless a look at the same ones is still good. */
static int step_look(struct pool_wait *w, const struct pool_state *state, struct err *e)
{
	int64_t now_ns = clock_monotonic_ns();
	uint64_t hash = prospects_hash(state, &w->pool->config.policy);
	int r;

	if (w->look.taken_ns && w->look_of == hash &&
	    now_ns - w->look.taken_ns < w->look_pause_ns && scan_cache_fits(&w->look, state))
		return 0;
	if (w->look_of != hash)
		w->look_pause_ns = LOOK_PAUSE_FIRST_NS;
	else if (w->look_pause_ns < LOOK_PAUSE_LAST_NS)
		w->look_pause_ns *= 2;
	r = scan_cache_take(w->pool, &w->look, e);
	w->look_of = hash;
	return r;
}

/* Decides on what was loaded; `look`: with what is seen on the GPUs. */
static int step_decide(struct pool_wait *w, struct step *s, bool look, struct err *e)
{
	AUTO_FREE int64_t *last_use_ns = mem_alloc(s->state.slots_count, sizeof(*last_use_ns));
	struct plan_request request = w->request;

	/* Nothing is taken blindly, not even by force. */
	if (!look)
		request.force = false;
	if (look) {
		int r = store_last_use(w->pool->store, quantity_of((int64_t)request.actor.uid),
				       request.actor.account, last_use_ns, s->state.slots_count, e);
		if (r < 0)
			return r;
		s->facts.use = w->look.seen.use;
		s->facts.last_use_ns = last_use_ns;
	}
	plan_clear(&s->plan);
	return plan_wait(&s->state, &s->facts, &request, &s->wait, &s->plan, e);
}

/* Remembers what a commit has made true. */
static void step_done(struct pool_wait *w, struct step *s)
{
	for (size_t i = 0; i < s->plan.changes_count; i++) {
		const struct queue_entry *entry = s->plan.changes[i].entry;

		if (!entry || strcmp(entry->id, w->entry_id) != 0)
			continue;
		w->enqueued_ns = entry->enqueued_ns;
		w->heartbeat_ns = clock_monotonic_ns() + QUEUE_HEARTBEAT_NS;
	}
}

/* A commit whose answer got lost on the way may have granted it all the same. */
static int step_find_granted(struct pool_wait *w, struct step *s, struct err *e)
{
	const struct reservation *mine = pool_state_find(&s->state, w->request.id);
	int r = mine && !w->look.taken_ns ? scan_cache_take(w->pool, &w->look, e) : 0;

	if (!mine || r < 0)
		return r;
	plan_clear(&s->plan);
	s->plan.granted = reservation_copy(mine);
	return 1;
}

/* The decision that counts: on a state loaded for it, with what the look showed. */
static int step_commit(struct pool_wait *w, struct step *s, bool look, struct err *e)
{
	int r = step_load(w, STORE_UPDATE, s, e);

	if (r == 0 && pool_state_find(&s->state, w->request.id)) {
		store_abandon(w->pool->store);
		return step_find_granted(w, s, e);
	}
	if (r == 0 && look && !scan_cache_fits(&w->look, &s->state)) {
		scan_cache_clear(&w->look);
		r = err_set(e, EAGAIN, "the pool was made anew meanwhile");
	}
	if (r == 0)
		r = step_decide(w, s, look, e);
	if (r < 0 || !s->plan.changes_count) {
		store_abandon(w->pool->store);
		return r;
	}
	r = store_commit(w->pool->store, &s->state, s->plan.changes, s->plan.changes_count, e);
	if (r == 0)
		step_done(w, s);
	return r < 0 ? r : 1;
}

/* A sign of life is due, and most often nothing else: one load does. 1 as well where there may be
   more to be had, which takes a look. */
static int step_sign(struct pool_wait *w, struct step *s, struct err *e)
{
	int r = step_commit(w, s, false, e);
	bool news = false;

	for (size_t i = 0; i < s->plan.changes_count; i++)
		news |= !s->plan.changes[i].quiet;
	if (r == 1 && !s->plan.granted && !news &&
	    !plan_wait_has_prospects(&s->state, &s->facts, &w->request, &s->wait))
		return 0;
	return r;
}

/* 1: something was changed, so that it is worth another look; 0: all is as it was. */
static int step_once(struct pool_wait *w, struct step *s, struct err *e)
{
	int r;

	w->looks = false;
	if (w->enqueued_ns != TIME_NONE && clock_monotonic_ns() >= w->heartbeat_ns)
		return step_sign(w, s, e);
	r = step_load(w, STORE_READ, s, e);
	if (r == 0 && s->far)
		return 0;
	if (r == 0)
		r = step_find_granted(w, s, e);
	if (r == 0)
		r = step_decide(w, s, false, e);
	if (r != 0)
		return r;
	w->looks = plan_wait_has_prospects(&s->state, &s->facts, &w->request, &s->wait);
	if (w->looks) {
		r = step_look(w, &s->state, e);
		if (r == 0)
			r = step_decide(w, s, true, e);
	}
	if (r < 0 || !s->plan.changes_count)
		return r;
	return step_commit(w, s, w->looks, e);
}

/* ---- how it stands ---- */

/* When it is expected to start; TIME_NONE where nobody can tell. */
static int64_t standing_estimate(struct pool_wait *w, const struct pool_state *state,
				 const struct plan_facts *facts, size_t place)
{
	AUTO(forecast_clear) struct forecast forecast = {0};

	if (place >= state->queue_count)
		return TIME_NONE;
	pool_forecast(w->pool, state, facts, place + 1, &forecast);
	return forecast.starts_ns[place];
}

static void standing_set(struct pool_wait *w, const struct pool_state *state,
			 struct plan_facts *facts, bool far)
{
	int64_t estimate_ns = w->standing.estimate_ns;
	size_t place = plan_queue_find(state, w->entry_id), before = 0, waiting = 0;
	struct pool_standing *s = &w->standing;

	for (size_t i = 0; i < state->queue_count; i++) {
		bool active = i == place || plan_waiter_state(state, facts, i) == WAITER_ACTIVE;

		before += active && i < place;
		waiting += active;
	}
	free(w->collected);
	w->collected = mem_alloc(state->slots_count, sizeof(*w->collected));
	*s = (struct pool_standing){
		.joined = place < state->queue_count,
		.entry_id = w->entry_id,
		.place = before + 1,
		.waiting = waiting,
		.wanted = w->request.ids ? w->request.ids_count : (size_t)w->request.count,
		.collected = w->collected,
		.since_ns = w->enqueued_ns,
	};
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (r && r->queue_id && !strcmp(r->queue_id, w->entry_id))
			w->collected[s->collected_count++] = (int)i;
	}
	free(w->awaits);
	facts->use = w->look.taken_ns && scan_cache_fits(&w->look, state) ? w->look.seen.use : NULL;
	w->awaits = describe_awaits(state, facts, place);
	s->awaits = w->awaits;
	/* From far behind it is seldom looked at, and then with everything else. */
	s->estimate_ns = far ? estimate_ns : standing_estimate(w, state, facts, place);
}

/* ---- steps ---- */

/* A store that does not answer may be back; a request that makes no sense will not. */
static bool is_final(const struct pool_wait *w, int r)
{
	return w->enqueued_ns == TIME_NONE || r == -ECANCELED || r == -ERANGE || r == -EINVAL ||
	       r == -EPERM || r == -EACCES || r == -EDQUOT;
}

static int step_failed(struct pool_wait *w, int r, const struct err *e)
{
	int64_t pause_ns = TROUBLE_PAUSE_NS << (w->failures < 6 ? w->failures : 6);

	if (is_final(w, r))
		return r;
	w->failures++;
	mem_replace(&w->trouble, e && *e->text ? e->text : strerror(-r));
	w->standing.trouble = w->trouble;
	alarm_clear(&w->alarm);
	w->alarm.due_ns = clock_monotonic_ns() +
			  (pause_ns < TROUBLE_PAUSE_LAST_NS ? pause_ns : TROUBLE_PAUSE_LAST_NS);
	if (w->alarm.due_ns > w->deadline_ns)
		w->alarm.due_ns = w->deadline_ns;
	return 0;
}

int pool_wait_step(struct pool_wait *w, struct pool_grant *ret_grant, struct err *e)
{
	AUTO(step_clear) struct step s = {0};
	int r = 0;

	if (w->deadline_ns != INT64_MAX && w->enqueued_ns != TIME_NONE &&
	    clock_monotonic_ns() >= w->deadline_ns)
		return err_set(e, ETIME, "gave up waiting");
	/* Before the state is read, so that nothing that is committed then goes unheard. */
	store_watch(w->pool->store);
	for (int attempt = 0; attempt < STEP_ATTEMPTS; attempt++) {
		r = step_once(w, &s, e);
		if (r == 1 && s.plan.granted) {
			w->granted = true;
			scan_cache_grant(&w->look, &s.plan, ret_grant);
			return 1;
		}
		if (r == 0)
			break;
		if (r == -EAGAIN)
			pool_pause(attempt);
		else if (r < 0)
			break;
	}
	if (r < 0)
		return step_failed(w, r, e);
	w->failures = 0;
	standing_set(w, &s.state, &s.facts, s.far);
	alarm_set(w, &s.state, &s.facts);
	return 0;
}
