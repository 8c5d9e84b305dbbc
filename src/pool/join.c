/* Requests that are met by what is held already: pool_join of pool.h. It changes nothing. */
#include "base/mem.h"
#include "pool/private.h"

/* Whether these GPUs are of the kind that is asked for. */
static int check_kind(const struct scan_cache *cache, const struct plan_facts *facts,
		      const struct plan_request *request, const struct reservation *granted,
		      struct err *e)
{
	struct plan_request asked = *request;

	asked.ids = granted->gpus;
	asked.ids_count = granted->gpus_count;
	return plan_check_kind(&cache->state, facts, &asked, false, e);
}

/* With an outer_id a run within a run; else what the account holds by hand, for a run on it or a
   reservation that it is. */
static int find_held(const struct scan_cache *cache, const struct plan_facts *facts,
		     const struct plan_request *request, const char *outer_id, struct plan *plan,
		     struct err *e)
{
	if (outer_id)
		return plan_nested(&cache->state, facts, request, outer_id, plan, e);
	if (request->type == RESERVATION_RUN)
		plan_within(&cache->state, facts, request, plan);
	else
		plan_reuse(&cache->state, facts, request, plan);
	return 0;
}

int pool_join(struct pool *p, const struct plan_request *request, const char *outer_id,
	      struct pool_grant *ret_grant, struct err *e)
{
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts = {.now_ns = clock_now_ns(), .policy = &p->config.policy};
	const struct scan_wish wish = {.for_grant = true};
	struct scan_cache cache = {0};
	int r;

	/* Most runs name no GPUs, and nothing has to be read for them. */
	if (!outer_id && request->type == RESERVATION_RUN && !request->ids)
		return 0;
	r = pool_load(p, STORE_READ, &cache.state, e);
	if (r == 0 && cache.state.initialized)
		r = find_held(&cache, &facts, request, outer_id, &plan, e);
	/* What the driver calls these GPUs takes a scan, and then the pool may be another one. */
	if (r == 0 && plan.granted) {
		plan_clear(&plan);
		r = scan_cache_take(p, &cache, &wish, e);
		facts.gpus = cache.observation.gpus;
		if (r == 0)
			r = find_held(&cache, &facts, request, outer_id, &plan, e);
	}
	/* On another host these would be other GPUs. */
	if (r == 0 && plan.granted &&
	    pool_host_match(p, &cache.state, &cache.observation.scan) == MACHINE_OTHER)
		r = pool_refuse_other(p, &cache.state, e);
	if (r == 0 && plan.granted)
		r = scan_cache_check_names(&cache, p->config.naming, e);
	if (r == 0 && plan.granted)
		r = check_kind(&cache, &facts, request, plan.granted, e);
	if (r == 0 && plan.granted) {
		scan_cache_grant(&cache, &plan, ret_grant);
		r = 1;
	}
	scan_cache_clear(&cache);
	return r;
}
