/* Load, decide, commit; see transact.h. */
#include "pool/transact.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "pool/look.h"
#include "pool/private.h"

/* How often a decision is repeated because the pool was changed meanwhile. */
#define ATTEMPTS_MAX 200

void attempt_clear(struct attempt *a)
{
	plan_clear(&a->plan);
	free(a->last_use_ns);
	liveness_clear(&a->liveness);
	pool_state_clear(&a->state);
	*a = (struct attempt){0};
}

void attempt_take_facts(struct pool *p, struct attempt *a)
{
	a->facts = observe_facts(&p->observer, &a->liveness, &p->config.policy);
	a->facts.shared = store_has_external_writers(p->store);
	plan_rebase_state(&a->state, a->facts.clock, a->facts.now_ns, a->facts.boot_ns);
}

void attempt_observe(struct pool *p, struct attempt *a)
{
	observe_liveness(&p->observer, &a->state, &a->liveness);
	attempt_take_facts(p, a);
}

int pool_load(struct pool *p, enum store_intent intent, struct pool_state *ret_state, struct err *e)
{
	int r = store_load(p->store, intent, ret_state, e);
	int64_t now_ns, boot_ns;

	if (r < 0)
		return r;
	clock_moment(&now_ns, &boot_ns);
	plan_rebase_state(ret_state, p->observer.clock, now_ns, boot_ns);
	return 0;
}

/* How long events are kept where nobody who may has said otherwise: as `events.days` has it. */
#define EVENTS_KEEP_NS (30 * NS_PER_DAY)

static int64_t events_keep_ns(struct pool *p)
{
	if (p->config.events_keep_ns <= 0 ||
	    (p->config.events_set_by_user && !pool_is_administrator(p)))
		return EVENTS_KEEP_NS;
	return p->config.events_keep_ns;
}

bool pool_settle(const struct attempt *a, const struct plan_request *request)
{
	int64_t longest_ns = 0;
	struct timespec pause;

	for (size_t i = 0; i < a->state.slots_count; i++) {
		int64_t left_ns = plan_unsettled_ns(&a->state, &a->facts, &a->plan, i);

		if (plan_requests(request, (int)i) && left_ns > longest_ns)
			longest_ns = left_ns;
	}
	if (!longest_ns)
		return false;
	longest_ns += NS_PER_MS;
	pause = (struct timespec){.tv_sec = longest_ns / NS_PER_SECOND,
				  .tv_nsec = longest_ns % NS_PER_SECOND};
	nanosleep(&pause, NULL);
	return true;
}

int pool_commit(struct pool *p, const struct transaction *t, struct attempt *a, struct err *e)
{
	const struct plan_actor *author = t->author ? t->author : t->requester;

	plan_note_lapsed(&a->state, &a->facts, &a->plan);
	if (!t->without_events)
		plan_add_events(&a->state, &a->facts, author ? author->account : NULL, &a->plan);
	for (size_t i = 0; i < a->plan.changes_count; i++) {
		struct change *c = &a->plan.changes[i];

		if (c->kind == CHANGE_EVENT)
			c->event.forget_ns = a->facts.now_ns - events_keep_ns(p);
	}
	return store_commit(p->store, &a->state, a->plan.changes, a->plan.changes_count, e);
}

/* A pause of random length, so that processes that collided do not collide again. */
static void pause_before_retry(int attempt)
{
	int64_t limit_us = attempt < 8 ? 200 << attempt : 50000;
	struct timespec pause = {.tv_nsec = (clock_monotonic_ns() / 100 % limit_us) * 1000};

	nanosleep(&pause, NULL);
}

/* What has to be done while nothing is locked. */
static int prepare(struct pool *p, struct transaction *t, struct err *e)
{
	const struct scan_wish wish = {.for_grant = true};

	if (t->prepare)
		return t->prepare(p, t, e);
	return t->cache && scan_cache_is_old(t->cache) ? scan_cache_take(p, t->cache, &wish, e) : 0;
}

