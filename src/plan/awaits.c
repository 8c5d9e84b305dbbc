/* What a waiting request waits for: plan_awaits of queue.h. */
#include "plan/queue.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/withheld.h"

/* Why the entry has not got that GPU. The caller frees it. */
static char *awaits_why(const struct pool_state *state, const struct plan_facts *facts,
			size_t place, const struct slot *slot)
{
	const struct queue_entry *first = plan_first_for(state, facts, slot->id, place);

	if (slot->problem)
		return mem_strdup("its state cannot be read");
	if (slot->reservation)
		return account_label(slot->reservation->user, slot->reservation->account);
	if (first)
		return account_label(first->user, first->account);
	if (plan_is_withheld(state, facts->policy, slot->id))
		return mem_strdup("out of service");
	if (facts->use && facts->use[slot->id] == USE_IDLE)
		return mem_strdup("free");
	if (facts->use && facts->use[slot->id] == USE_FAULTY)
		return mem_strdup("its driver says that it cannot be used");
	return mem_strdup(facts->use && facts->use[slot->id] >= USE_UNKNOWN
				  ? "its use is unknown"
				  : "in use without reservation");
}

char *plan_awaits(const struct pool_state *state, const struct plan_facts *facts, size_t place)
{
	const struct queue_entry *self = place < state->queue_count ? &state->queue[place] : NULL;
	struct str out = {0};

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;
		AUTO_FREE char *why = NULL;

		if (self && (!plan_entry_wants(self, (int)i) ||
			     (r && r->queue_id && !strcmp(r->queue_id, self->id))))
			continue;
		why = awaits_why(state, facts, place, &state->slots[i]);
		str_addf(&out, "%sGPU %zu (%s)", out.length ? ", " : "", i, why);
	}
	return str_steal(&out);
}
