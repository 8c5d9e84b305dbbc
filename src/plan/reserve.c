/* What a request gets that does not wait: plan_reserve. */
#include "plan/reserve.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/backfill.h"
#include "plan/candidates.h"
#include "plan/cleanup.h"
#include "plan/kind.h"
#include "plan/limits.h"
#include "plan/offer.h"
#include "plan/pick.h"
#include "plan/place.h"
#include "plan/withheld.h"

/* The best `wanted` of those that the request may have. Sorts `all`. */
static int pick_best(const struct pool_state *state, const struct plan_request *request,
		     struct candidate *all, size_t wanted, int *ret_gpus, struct err *e)
{
	size_t count = state->slots_count, available = 0, found = 0;
	AUTO_FREE bool *offered = mem_alloc(count, sizeof(*offered));
	AUTO_FREE bool *chosen = mem_alloc(count, sizeof(*chosen));
	AUTO(topology_clear) struct topology topology;

	plan_topology(state, &topology);
	qsort(all, count, sizeof(*all), plan_compare_candidates);
	for (size_t i = 0; i < count; i++) {
		offered[i] = plan_is_available(&all[i], request);
		available += offered[i];
	}
	found = plan_pick(&topology, request, all, count, offered, chosen, wanted);
	if (found < wanted && available >= wanted)
		return err_set(e, EBUSY,
			       "Not enough %sGPUs available. Requested: %zu, Available together: "
			       "%zu",
			       plan_place_text(request), wanted, found);
	if (found < wanted)
		return plan_refuse_count(request, all, count, e);
	found = 0;
	for (size_t i = 0; i < count; i++) {
		if (chosen[i])
			ret_gpus[found++] = all[i].id;
	}
	gpu_ids_sort(ret_gpus, found);
	return 0;
}

/* All slots as the request may have them. The caller frees them. */
static struct candidate *list_candidates(const struct pool_state *state,
					 const struct plan_facts *facts,
					 const struct plan_request *request, const struct plan *p)
{
	struct candidate *all = plan_candidates(state, facts, p, state->queue_count, NULL);
	bool known;

	for (size_t i = 0; i < state->slots_count && plan_asks_for_kind(state, request); i++)
		all[i].unsuited = !plan_is_of_kind(state, facts, request, all[i].id, &known);
	plan_backfill(state, facts, request, p, state->queue_count, all);
	return all;
}

/* Picks the GPUs: exactly the ids asked for, or the best `count`. The caller frees *ret_gpus. */
static int pick(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, struct candidate *all, int **ret_gpus,
		size_t *ret_count, struct err *e)
{
	size_t wanted = plan_request_count(request);
	AUTO_FREE int *gpus = mem_alloc(wanted, sizeof(*gpus));
	size_t found = 0;

	for (size_t i = 0; i < request->ids_count; i++) {
		if (!plan_is_available(&all[request->ids[i]], request))
			return plan_refuse_id(state, facts, &request->actor, &all[request->ids[i]],
					      request->force, e);
		gpus[found++] = request->ids[i];
	}
	if (!request->ids) {
		int r = pick_best(state, request, all, wanted, gpus, e);

		if (r < 0)
			return r;
		found = wanted;
	}
	*ret_gpus = mem_steal(&gpus);
	*ret_count = found;
	return 0;
}

/* A quota that is free again in a moment is one of the things that pool_reserve waits for. */
static int keep_quota(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, const struct plan *p, struct err *e)
{
	enum plan_quota quota = plan_check_quota(state, facts, p, request, 0, e);

	if (quota == QUOTA_KEPT)
		return 0;
	if (quota != QUOTA_NEVER)
		err_append(e, " - queue with --wait until you release some");
	return quota == QUOTA_SOON ? -EBUSY : -EDQUOT;
}

/* A run that lacks what its account holds by hand does not take that by itself, but can be told to.
 */
static void tell_of_own(const struct pool_state *state, const struct plan_facts *facts,
			const struct plan_request *request, struct err *e)
{
	AUTO_FREE int *own = mem_alloc(state->slots_count, sizeof(*own));
	AUTO_FREE char *list = NULL, *text = NULL;
	size_t count = 0;

	for (size_t i = 0; i < state->slots_count; i++) {
		if (plan_holds_by_hand(state, facts->now_ns, &request->actor, (int)i))
			own[count++] = (int)i;
	}
	if (request->type != RESERVATION_RUN || !count || count < plan_request_count(request))
		return;
	list = str_join_ids(own, count, ",");
	text = mem_printf(" - you hold GPU(s) %s by hand, and --gpu-ids runs there", list);
	err_append(e, text);
}

int plan_reserve(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p, struct err *e)
{
	AUTO_FREE struct candidate *all = NULL;
	int *gpus = NULL;
	size_t count = 0;
	int r = plan_check_request(state, request, e);

	if (r == 0)
		r = plan_check_service(state, facts->policy, request, e);
	if (r == 0)
		r = plan_check_policy(facts->policy, request, e);
	if (r == 0)
		r = plan_check_kind(state, facts, request, false, e);
	if (r == 0)
		r = plan_check_place(state, facts, request, e);
	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	r = keep_quota(state, facts, request, p, e);
	if (r < 0)
		return r;
	all = list_candidates(state, facts, request, p);
	r = pick(state, facts, request, all, &gpus, &count, e);
	if (r < 0) {
		if (!request->ids)
			tell_of_own(state, facts, request, e);
		plan_offer(state, facts, request, all, state->queue_count, p);
		return r;
	}
	plan_guard_quota(state, facts, request, p);
	plan_backfill_take(state, gpus, count, facts->now_ns, p);
	plan_end_aside(state, gpus, count, p);
	p->granted = plan_grant(p, request, request->id, gpus, count, facts);
	plan_put_wish(p, state, facts, request);
	return 0;
}
