/* Reservations that were lost with the store's data: plan_restore. */
#include "plan/restore.h"

bool plan_can_restore(const struct pool_state *state, const struct plan *p,
		      const struct reservation *mine)
{
	for (size_t i = 0; i < mine->gpus_count; i++) {
		const struct slot *slot;

		if (mine->gpus[i] < 0 || (size_t)mine->gpus[i] >= state->slots_count)
			return false;
		slot = &state->slots[mine->gpus[i]];
		/* Released since: that was a decision, not a loss. */
		if (slot->problem || slot->last_released_ns > mine->start_ns ||
		    (slot->reservation && !plan_ends(p, slot->reservation, mine->gpus[i])))
			return false;
	}
	return mine->gpus_count > 0;
}

void plan_restore(struct plan *p, const struct reservation *mine, int64_t now_ns)
{
	p->granted = reservation_copy(mine);
	p->granted->heartbeat_ns = now_ns;
	plan_add(p, CHANGE_GRANT)->grant.reservation = p->granted;
}