/* Adds to the facts what the scan shows. */
static int add_scan(struct pool *p, struct transaction *t, struct attempt *a, struct err *e)
{
	int r = t->cache ? scan_cache_check(t->cache, &a->state, e) : 0;

	if (r < 0 || !t->cache)
		return r;
	a->facts.use = t->cache->observation.use;
	a->facts.gpus = t->cache->observation.gpus;
	a->facts.reasons = (const char *const *)t->cache->observation.reasons;
	if (!t->requester)
		return 0;
	/* One with steps of its own waits, and knows better what to make of that. */
	if (!t->prepare && (r = scan_cache_check_names(t->cache, p->config.naming, e)) < 0)
		return r;
	a->last_use_ns = mem_alloc(a->state.slots_count, sizeof(*a->last_use_ns));
	a->facts.last_use_ns = a->last_use_ns;
	return store_last_use(p->store, quantity_of((int64_t)t->requester->uid),
			      t->requester->account, a->last_use_ns, a->state.slots_count, e);
}

/* Whether this host may change that pool. -EAGAIN: that takes a scan, while nothing is locked. */
static int check_host(struct pool *p, const struct transaction *t, const struct pool_state *state,
		      enum machine_match *ret_match, struct err *e)
{
	const struct scan *scan =
		t->cache && t->cache->taken_ns ? &t->cache->observation.scan : NULL;

	if (t->host != HOST_MUST_MATCH || !state->initialized)
		return 0;
	if (!pool_host_is_sure(p, state, scan))
		return err_set(e, EAGAIN, "whose pool it is takes a scan");
	*ret_match = pool_host_match(p, state, scan);
	return *ret_match == MACHINE_OTHER ? pool_refuse_other(p, state, e) : 0;
}

/*
 * Whoever changes the pool with a scan at hand records what its numbers mean, where that is not
 * known yet. Not by what a user may have made up: a program in the PATH of somebody who may not
 * administer the pool.
 */
static void record_units(struct pool *p, const struct transaction *t,
			 const struct pool_state *state, struct plan *plan)
{
	const struct observation *o = t->cache ? &t->cache->observation : NULL;

	if (o && !o->problem &&
	    (o->scan.trusted || (t->requester && pool_may_administer(p, t->requester))))
		plan_record_units(state, &o->scan, plan);
}

/* Likewise what the scan shows of the use of reserved GPUs. */
static void record_look(struct pool *p, const struct transaction *t, struct attempt *a)
{
	const struct observation *o = t->cache ? &t->cache->observation : NULL;

	if (o && !o->problem && o->count == a->state.slots_count && pool_look_is_trusted(p, o))
		plan_look(&a->state, &a->facts, o->gpus, o->taken_ns, &a->plan, NULL);
}

/* Decides on the state that was loaded for an update. */
static int decide(struct pool *p, struct transaction *t, struct attempt *a, struct err *e)
{
	enum machine_match match = MACHINE_OTHER;
	int r = check_host(p, t, &a->state, &match, e);

	if (r < 0)
		return r;
	if (t->without_liveness)
		attempt_take_facts(p, a);
	else
		attempt_observe(p, a);
	r = add_scan(p, t, a, e);
	if (r == 0)
		r = t->decide(&a->state, &a->facts, t->argument, &a->plan, e);
	if (r == 0 && a->plan.changes_count) {
		record_units(p, t, &a->state, &a->plan);
		record_look(p, t, a);
	}
	if (a->plan.changes_count)
		pool_record_host(p, &a->state, match, t->host == HOST_TAKES_OVER, &a->plan);
	return r;
}

static int transact_once(struct pool *p, struct transaction *t, struct attempt *a, struct err *e)
{
	int r;

	pool_host_prepare(p, &a->state);
	r = prepare(p, t, e);
	if (r != 0)
		return r;
	attempt_clear(a);
	r = pool_load(p, t->dry_run ? STORE_READ : STORE_UPDATE, &a->state, e);
	if (r < 0)
		return r;
	r = decide(p, t, a, e);
	if (t->dry_run)
		return r;
	if (r == 0 && a->plan.changes_count)
		return pool_commit(p, t, a, e);
	if (r == -EBUSY && t->refused && a->plan.changes_count)
		pool_commit(p, t, a, NULL);
	else
		store_abandon(p->store);
	return r;
}

int pool_transact(struct pool *p, struct transaction *t, struct attempt *attempt, struct err *e)
{
	AUTO(attempt_clear) struct attempt own = {0};
	struct attempt *a = attempt ? attempt : &own;

	for (int i = 0;; i++) {
		int r = transact_once(p, t, a, e);

		if (i >= ATTEMPTS_MAX)
			return r;
		if (r == -EAGAIN)
			pause_before_retry(i);
		else if (r != -EBUSY || !t->refused || !t->refused(p, t, a))
			return r;
	}
}
