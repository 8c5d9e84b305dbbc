/* The words of the script that carries a draft out: redis_draft_finish of draft.h, as commit.lua
   reads them. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/draft.h"

/* The first keys, as commit.lua knows them. */
static const char *const fixed_keys[] = {
	REDIS_KEY_LOCK,    REDIS_KEY_COUNT,    REDIS_KEY_POOL,  REDIS_KEY_QUEUE,
	REDIS_KEY_HISTORY, REDIS_KEY_ACTIVITY, REDIS_KEY_MARKS, REDIS_KEY_EVENTS,
};

/* Two of them, as operations name keys: by number, from 1 on. */
#define KEY_COUNT "2"
#define KEY_POOL "3"

/* One that lets others pass is so far behind for other programs, which know the score alone. */
#define LETS_PASS_NS (100 * 365 * NS_PER_DAY)

struct list {
	const char **items;
	size_t count, capacity;
};

/* The script in the making: its keys, what must be as it was seen, and the other operations. Each
   of these has a name and two words. */
struct making {
	struct redis_draft *d;
	struct list keys, seen, operations;
};

static void add(struct list *l, const char *word)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 64;
		l->items = mem_resize(l->items, l->capacity, sizeof(char *));
	}
	l->items[l->count++] = word;
}

/* The same text, which the draft owns from now on. */
static const char *own(struct redis_draft *d, char *word)
{
	if (d->owned_count == d->owned_capacity) {
		d->owned_capacity = d->owned_capacity ? 2 * d->owned_capacity : 64;
		d->owned = mem_resize(d->owned, d->owned_capacity, sizeof(char *));
	}
	d->owned[d->owned_count++] = word;
	return word;
}

static const char *number(struct redis_draft *d, size_t value)
{
	return own(d, mem_printf("%zu", value));
}

/* Adds a key. Returns how operations name it. */
static const char *add_key(struct making *m, const char *name)
{
	add(&m->keys, name);
	return number(m->d, m->keys.count);
}

static void add_three(struct list *l, const char *name, const char *first, const char *second)
{
	add(l, name);
	add(l, first);
	add(l, second);
}

static void operation(struct making *m, const char *name, const char *first, const char *second)
{
	add_three(&m->operations, name, first, second);
}

/* Adds a key whose value must be as it was seen. */
static const char *compare_key(struct making *m, const char *name, const char *seen)
{
	const char *key = add_key(m, name);

	add_three(&m->seen, "seen", key, seen);
	return key;
}

/* Sets a key to a text, which is owned from now on; NULL: deletes the key. */
static void write_key(struct making *m, const char *key, char *text)
{
	operation(m, text ? "set" : "del", key, text ? own(m->d, text) : "");
}

static const char *gpu_key(struct making *m, size_t slot)
{
	return own(m->d, mem_printf(REDIS_KEY_GPU "%zu", slot));
}

static const char *entry_key(struct making *m, const char *id)
{
	return own(m->d, mem_printf(REDIS_KEY_ENTRY "%s", id));
}

/* Those that were seen, and those that are added. */
static size_t slots_of_draft(const struct redis_draft *d)
{
	size_t count = d->init ? d->init->gpus_count : d->units ? d->units->count : 0;

	return count > d->seen->slots_count ? count : d->seen->slots_count;
}

/* Whether nothing of the commit would tell that it was applied: it is known by its receipt. */
static bool needs_receipt(const struct redis_draft *d)
{
	bool leaves_trace = d->init || d->units || d->entries_count || d->ignores;

	for (size_t i = 0; i < slots_of_draft(d); i++)
		leaves_trace |= d->slots[i].touched;
	for (size_t i = 0; i < d->marks_count; i++)
		leaves_trace |= !d->marks[i]->drop;
	return d->events_count && !leaves_trace;
}

/* A recreated pool forgets all entries, whether they could be read or not. */
static void write_clear(struct making *m)
{
	const struct redis_draft *d = m->d;
	size_t waiting = d->seen->queue_count + d->seen->queue_unreadable;

	for (size_t i = 0; d->queue && i < d->queue->elements; i++) {
		const char *id = d->queue->element[i]->str;

		operation(m, "forget", add_key(m, entry_key(m, id)), id);
	}
	operation(m, "clear", d->seen->initialized ? number(m->d, waiting) : "", "");
}

