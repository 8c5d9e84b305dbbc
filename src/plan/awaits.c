/* What a waiting request waits for: plan_awaits of queue.h. */
#include "plan/queue.h"

#include <string.h>

#include "base/str.h"
#include "plan/withheld.h"

/* Why the entry has not got that GPU. */
static const char *awaits_why(const struct pool_state *state, const struct plan_facts *facts,
			      size_t place, const struct slot *slot)
{
	const struct queue_entry *first = plan_first_for(state, facts, slot->id, place);

	if (slot->problem)
		return "its state cannot be read";
	if (slot->reservation)
		return slot->reservation->user;
	if (first)
		return first->user;
	if (plan_is_withheld(state, facts->policy, slot->id))
		return "out of service";
	if (facts->use && facts->use[slot->id] == USE_IDLE)
		return "free";
	if (facts->use && facts->use[slot->id] == USE_FAULTY)
		return "its driver says that it cannot be used";
	return facts->use && facts->use[slot->id] >= USE_UNKNOWN ? "its use is unknown"
								 : "in use without reservation";
}

char *plan_awaits(const struct pool_state *state, const struct plan_facts *facts, size_t place)
{
	const struct queue_entry *self = place < state->queue_count ? &state->queue[place] : NULL;
	struct str out = {0};

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (self && (!plan_entry_wants(self, (int)i) ||
			     (r && r->queue_id && !strcmp(r->queue_id, self->id))))
			continue;
		str_addf(&out, "%sGPU %zu (%s)", out.length ? ", " : "", i,
			 awaits_why(state, facts, place, &state->slots[i]));
	}
	return str_steal(&out);
}
