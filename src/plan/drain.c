/* Taking GPUs out of service, and putting them back: plan_drain. */
#include "plan/drain.h"

#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"

/* Without a note it has an empty one. */
static bool has_note(const struct slot *slot, const char *note)
{
	return !strcmp(slot->drained_note ? slot->drained_note : "", note);
}

int plan_drain(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const int *ids, size_t ids_count, bool drain,
	       const char *note, struct plan *p, struct err *e)
{
	int *list;
	int r = plan_require(state, e);

	for (size_t i = 0; r == 0 && i < ids_count; i++)
		r = plan_check_id(state, ids[i], e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids_count; i++) {
		const struct slot *slot = &state->slots[ids[i]];

		if (!slot->drained_by == drain || (drain && note && !has_note(slot, note)))
			plan_note_affected(p, ids[i]);
	}
	if (!p->affected_gpus_count)
		return 0;
	list = plan_own(p, mem_alloc(p->affected_gpus_count, sizeof(*list)));
	memcpy(list, p->affected_gpus, p->affected_gpus_count * sizeof(*list));
	plan_add(p, CHANGE_DRAIN)->drain = (struct change_drain){
		.gpus = list,
		.gpus_count = p->affected_gpus_count,
		.actor = drain ? plan_own(p, mem_strdup(actor->account)) : NULL,
		.time_ns = facts->now_ns,
		.note = drain && note && *note ? plan_own(p, mem_strdup(note)) : NULL,
	};
	return 0;
}