/* A new slot that was never used has no value at all. */
static void write_slot(struct making *m, size_t slot, const char *key)
{
	struct redis_draft *d = m->d;
	const struct redis_draft_slot *draft = &d->slots[slot];
	const struct redis_freed freed = {draft->last_released_ns, draft->released_base,
					  draft->lapsed_ns};
	bool unused = (d->init || slot >= d->seen->slots_count) && !draft->reservation &&
		      draft->last_released_ns == TIME_NONE;

	write_key(m, key,
		  unused               ? NULL
		  : draft->reservation ? redis_json_write_gpu(draft->reservation, d->mark)
				       : redis_json_write_free(&freed, d->mark));
}

static void write_slots(struct making *m)
{
	const struct redis_draft *d = m->d;

	for (size_t i = 0; i < d->seen->slots_count; i++) {
		const char *key;

		if (!d->slots[i].compared)
			continue;
		key = compare_key(m, gpu_key(m, i), redis_mark_value(d->seen->slots[i].version));
		if (d->slots[i].touched)
			write_slot(m, i, key);
	}
	for (size_t i = d->seen->slots_count; i < slots_of_draft(d); i++)
		write_slot(m, i, add_key(m, gpu_key(m, i)));
}

static void write_entry(struct making *m, const struct redis_draft_entry *draft)
{
	const struct queue_entry *w = draft->entry;
	int64_t place = w->enqueued_ns + (w->lets_pass ? LETS_PASS_NS : 0);
	const char *key =
		compare_key(m, entry_key(m, w->id), w->version ? redis_mark_value(w->version) : "");

	write_key(m, key, draft->put ? redis_json_write_entry(w, m->d->mark) : NULL);
	if (draft->put)
		operation(m, "put", own(m->d, mem_printf("%" PRId64, place)), w->id);
	else
		operation(m, "drop", w->id, "");
}

/* The list of a new pool is its own; another one must be as seen, since it is written as a whole.
   The key goes with the last of them. */
static void write_ignored(struct making *m)
{
	const struct redis_draft *d = m->d;
	const char *key;

	if (!d->init && !d->ignores)
		return;
	key = d->init ? add_key(m, REDIS_KEY_IGNORED)
		      : compare_key(m, REDIS_KEY_IGNORED,
				    redis_mark_value(d->seen->ignored_version));
	write_key(m, key,
		  d->after.ignored_count ? redis_json_write_ignored(&d->after, d->mark) : NULL);
}

/* What is recorded of a pool's host must be as seen where it is changed; a new pool has none. */
static void write_host(struct making *m)
{
	const struct redis_draft *d = m->d;
	const char *seen = d->seen->host_version ? d->seen->host_version : "", *key;

	if (!d->init && !d->host)
		return;
	key = d->init ? add_key(m, REDIS_KEY_HOST) : compare_key(m, REDIS_KEY_HOST, seen);
	write_key(m, key, d->host ? redis_json_write_host(d->host) : NULL);
}

static void write_record(struct making *m, const struct usage_record *u)
{
	char score[REDIS_SCORE_SIZE];

	operation(m, "record", own(m->d, mem_strdup(redis_score(u->end_ns, score))),
		  own(m->d, redis_json_write_usage(u)));
}

/* What the numbers of the pool mean, and how many there are. With a new id of the pool, what was
   decided before does not apply; the states of its GPUs stay as whoever wrote them. */
static void write_units(struct making *m)
{
	const struct redis_draft *d = m->d;
	const struct slot *slots = d->units ? d->units->slots : NULL;
	size_t count;

	if (!d->init && !d->units)
		return;
	count = d->units ? d->units->count : d->init->gpus_count;
	write_key(m, KEY_POOL, mem_strdup(d->mark));
	write_key(m, KEY_COUNT, mem_printf("%zu", count));
	write_key(m, add_key(m, REDIS_KEY_UUIDS),
		  slots ? redis_json_write_uuids(slots, count) : NULL);
	write_key(m, add_key(m, REDIS_KEY_UNITS),
		  slots ? redis_json_write_units(slots, count) : NULL);
}

