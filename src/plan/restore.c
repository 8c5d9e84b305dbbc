/* Reservations that were lost, or taken for dead by mistake; see restore.h. */
#include "plan/restore.h"

#include <string.h>

#include "plan/rebase.h"

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

/* When a GPU was released, by the clock of the reservation. */
static int64_t released_ns(const struct slot *slot, const struct reservation *mine)
{
	return plan_rebase_time(slot->last_released_ns, &slot->released_base, &mine->base);
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
		if (!past->presumed && released_ns(slot, mine) > mine->start_ns)
			return false;
	}
	return mine->gpus_count > 0;
}

/* When nobody had its GPUs any more, itself included. Its own end was a release, too, and of that
   the clock may be known. */
static int64_t begin_again_ns(const struct pool_state *state, const struct reservation *mine,
			      const struct plan_past_end *past, int64_t now_ns)
{
	int64_t begin_ns = TIME_NONE;

	for (size_t i = 0; i < mine->gpus_count; i++) {
		const struct slot *slot = &state->slots[mine->gpus[i]];
		bool known =
			*mine->base.clock && !strcmp(slot->released_base.clock, mine->base.clock);

		if (released_ns(slot, mine) > begin_ns)
			begin_ns = released_ns(slot, mine);
		if (!known && past->until_ns > begin_ns)
			begin_ns = past->until_ns;
	}
	return begin_ns < now_ns ? begin_ns : now_ns;
}

void plan_restore(const struct pool_state *state, struct plan *p, const struct reservation *mine,
		  const struct plan_past_end *past, int64_t now_ns)
{
	struct reservation *r = reservation_copy(mine);

	r->heartbeat_ns = now_ns;
	if (past->presumed)
		r->start_ns = begin_again_ns(state, mine, past, now_ns);
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
