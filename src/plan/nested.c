/* A run within a run; see nested.h. */
#include "plan/nested.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/withheld.h"

/* The GPUs that the reservation leaves to requests from within it, whoever has them now. */
static size_t count_others(const struct pool_state *state, const struct plan_facts *facts,
			   const struct reservation *outer)
{
	size_t count = 0;

	for (size_t i = 0; i < state->slots_count; i++) {
		int id = (int)i;

		count += !gpu_ids_have(outer->gpus, outer->gpus_count, id) &&
			 !plan_is_withheld(state, facts->policy, id);
	}
	return count;
}

/* The reservation with these GPUs alone. */
static void grant_part(struct plan *p, const struct reservation *outer, const int *ids,
		       size_t count)
{
	p->granted = reservation_copy(outer);
	memcpy(p->granted->gpus, ids, count * sizeof(*ids));
	p->granted->gpus_count = count;
}

static int refuse_mixture(const struct plan_request *request, const struct reservation *outer,
			  struct err *e)
{
	for (size_t i = 0; i < request->ids_count; i++) {
		if (!gpu_ids_have(outer->gpus, outer->gpus_count, request->ids[i]))
			return err_set(
				e, EBUSY,
				"GPU %d is not held by the enclosing run: ask only for GPUs of "
				"that run, or only for others",
				request->ids[i]);
	}
	return 0;
}

int plan_nested(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, const char *outer_id, struct plan *p,
		struct err *e)
{
	const struct reservation *outer = pool_state_find(state, outer_id);
	size_t wanted = plan_request_count(request), own = 0, others;
	AUTO_FREE char *list = NULL;

	if (!outer || !plan_owns(&request->actor, outer))
		return 0;
	for (size_t i = 0; i < request->ids_count; i++)
		own += gpu_ids_have(outer->gpus, outer->gpus_count, request->ids[i]);
	if (request->ids) {
		if (own && own != request->ids_count)
			return refuse_mixture(request, outer, e);
		if (own)
			grant_part(p, outer, request->ids, request->ids_count);
		return 0;
	}
	others = count_others(state, facts, outer);
	/* More than the pool has is refused elsewhere. */
	if (wanted <= others || wanted > others + outer->gpus_count)
		return 0;
	if (wanted == outer->gpus_count) {
		grant_part(p, outer, outer->gpus, outer->gpus_count);
		return 0;
	}
	list = str_join_ids(outer->gpus, outer->gpus_count, ",");
	return err_set(e, EBUSY,
		       "%zu GPU(s) are not available before the enclosing run ends, which holds "
		       "GPU(s) %s: use some of these with --gpu-ids",
		       wanted, list);
}
