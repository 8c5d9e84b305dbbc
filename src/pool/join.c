/* A run within a run, or within what is reserved by hand: pool_join of pool.h. Changes nothing. */
#include "base/mem.h"
#include "pool/private.h"

/* Whether these GPUs are of the kind that is asked for. */
static int check_kind(const struct scan_cache *cache, const struct plan_facts *facts,
		      const struct plan_request *request, const struct reservation *granted,
		      struct err *e)
{
	struct plan_facts seen = *facts;
	struct plan_request asked = *request;

	seen.gpus = cache->observation.gpus;
	asked.ids = granted->gpus;
	asked.ids_count = granted->gpus_count;
	return plan_check_kind(&cache->state, &seen, &asked, false, e);
}

static int decide(const struct pool_state *state, const struct plan_facts *facts,
		  const struct plan_request *request, const char *outer_id, struct plan *plan,
		  struct err *e)
{
	if (outer_id)
		return plan_nested(state, facts, request, outer_id, plan, e);
	plan_within(state, facts, request, plan);
	return 0;
}

int pool_join(struct pool *p, const struct plan_request *request, const char *outer_id,
	      struct pool_grant *ret_grant, struct err *e)
{
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts = {.now_ns = clock_now_ns(), .policy = &p->config.policy};
	const struct scan_wish wish = {.for_grant = true};
	struct scan_cache cache = {0};
	int r = pool_load(p, STORE_READ, &cache.state, e);

	if (r == 0 && cache.state.initialized)
		r = decide(&cache.state, &facts, request, outer_id, &plan, e);
	/* What the driver calls these GPUs takes a scan, and then the pool may be another one. */
	if (r == 0 && plan.granted) {
		plan_clear(&plan);
		r = scan_cache_take(p, &cache, &wish, e);
		if (r == 0)
			r = decide(&cache.state, &facts, request, outer_id, &plan, e);
	}
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
