/* What a waiting request waits for: plan_awaits of queue.h. */
#include "plan/queue.h"

#include <stdlib.h>
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
		return mem_strdup("unreadable");
	if (slot->reservation)
		return account_label(slot->reservation->user, slot->reservation->account);
	if (first)
		return account_label(first->user, first->account);
	if (plan_is_withheld(state, facts->policy, slot->id))
		return mem_strdup("out of service");
	if (!facts->use)
		return mem_strdup("not reserved");
	switch (facts->use[slot->id]) {
	case USE_IDLE:
		return mem_strdup("free");
	case USE_BUSY:
		return mem_strdup("in use without reservation");
	case USE_FAULTY:
		return mem_strdup("faulty");
	default:
		return mem_strdup("use unknown");
	}
}

/* GPUs that it has not got for the same reason. */
struct group {
	char *why;
	int *ids;
	size_t count;
};

struct groups {
	struct group *of;
	size_t count;
};

static void groups_clear(struct groups *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->of[i].why);
		free(g->of[i].ids);
	}
	free(g->of);
}

/* Takes `why` over. */
static void groups_add(struct groups *g, char *why, int id)
{
	struct group *group = NULL;

	for (size_t i = 0; i < g->count && !group; i++)
		group = !strcmp(g->of[i].why, why) ? &g->of[i] : NULL;
	if (group) {
		free(why);
	} else {
		g->of = mem_resize(g->of, g->count + 1, sizeof(*g->of));
		group = &g->of[g->count++];
		*group = (struct group){.why = why};
	}
	group->ids = mem_resize(group->ids, group->count + 1, sizeof(int));
	group->ids[group->count++] = id;
}

char *plan_awaits(const struct pool_state *state, const struct plan_facts *facts, size_t place)
{
	const struct queue_entry *self = place < state->queue_count ? &state->queue[place] : NULL;
	AUTO(groups_clear) struct groups groups = {0};
	struct str out = {0};

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (self && (!plan_entry_wants(self, (int)i) ||
			     (r && r->queue_id && !strcmp(r->queue_id, self->id))))
			continue;
		groups_add(&groups, awaits_why(state, facts, place, &state->slots[i]), (int)i);
	}
	for (size_t i = 0; i < groups.count; i++) {
		AUTO_FREE char *ids = str_join_ranges(groups.of[i].ids, groups.of[i].count);

		str_addf(&out, "%s%s %s", i ? ", " : "", groups.of[i].why, ids);
	}
	return str_steal(&out);
}