/* Which slots are in service: those that a change drains, and all new ones. */
static void write_drains(struct making *m)
{
	const struct redis_draft *d = m->d;

	for (size_t i = 0; i < slots_of_draft(d); i++) {
		const struct change_drain *drain = d->slots[i].drain;

		if (!d->init && i < d->seen->slots_count && !drain)
			continue;
		write_key(m, add_key(m, own(m->d, mem_printf(REDIS_KEY_DRAINED "%zu", i))),
			  drain && drain->actor ? redis_json_write_drained(drain) : NULL);
	}
}

static void write_mark(struct making *m, const struct change_mark *c)
{
	operation(m, "was", c->mark->key, c->mark->version ? c->mark->version : "");
	if (c->drop)
		operation(m, "forget_note", c->mark->key, "");
	else
		operation(m, "note", c->mark->key,
			  own(m->d, redis_json_write_mark(c->mark, m->d->mark)));
}

/* What is stored beside the pool's own state. */
static void write_seen(struct making *m)
{
	struct redis_draft *d = m->d;

	for (size_t i = 0; i < d->activities_count; i++)
		operation(m, "activity", add_key(m, gpu_key(m, (size_t)d->activities[i]->gpu)),
			  own(d, redis_json_write_activity(d->activities[i])));
	for (size_t i = 0; i < d->marks_count; i++)
		write_mark(m, d->marks[i]);
	for (size_t i = 0; i < d->events_count; i++)
		operation(m, "event",
			  own(d, mem_printf("%" PRId64, d->events[i]->time_ns / NS_PER_MS)),
			  own(d, redis_json_write_event(d->events[i])));
	if (needs_receipt(d))
		operation(m, "receipt",
			  add_key(m, own(d, mem_printf(REDIS_KEY_COMMIT "%s", d->mark))), "");
}

static void write_all(struct making *m)
{
	const struct redis_draft *d = m->d;

	/* First: entries that are put belong to the new pool. */
	if (d->init)
		write_clear(m);
	write_slots(m);
	for (size_t i = 0; i < d->entries_count; i++)
		write_entry(m, &d->entries[i]);
	write_ignored(m);
	write_host(m);
	for (size_t i = 0; i < d->records_count; i++)
		write_record(m, &d->records[i]);
	if (d->quiet)
		operation(m, "quiet", "", "");
	if (d->init)
		write_key(m, add_key(m, REDIS_KEY_PROVIDER), mem_strdup(d->init->provider));
	write_units(m);
	write_drains(m);
	if (d->init || d->topology)
		write_key(m, add_key(m, REDIS_KEY_TOPOLOGY),
			  d->topology ? mem_strdup(d->topology->text) : NULL);
	write_seen(m);
}

/* The pool's id, as all that was seen says. */
static const char *seen_pool(struct redis_draft *d)
{
	const char *seen = d->seen->slots_count ? d->seen->slots[0].version : "\n";

	return own(d, mem_printf("%.*s", (int)strcspn(seen, "\n"), seen));
}

static void append(struct list *to, struct list *from)
{
	for (size_t i = 0; i < from->count; i++)
		add(to, from->items[i]);
	free(from->items);
}

void redis_draft_finish(struct redis_draft *d)
{
	struct making m = {.d = d};
	struct list words = {0};

	for (size_t i = 0; i < ARRAY_SIZE(fixed_keys); i++)
		add(&m.keys, fixed_keys[i]);
	write_all(&m);
	add(&words, NULL); /* EVALSHA and its hash */
	add(&words, NULL);
	add(&words, number(d, m.keys.count));
	append(&words, &m.keys);
	add(&words, d->seen->initialized ? number(d, d->seen->slots_count) : "");
	add(&words, seen_pool(d));
	add(&words, d->mark);
	append(&words, &m.seen);
	append(&words, &m.operations);
	d->words = words.items;
	d->count = words.count;
}
