/* The slots of a pool's state; see nouns.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nouns.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

void slot_set_unit(struct slot *to, const struct slot *from)
{
	static const struct slot nothing;
	const struct slot *s = from ? from : &nothing;

	mem_replace(&to->uuid, s->uuid);
	mem_replace(&to->profile, s->profile);
	mem_replace(&to->parent, s->parent);
	to->parent_index = s->parent_index;
	to->retired_ns = s->retired_ns;
}

bool slot_is_same_unit(const struct slot *a, const struct slot *b)
{
	return same_text(a->uuid, b->uuid) && same_text(a->profile, b->profile) &&
	       same_text(a->parent, b->parent) && a->parent_index == b->parent_index &&
	       a->retired_ns == b->retired_ns;
}

static void clear_slot(struct slot *s)
{
	slot_set_unit(s, NULL);
	free(s->drained_by);
	free(s->drained_note);
	free(s->problem);
	free(s->version);
}

void pool_state_make_slots(struct pool_state *s, size_t count)
{
	for (size_t i = 0; i < s->slots_count; i++)
		clear_slot(&s->slots[i]);
	s->slots_count = 0;
	pool_state_extend(s, count);
}

void pool_state_extend(struct pool_state *s, size_t count)
{
	if (count > s->slots_count)
		s->slots = mem_resize(s->slots, count, sizeof(*s->slots));
	for (; s->slots_count < count; s->slots_count++)
		s->slots[s->slots_count] = (struct slot){.id = (int)s->slots_count};
}
