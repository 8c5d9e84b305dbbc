/* Reservations that were lost, or taken for dead by mistake; see restore.h. */
#include "plan/restore.h"

#include <string.h>

#include "plan/rebase.h"

/* Other programs keep whole seconds. */
#define START_DIFFERS_NS (2 * NS_PER_SECOND)

/* Whether another program has recorded that it ended: it knows no id. (One that overwrites a grant
   records the end of whoever had the GPU before.) */
static bool is_release_by_other(const struct reservation *mine, const struct usage_record *record)
{
	int64_t differs_ns = record->start_ns - mine->start_ns;

	return gpu_ids_have(mine->gpus, mine->gpus_count, record->gpu) && record->user &&
	       mine->user && !strcmp(record->user, mine->user) && differs_ns > -START_DIFFERS_NS &&
	       differs_ns < START_DIFFERS_NS;
}

void plan_note_past_end(struct plan_past_end *past, const struct reservation *mine,
			const struct usage_record *record)
{
	if (past->shared && !*record->reservation_id)
		past->decided |= is_release_by_other(mine, record);
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

/* Not by what is left of it. */
static bool is_taken(const struct slot *slot, const struct plan *p, const struct reservation *mine)
{
	return slot->reservation && strcmp(slot->reservation->id, mine->id) != 0 &&
	       !plan_ends(p, slot->reservation, slot->id);
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

/* What another program writes names no clock. */
static bool is_overwritten(const struct slot *slot, const struct reservation *mine,
			   const struct plan_past_end *past)
{
	return past->shared && !past->decided && !slot->reservation &&
	       !*slot->released_base.clock &&
	       released_ns(slot, mine) > mine->start_ns - START_DIFFERS_NS;
}

bool plan_was_overwritten(const struct pool_state *state, const struct reservation *mine,
			  const struct plan_past_end *past)
{
	for (size_t i = 0; i < mine->gpus_count; i++) {
		if (is_of_pool(state, mine->gpus[i]) &&
		    is_overwritten(&state->slots[mine->gpus[i]], mine, past))
			return true;
	}
	return false;
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
		if (slot->problem || is_taken(slot, p, mine))
			return false;
		/* Released since: that was a decision, not a loss. */
		if (!past->presumed && !is_overwritten(slot, mine, past) &&
		    released_ns(slot, mine) > mine->start_ns)
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
	const struct reservation *left;

	r->heartbeat_ns = now_ns;
	if (past->presumed)
		r->start_ns = begin_again_ns(state, mine, past, now_ns);
	left = pool_state_find(state, mine->id);
	if (left && !plan_ends_any(p, left))
		plan_end(p, left, left->gpus, left->gpus_count, now_ns, END_RELEASED, NULL)
			->unrecorded = true;
	p->granted = r;
	plan_add(p, CHANGE_GRANT)->grant.reservation = r;
}

const struct slot *plan_taken_slot(const struct pool_state *state, const struct plan *p,
				   const struct reservation *mine)
{
	for (size_t i = 0; i < mine->gpus_count; i++) {
		if (is_of_pool(state, mine->gpus[i]) &&
		    is_taken(&state->slots[mine->gpus[i]], p, mine))
			return &state->slots[mine->gpus[i]];
	}
	return NULL;
}
