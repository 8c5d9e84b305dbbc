/* Runs within one's own manual reservations; see within.h. */
#include "plan/within.h"

#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"

size_t plan_count_manual(const struct pool_state *state, int64_t now_ns,
			 const struct plan_actor *actor, const int *ids, size_t count,
			 int64_t *ret_end_ns)
{
	size_t held = 0;

	*ret_end_ns = TIME_NONE;
	for (size_t i = 0; i < count; i++) {
		int64_t end_ns;

		if (!plan_holds_by_hand(state, now_ns, actor, ids[i]))
			continue;
		held++;
		end_ns = state->slots[ids[i]].reservation->expiry_ns;
		if (end_ns != TIME_NONE && (*ret_end_ns == TIME_NONE || end_ns < *ret_end_ns))
			*ret_end_ns = end_ns;
	}
	return held;
}

void plan_within(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p)
{
	struct reservation *r;
	int64_t end_ns;

	if (!request->ids_count || request->type != RESERVATION_RUN ||
	    plan_count_manual(state, facts->now_ns, &request->actor, request->ids,
			      request->ids_count, &end_ns) < request->ids_count)
		return;
	r = reservation_copy(state->slots[request->ids[0]].reservation);
	p->granted = r;
	memcpy(r->id, request->id, ID_SIZE);
	r->start_ns = facts->now_ns;
	r->expiry_ns = end_ns;
	holder_clear(&r->holder);
	holder_copy(&r->holder, &request->holder);
	r->gpus = mem_resize(r->gpus, request->ids_count, sizeof(*r->gpus));
	memcpy(r->gpus, request->ids, request->ids_count * sizeof(*r->gpus));
	r->gpus_count = request->ids_count;
}
