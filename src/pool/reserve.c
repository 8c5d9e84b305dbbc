/* Granting GPUs: pool_reserve of pool.h. Looks once at the GPUs, decides, and commits. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/tree.h"
#include "pool/private.h"
#include "pool/scan_cache.h"

/* How often a decision is made anew because the store changed meanwhile. */
#define RESERVE_ATTEMPTS 200
/* A look at the GPUs that is older than this is repeated before the next decision. */
#define LOOK_LIMIT_NS NS_PER_SECOND
/* How long a refusal waits for reservations whose command has ended already: their supervisors need
   a few milliseconds to release them, on a busy machine seconds. */
#define ENDING_WAIT_NS (10 * NS_PER_SECOND)
/* And for those stopped by their time limit: what is left of them may take all the grace. */
#define STOPPED_WAIT_NS (2 * NS_PER_SECOND)

/* Whether a GPU counts as busy only because it was reserved at the look, and was released since. */
static bool look_is_outdated(const struct scan_cache *l, const struct pool_state *state)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (l->state.slots[i].reservation && !state->slots[i].reservation &&
		    l->seen.use[i] != USE_IDLE)
			return true;
	}
	return false;
}

/* One attempt at a reservation. */
struct attempt {
	struct pool_state state;
	struct liveness liveness;
	struct plan plan;
};

static void attempt_clear(struct attempt *a)
{
	pool_state_clear(&a->state);
	liveness_clear(&a->liveness);
	plan_clear(&a->plan);
	*a = (struct attempt){0};
}

/* Decides on the loaded state, and commits. */
static int attempt_decide(struct pool *p, const struct plan_request *request,
			  const struct scan_cache *l, struct attempt *a, struct err *e)
{
	AUTO_FREE int64_t *last_use_ns = mem_alloc(a->state.slots_count, sizeof(*last_use_ns));
	struct plan_request asked = *request;
	struct plan_facts facts;
	int r = store_last_use(p->store, quantity_of((int64_t)request->actor.uid),
			       request->actor.account, last_use_ns, a->state.slots_count, e);

	observe_liveness(&p->observer, &a->state, &a->liveness);
	facts = observe_facts(&a->liveness, &p->config.policy);
	facts.use = l->seen.use;
	facts.last_use_ns = last_use_ns;
	asked.backfill = pool_backfills(p);
	if (r == 0)
		r = plan_reserve(&a->state, &facts, &asked, &a->plan, e);
	if (r == 0)
		return store_commit(p->store, &a->state, a->plan.changes, a->plan.changes_count, e);
	/* Refused, but what is over has been found out: that is worth recording all the same. */
	if (r == -EBUSY && a->plan.changes_count)
		store_commit(p->store, &a->state, a->plan.changes, a->plan.changes_count, NULL);
	else
		store_abandon(p->store);
	return r;
}

static int attempt_reserve(struct pool *p, const struct plan_request *request, struct scan_cache *l,
			   struct attempt *a, struct err *e)
{
	int r = 0;

	if (!l->taken_ns || clock_monotonic_ns() - l->taken_ns > LOOK_LIMIT_NS)
		r = scan_cache_take(p, l, e);
	if (r == 0)
		r = store_load(p->store, STORE_UPDATE, &a->state, e);
	if (r < 0)
		return r;
	if (!scan_cache_fits(l, &a->state)) {
		store_abandon(p->store);
		scan_cache_clear(l);
		return err_set(e, EAGAIN, "the pool was made anew meanwhile");
	}
	return attempt_decide(p, request, l, a, e);
}

/* Whether an ending reservation holds what the request could use, or counts against its limit. */
static bool ending_matters(const struct pool *p, const struct reservation *r,
			   const struct plan_request *request)
{
	if (p->config.policy.max_gpus && plan_owns(&request->actor, r))
		return true;
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (!request->ids)
			return true;
		for (size_t k = 0; k < request->ids_count; k++) {
			if (r->gpus[i] == request->ids[k])
				return true;
		}
	}
	return false;
}

static int64_t ending_wait_ns(const struct reservation *r)
{
	bool stopped = r->deadline_ns != TIME_NONE && r->deadline_ns <= clock_now_ns();

	return stopped ? STOPPED_WAIT_NS : ENDING_WAIT_NS;
}

/*
 * A refusal may be early: commands that have ended hold GPUs until their supervisors have released
 * them. Waits for the first of those supervisors to finish; true if one did in the time that a
 * request which began at begin_ns (monotonic) gives it.
 */
static bool attempt_wait_for_ending(const struct pool *p, const struct attempt *a,
				    const struct plan_request *request, int64_t begin_ns)
{
	AUTO_FREE struct pollfd *fds = mem_alloc(a->state.reservations_count, sizeof(*fds));
	int64_t passed_ns = clock_monotonic_ns() - begin_ns, left_ns = 0;
	nfds_t count = 0;
	bool ended = false;

	for (size_t i = 0; i < a->state.reservations_count; i++) {
		const struct reservation *r = a->state.reservations[i];
		int fd;

		if (a->liveness.holders[i] != HOLDER_ENDING || !ending_matters(p, r, request) ||
		    ending_wait_ns(r) <= passed_ns)
			continue;
		if (ending_wait_ns(r) - passed_ns > left_ns)
			left_ns = ending_wait_ns(r) - passed_ns;
		if (host_pidfd_open(&r->holder.supervisor, &fd, NULL) < 0)
			ended = true;
		else
			fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	if (!ended && count)
		ended = poll(fds, count, (int)(left_ns / NS_PER_MS) + 1) > 0;
	for (nfds_t i = 0; i < count; i++)
		mem_auto_close(&fds[i].fd);
	return ended;
}

int pool_reserve(struct pool *p, const struct plan_request *request, struct pool_grant *ret_grant,
		 struct err *e)
{
	int64_t begin_ns = clock_monotonic_ns();
	AUTO(scan_cache_clear) struct scan_cache look = {0};

	for (int attempt = 0;; attempt++) {
		AUTO(attempt_clear) struct attempt a = {0};
		int r = attempt_reserve(p, request, &look, &a, e);

		if (r == 0) {
			scan_cache_grant(&look, &a.plan, ret_grant);
			return 0;
		}
		if ((r != -EAGAIN && r != -EBUSY) || attempt >= RESERVE_ATTEMPTS)
			return r;
		if (r == -EAGAIN) {
			pool_pause(attempt);
			continue;
		}
		if (clock_monotonic_ns() - begin_ns > ENDING_WAIT_NS ||
		    (!look_is_outdated(&look, &a.state) &&
		     !attempt_wait_for_ending(p, &a, request, begin_ns)))
			return r;
		scan_cache_clear(&look);
	}
}
