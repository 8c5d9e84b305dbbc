/* Reservations that were lost, or taken for dead by mistake; see restore.h. */
#include "plan/restore.h"

#include <string.h>

void plan_note_past_end(struct plan_past_end *past, const struct reservation *mine,
			const struct usage_record *record)
{
	if (strcmp(record->reservation_id, mine->id) != 0)
		return;
	if (record->reason != END_STALE && record->reason != END_HOLDER_DIED) {
		past->decided = true;
		return;
	}
	past->presumed = true;
	if (record->end_ns > past->until_ns)
		past->until_ns = record->end_ns;
}

static bool is_taken(const struct slot *slot, const struct plan *p)
{
	return slot->reservation && !plan_ends(p, slot->reservation, slot->id);
}

static bool is_of_pool(const struct pool_state *state, int gpu)
{
	return gpu >= 0 && (size_t)gpu < state->slots_count;
}

bool plan_can_restore(const struct pool_state *state, const struct plan *p,
		      const struct reservation *mine, const struct plan_past_end *past)
{
	if (past->decided)
		return false;
	for (size_t i = 0; i < mine->gpus_count; i++) {
		const struct slot *slot;

		if (!is_of_pool(state, mine->gpus[i]))
			return false;
		slot = &state->slots[mine->gpus[i]];
		if (slot->problem || is_taken(slot, p))
			return false;
		/* Released since: that was a decision, not a loss. */
		if (!past->presumed && slot->last_released_ns > mine->start_ns)
			return false;
	}
	return mine->gpus_count > 0;
}

void plan_restore(const struct pool_state *state, struct plan *p, const struct reservation *mine,
		  const struct plan_past_end *past, int64_t now_ns)
{
	struct reservation *r = reservation_copy(mine);

	r->heartbeat_ns = now_ns;
	if (past->presumed) {
		r->start_ns = past->until_ns;
		for (size_t i = 0; i < r->gpus_count; i++) {
			int64_t released_ns = state->slots[r->gpus[i]].last_released_ns;

			if (released_ns > r->start_ns)
				r->start_ns = released_ns;
		}
		if (r->start_ns > now_ns)
			r->start_ns = now_ns;
	}
	p->granted = r;
	plan_add(p, CHANGE_GRANT)->grant.reservation = r;
}

const struct slot *plan_taken_slot(const struct pool_state *state, const struct plan *p,
				   const struct reservation *mine)
{
	for (size_t i = 0; i < mine->gpus_count; i++) {
		if (is_of_pool(state, mine->gpus[i]) && is_taken(&state->slots[mine->gpus[i]], p))
			return &state->slots[mine->gpus[i]];
	}
	return NULL;
}
