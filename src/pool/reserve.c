/* Granting GPUs: pool_reserve of pool.h. */
#include <errno.h>
#include <poll.h>

#include "base/mem.h"
#include "host/tree.h"
#include "pool/events.h"
#include "pool/forecast.h"
#include "pool/private.h"

/* How long a refusal waits for reservations whose command has ended already: their supervisors need
   a few milliseconds to release them, on a busy machine seconds. */
#define ENDING_WAIT_NS (10 * NS_PER_SECOND)
/* And for those stopped by their time limit: their remaining processes may use the whole grace
   period. */
#define STOPPED_WAIT_NS (2 * NS_PER_SECOND)

struct reserve {
	struct plan_request request;
	int64_t begin_ns; /* monotonic */
	struct scan_cache cache;
};

static int decide_reserve(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	const struct reserve *reserve = argument;

	if (reserve->request.reuse)
		plan_reuse(state, facts, &reserve->request, plan);
	return plan->granted ? 0 : plan_reserve(state, facts, &reserve->request, plan, e);
}

/* Whether a GPU counts as busy only because it was reserved at the scan, or as unknown because it
   was released since. */
static bool scan_is_outdated(const struct scan_cache *cache, const struct pool_state *state)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (cache->observation.use[i] == USE_IDLE || state->slots[i].reservation)
			continue;
		if (cache->state.slots[i].reservation ||
		    scan_cache_is_outdated(cache, &state->slots[i]))
			return true;
	}
	return false;
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
 * them. Waits for the first of those supervisors to finish; true if one did in the time that the
 * request gives it.
 */
static bool wait_for_ending(const struct pool *p, const struct attempt *a,
			    const struct reserve *reserve)
{
	AUTO_FREE struct pollfd *fds = mem_alloc(a->state.reservations_count, sizeof(*fds));
	int64_t passed_ns = clock_monotonic_ns() - reserve->begin_ns, left_ns = 0;
	nfds_t count = 0;
	bool ended = false;

	for (size_t i = 0; i < a->state.reservations_count; i++) {
		const struct reservation *r = a->state.reservations[i];
		int fd;

		if (a->liveness.holders[i] != HOLDER_ENDING ||
		    !ending_matters(p, r, &reserve->request) || ending_wait_ns(r) <= passed_ns)
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

/* Tries again where GPUs have been released since the scan, or are in a moment: with a new scan. */
static bool retry_reserve(struct pool *p, struct transaction *t, const struct attempt *a)
{
	struct reserve *reserve = t->argument;
	/* Not counting a driver that takes long. */
	int64_t passed_ns = reserve->cache.taken_ns - reserve->begin_ns;

	if (passed_ns > ENDING_WAIT_NS + p->config.scan_limit_ns ||
	    (!pool_settle(a, &reserve->request) && !scan_is_outdated(&reserve->cache, &a->state) &&
	     !wait_for_ending(p, a, reserve)))
		return false;
	scan_cache_clear(&reserve->cache);
	return true;
}

/* Says when there may be GPUs, by the pool as the refusal has left it, and the scan that the
   refusal rests on. */
static void add_when(struct pool *p, const struct reserve *reserve, struct err *e)
{
	AUTO(attempt_clear) struct attempt a = {0};
	AUTO_FREE char *when = NULL;

	if (pool_load(p, STORE_READ, &a.state, NULL) < 0 ||
	    !scan_cache_fits(&reserve->cache, &a.state))
		return;
	attempt_observe(p, &a);
	a.facts.use = reserve->cache.observation.use;
	a.facts.gpus = reserve->cache.observation.gpus;
	when = pool_when(p, &a.state, &a.facts, &reserve->request);
	if (!when)
		return;
	err_append(e, "; ");
	err_append(e, when);
}

int pool_reserve(struct pool *p, const struct plan_request *request, struct pool_grant *ret_grant,
		 struct err *e)
{
	struct reserve reserve = {.request = *request, .begin_ns = clock_monotonic_ns()};
	AUTO(attempt_clear) struct attempt attempt = {0};
	struct transaction t = {
		.decide = decide_reserve,
		.argument = &reserve,
		.cache = &reserve.cache,
		.requester = &request->actor,
		.refused = retry_reserve,
	};
	int r;

	reserve.request.backfill = pool_backfills(p);
	r = pool_transact(p, &t, &attempt, e);
	if (r == 0)
		scan_cache_grant(&reserve.cache, &attempt.plan, ret_grant);
	else if (e)
		pool_note_refusal(p, &attempt, request, e);
	if (r == -EBUSY && e && e->code == EBUSY)
		add_when(p, &reserve, e);
	scan_cache_clear(&reserve.cache);
	return r;
}
