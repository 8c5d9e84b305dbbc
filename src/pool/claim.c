/* A run that takes over what was reserved by hand: pool_claim of pool.h. */
#include "plan/claim.h"
#include "base/mem.h"
#include "pool/grant.h"
#include "pool/private.h"

struct claim {
	const struct plan_request *request;
	const char *id;
};

static int decide_claim(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e)
{
	const struct claim *claim = argument;

	return plan_claim(state, facts, claim->request, claim->id, plan, e);
}

int pool_claim(struct pool *p, const struct plan_request *request, const char *id,
	       struct pool_grant *ret_grant, struct err *e)
{
	struct claim claim = {.request = request, .id = id};
	struct scan_cache cache = {0};
	AUTO(attempt_clear) struct attempt attempt = {0};
	struct transaction t = {.decide = decide_claim, .argument = &claim, .cache = &cache};
	int r = pool_transact(p, &t, &attempt, e);

	if (r == 0)
		scan_cache_grant(&cache, &attempt.plan, ret_grant);
	scan_cache_clear(&cache);
	return r;
}
