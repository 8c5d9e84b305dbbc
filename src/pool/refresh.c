/* Taking on what the driver shows now: pool_refresh of pool.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/private.h"

struct refreshing {
	struct pool *pool;
	const struct plan_actor *actor;
	const struct scan *scan;
	struct units units; /* of the last attempt */
};

static int check_actor(struct pool *p, const struct plan_actor *actor, struct err *e)
{
	if (pool_may_administer(p, actor))
		return 0;
	return plan_refuse_others(&p->config.policy, store_has_owner(p->store),
				  "change which GPUs the pool has", e);
}

static int decide(const struct pool_state *state, const struct plan_facts *facts, void *argument,
		  struct plan *plan, struct err *e)
{
	struct refreshing *r = argument;
	int code = plan_require(state, e);

	/* No -EAGAIN: the scan stays what it is. */
	if (code == 0 && strcmp(state->provider, r->scan->provider) != 0)
		code = err_set(e, ESTALE, "the pool was recreated in the meantime: try again");
	if (code < 0)
		return code;
	units_clear(&r->units);
	plan_compare_units(state, r->scan, facts->now_ns, &r->units);
	if (r->scan->hidden && r->units.counts[UNIT_DOUBTFUL])
		return err_set(e, EPERM,
			       "%s: refresh where all can be seen (outside containers and services "
			       "with rules for devices), or, if one has failed, after it was "
			       "removed from the bus",
			       r->scan->hidden);
	plan_refresh(state, &r->units, plan);
	if (!state->topology || !r->scan->topology ||
	    strcmp(state->topology, r->scan->topology) != 0)
		plan_record_topology(r->scan->topology, plan);
	return 0;
}

/* The ids of one kind of change. */
static void take_ids(const struct units *u, enum unit_change change, int **ret_ids,
		     size_t *ret_count)
{
	*ret_ids = mem_alloc(u->count, sizeof(**ret_ids));
	for (size_t i = 0; i < u->count; i++) {
		if (u->changes[i] == change)
			(*ret_ids)[(*ret_count)++] = (int)i;
	}
}

void pool_refreshed_clear(struct pool_refreshed *r)
{
	free(r->added);
	free(r->back);
	free(r->gone);
	free(r->doubtful);
	*r = (struct pool_refreshed){0};
}

static void report(const struct units *u, struct pool_refreshed *ret)
{
	*ret = (struct pool_refreshed){.recorded = u->counts[UNIT_RECORDED],
				       .left_out = u->left_out};
	take_ids(u, UNIT_ADDED, &ret->added, &ret->added_count);
	take_ids(u, UNIT_BACK, &ret->back, &ret->back_count);
	take_ids(u, UNIT_GONE, &ret->gone, &ret->gone_count);
	take_ids(u, UNIT_DOUBTFUL, &ret->doubtful, &ret->doubtful_count);
}

int pool_refresh(struct pool *p, const struct plan_actor *actor, struct pool_refreshed *ret,
		 struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(attempt_clear) struct attempt attempt = {0};
	AUTO(scan_clear) struct scan scan = {0};
	struct refreshing refreshing = {.pool = p, .actor = actor, .scan = &scan};
	struct transaction t = {.decide = decide, .argument = &refreshing, .author = actor};
	struct gpu_options options;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r == 0)
		r = check_actor(p, actor, e);
	if (r < 0)
		return r;
	options = pool_gpu_options_of(&p->config, &state);
	options.topology = true;
	options.fresh = true; /* others may have asked before the instances were made */
	r = gpu_scan(&options, &scan, e);
	/* The plan borrows the units of its attempt. */
	if (r == 0)
		r = pool_transact(p, &t, &attempt, e);
	if (r == 0)
		report(&refreshing.units, ret);
	units_clear(&refreshing.units);
	return r;
}
