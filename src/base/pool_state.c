/* What is agreed: the state of a pool, and its slots; see nouns.h. */
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

void pool_state_clear(struct pool_state *s)
{
	pool_state_make_slots(s, 0);
	free(s->slots);
	for (size_t i = 0; i < s->reservations_count; i++)
		reservation_free(s->reservations[i]);
	free(s->reservations);
	for (size_t i = 0; i < s->queue_count; i++)
		queue_entry_clear(&s->queue[i]);
	free(s->queue);
	for (size_t i = 0; i < s->ignored_count; i++)
		ignored_process_clear(&s->ignored[i]);
	free(s->ignored);
	free(s->ignored_version);
	for (size_t i = 0; i < s->marks_count; i++)
		mark_clear(&s->marks[i]);
	free(s->marks);
	free(s->topology);
	free(s->provider);
	machine_clear(&s->host);
	free(s->host_version);
	*s = (struct pool_state){0};
}

void pool_state_copy(struct pool_state *to, const struct pool_state *from)
{
	*to = (struct pool_state){
		.initialized = from->initialized,
		.provider = mem_strdup(from->provider),
		.topology = mem_strdup(from->topology),
		.host_version = mem_strdup(from->host_version),
		.queue_unreadable = from->queue_unreadable,
	};
	machine_copy(&to->host, &from->host);
	pool_state_make_slots(to, from->slots_count);
	for (size_t i = 0; i < from->slots_count; i++) {
		const struct slot *slot = &from->slots[i];

		slot_set_unit(&to->slots[i], slot);
		to->slots[i].last_released_ns = slot->last_released_ns;
		to->slots[i].released_base = slot->released_base;
		to->slots[i].lapsed_ns = slot->lapsed_ns;
		to->slots[i].drained_by = mem_strdup(slot->drained_by);
		to->slots[i].drained_ns = slot->drained_ns;
		to->slots[i].drained_note = mem_strdup(slot->drained_note);
		to->slots[i].problem = mem_strdup(slot->problem);
		to->slots[i].activity = slot->activity;
		to->slots[i].version = mem_strdup(slot->version);
	}
	for (size_t i = 0; i < from->reservations_count; i++)
		pool_state_add(to, reservation_copy(from->reservations[i]));
	for (size_t i = 0; i < from->queue_count; i++)
		queue_entry_copy(pool_state_add_waiter(to), &from->queue[i]);
	for (size_t i = 0; i < from->ignored_count; i++)
		pool_state_ignore(to, &from->ignored[i], false);
	to->ignored_version = mem_strdup(from->ignored_version);
	to->marks = mem_alloc(from->marks_count, sizeof(*to->marks));
	for (; to->marks_count < from->marks_count; to->marks_count++)
		mark_copy(&to->marks[to->marks_count], &from->marks[to->marks_count]);
}

struct reservation *pool_state_find(const struct pool_state *s, const char *id)
{
	for (size_t i = 0; i < s->reservations_count; i++) {
		if (!strcmp(s->reservations[i]->id, id))
			return s->reservations[i];
	}
	return NULL;
}

bool ignored_is_same(const struct ignored_process *a, const struct ignored_process *b)
{
	return a->holder.command.pid == b->holder.command.pid &&
	       a->holder.command.start_ticks == b->holder.command.start_ticks &&
	       same_text(a->holder.boot_id, b->holder.boot_id);
}

void pool_state_ignore(struct pool_state *s, const struct ignored_process *process, bool drop)
{
	struct ignored_process *copy;
	size_t kept = 0;

	for (size_t i = 0; i < s->ignored_count; i++) {
		if (ignored_is_same(&s->ignored[i], process))
			ignored_process_clear(&s->ignored[i]);
		else
			s->ignored[kept++] = s->ignored[i];
	}
	s->ignored_count = kept;
	if (drop)
		return;
	s->ignored = mem_resize(s->ignored, kept + 1, sizeof(*s->ignored));
	copy = &s->ignored[s->ignored_count++];
	*copy = *process;
	holder_copy(&copy->holder, &process->holder);
	copy->name = mem_strdup(process->name);
	copy->ignored_by = mem_strdup(process->ignored_by);
}

/* Where the mark of that key is, or belongs. */
static size_t find_mark(const struct pool_state *s, const char *key, bool *ret_found)
{
	size_t from = 0, to = s->marks_count;

	*ret_found = false;
	while (from < to && !*ret_found) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(s->marks[middle].key, key);

		if (order < 0)
			from = middle + 1;
		else
			to = middle;
		*ret_found = order == 0;
	}
	return *ret_found ? to : from;
}

const struct mark *pool_state_mark(const struct pool_state *s, const char *key)
{
	bool found;
	size_t place = find_mark(s, key, &found);

	return found ? &s->marks[place] : NULL;
}

void pool_state_put_mark(struct pool_state *s, const struct mark *mark, bool drop)
{
	bool found;
	size_t place = find_mark(s, mark->key, &found);
	struct mark copy;

	if (found && drop) {
		mark_clear(&s->marks[place]);
		memmove(&s->marks[place], &s->marks[place + 1],
			(--s->marks_count - place) * sizeof(*s->marks));
	}
	if (drop)
		return;
	mark_copy(&copy, mark);
	if (found) {
		mark_clear(&s->marks[place]);
	} else {
		s->marks = mem_resize(s->marks, s->marks_count + 1, sizeof(*s->marks));
		memmove(&s->marks[place + 1], &s->marks[place],
			(s->marks_count++ - place) * sizeof(*s->marks));
	}
	s->marks[place] = copy;
}

void pool_state_add(struct pool_state *s, struct reservation *r)
{
	s->reservations = mem_resize(s->reservations, s->reservations_count + 1,
				     sizeof(struct reservation *));
	s->reservations[s->reservations_count++] = r;
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (r->gpus[i] >= 0 && (size_t)r->gpus[i] < s->slots_count)
			s->slots[r->gpus[i]].reservation = r;
	}
}

struct queue_entry *pool_state_add_waiter(struct pool_state *s)
{
	struct queue_entry *q;

	s->queue = mem_resize(s->queue, s->queue_count + 1, sizeof(*s->queue));
	q = &s->queue[s->queue_count++];
	*q = (struct queue_entry){0};
	return q;
}
