/* The words of the script that carries a draft out: redis_draft_finish of draft.h, as commit.lua
   reads them. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/draft.h"

/* In front of the states: lock, count, pool id, queue, history, activity, marks, events. */
#define FIXED_KEYS 8
/* The places of two of them. */
#define KEY_COUNT 2
#define KEY_POOL 3

/* One that lets others pass is so far behind for other programs, which know the score alone. */
#define LETS_PASS_NS (100 * 365 * NS_PER_DAY)

static void add(struct redis_draft *d, const char *word)
{
	if (d->count == d->capacity) {
		d->capacity = d->capacity ? 2 * d->capacity : 64;
		d->words = mem_resize(d->words, d->capacity, sizeof(char *));
	}
	d->words[d->count++] = word;
}

static void add_owned(struct redis_draft *d, char *word)
{
	if (d->owned_count == d->owned_capacity) {
		d->owned_capacity = d->owned_capacity ? 2 * d->owned_capacity : 64;
		d->owned = mem_resize(d->owned, d->owned_capacity, sizeof(char *));
	}
	d->owned[d->owned_count++] = word;
	add(d, word);
}

static void add_number(struct redis_draft *d, size_t number)
{
	add_owned(d, mem_printf("%zu", number));
}

/* Operations have a name and two words. */
static void add_operation(struct redis_draft *d, const char *name)
{
	add(d, name);
}

/* Those that were seen, and those that are added. */
static size_t slots_of_draft(const struct redis_draft *d)
{
	size_t count = d->init ? d->init->gpus_count : d->units ? d->units->count : 0;

	return count > d->seen->slots_count ? count : d->seen->slots_count;
}

/* The list of a new pool is its own; another one must be as seen, since it is written as a whole.
 */
static bool compares_ignored(const struct redis_draft *d)
{
	return d->ignores && !d->init;
}

static size_t count_compared(const struct redis_draft *d)
{
	size_t count = compares_ignored(d);

	for (size_t i = 0; i < d->seen->slots_count; i++)
		count += d->slots[i].compared;
	return count;
}

/* Which slots get a key about being in service: those that a change drains, and all new ones. */
static bool has_drain(const struct redis_draft *d, size_t slot)
{
	return d->init || slot >= d->seen->slots_count || d->slots[slot].drain;
}

/* Whether it is said what the numbers mean. */
static bool has_units(const struct redis_draft *d)
{
	return d->init || d->units;
}

static bool has_topology(const struct redis_draft *d)
{
	return d->init || d->topology;
}

static size_t count_drains(const struct redis_draft *d)
{
	size_t count = 0;

	for (size_t i = 0; i < slots_of_draft(d); i++)
		count += has_drain(d, i);
	return count;
}

/* What is recorded of a pool's host is compared if a change alters it; a new pool has none. */
static bool compares_host(const struct redis_draft *d)
{
	return d->host && !d->init;
}

/* The entries that a recreated pool forgets, whether they could be read or not. */
static size_t count_forgotten(const struct redis_draft *d)
{
	return d->queue ? d->queue->elements : 0;
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

/* Compared slots, entries, the ignored processes, host; then what is only written: slots of a
   larger pool, provider, ignored processes and host of a new one, UUIDs, units, drains, the
   topology, slots whose activity is stored, the receipt, and the entries that are forgotten. */
static void add_keys(struct redis_draft *d)
{
	for (size_t i = 0; i < d->seen->slots_count; i++) {
		if (d->slots[i].compared)
			add_owned(d, mem_printf(REDIS_KEY_GPU "%zu", i));
	}
	for (size_t i = 0; i < d->entries_count; i++)
		add_owned(d, mem_printf(REDIS_KEY_ENTRY "%s", d->entries[i].entry->id));
	if (compares_ignored(d))
		add(d, REDIS_KEY_IGNORED);
	if (compares_host(d))
		add(d, REDIS_KEY_HOST);
	for (size_t i = d->seen->slots_count; i < slots_of_draft(d); i++)
		add_owned(d, mem_printf(REDIS_KEY_GPU "%zu", i));
	if (d->init) {
		add(d, REDIS_KEY_PROVIDER);
		add(d, REDIS_KEY_IGNORED);
		add(d, REDIS_KEY_HOST);
	}
	if (has_units(d)) {
		add(d, REDIS_KEY_UUIDS);
		add(d, REDIS_KEY_UNITS);
	}
	for (size_t i = 0; i < slots_of_draft(d); i++) {
		if (has_drain(d, i))
			add_owned(d, mem_printf(REDIS_KEY_DRAINED "%zu", i));
	}
	if (has_topology(d))
		add(d, REDIS_KEY_TOPOLOGY);
	for (size_t i = 0; i < d->activities_count; i++)
		add_owned(d, mem_printf(REDIS_KEY_GPU "%d", d->activities[i]->gpu));
	if (needs_receipt(d))
		add_owned(d, mem_printf(REDIS_KEY_COMMIT "%s", d->mark));
	for (size_t i = 0; i < count_forgotten(d); i++)
		add_owned(d, mem_printf(REDIS_KEY_ENTRY "%s", d->queue->element[i]->str));
}

/* The values as they were seen, in the order of the keys. */
static void add_seen(struct redis_draft *d)
{
	for (size_t i = 0; i < d->seen->slots_count; i++) {
		if (d->slots[i].compared)
			add(d, redis_mark_value(d->seen->slots[i].version));
	}
	for (size_t i = 0; i < d->entries_count; i++) {
		const char *seen = d->entries[i].entry->version;

		add(d, seen ? redis_mark_value(seen) : "");
	}
	if (compares_ignored(d))
		add(d, redis_mark_value(d->seen->ignored_version));
	if (compares_host(d))
		add(d, d->seen->host_version ? d->seen->host_version : "");
}

/* The pool's id, as all that was seen says. */
static void add_seen_pool(struct redis_draft *d)
{
	const char *seen = d->seen->slots_count ? d->seen->slots[0].version : "\n";

	add_owned(d, mem_printf("%.*s", (int)strcspn(seen, "\n"), seen));
}

/* A new slot that was never used has no value at all. */
static void write_slot(struct redis_draft *d, size_t slot, size_t key)
{
	const struct redis_draft_slot *draft = &d->slots[slot];
	bool unused = (d->init || slot >= d->seen->slots_count) && !draft->reservation &&
		      draft->last_released_ns == TIME_NONE;

	add_operation(d, unused ? "del" : "set");
	add_number(d, key);
	if (unused)
		add(d, "");
	else if (draft->reservation)
		add_owned(d, redis_json_write_gpu(draft->reservation, d->mark));
	else
		add_owned(d, redis_json_write_free(&(struct redis_freed){draft->last_released_ns,
									 draft->released_base,
									 draft->lapsed_ns},
						   d->mark));
}

static void write_entry(struct redis_draft *d, const struct redis_draft_entry *draft, size_t key)
{
	const struct queue_entry *w = draft->entry;

	add_operation(d, draft->put ? "set" : "del");
	add_number(d, key);
	if (draft->put)
		add_owned(d, redis_json_write_entry(w, d->mark));
	else
		add(d, "");
	add_operation(d, draft->put ? "put" : "drop");
	if (draft->put)
		add_owned(d, mem_printf("%" PRId64,
					w->enqueued_ns + (w->lets_pass ? LETS_PASS_NS : 0)));
	add(d, w->id);
	if (!draft->put)
		add(d, "");
}

static void write_record(struct redis_draft *d, const struct usage_record *u)
{
	char score[REDIS_SCORE_SIZE];

	add_operation(d, "record");
	add_owned(d, mem_strdup(redis_score(u->end_ns, score)));
	add_owned(d, redis_json_write_usage(u));
}

static void write_drain(struct redis_draft *d, size_t slot, size_t key)
{
	const struct change_drain *drain = d->slots[slot].drain;
	bool drained = drain && drain->actor;

	add_operation(d, drained ? "set" : "del");
	add_number(d, key);
	if (drained)
		add_owned(d, redis_json_write_drained(drain));
	else
		add(d, "");
}

/* An operation that sets a key to a text, which is owned from now on; NULL: deletes the key. */
static void write_key(struct redis_draft *d, size_t key, char *text)
{
	add_operation(d, text ? "set" : "del");
	add_number(d, key);
	if (text)
		add_owned(d, text);
	else
		add(d, "");
}

/* The key goes with the last of them. */
static void write_ignored(struct redis_draft *d, size_t key)
{
	write_key(d, key,
		  d->after.ignored_count ? redis_json_write_ignored(&d->after, d->mark) : NULL);
}

static void write_host(struct redis_draft *d, size_t key)
{
	write_key(d, key, d->host ? redis_json_write_host(d->host) : NULL);
}

/* A recreated pool: its own keys. */
static void write_pool(struct redis_draft *d, size_t *key)
{
	write_key(d, (*key)++, mem_strdup(d->init->provider));
	write_ignored(d, (*key)++);
	write_host(d, (*key)++);
}

/* What the numbers of the pool mean, and how many there are. With a new id of the pool, what was
   decided before does not apply; the states of its GPUs stay as whoever wrote them. */
static void write_units(struct redis_draft *d, size_t *key)
{
	const struct slot *slots = d->units ? d->units->slots : NULL;
	size_t count = d->units ? d->units->count : d->init->gpus_count;

	write_key(d, KEY_POOL, mem_strdup(d->mark));
	write_key(d, KEY_COUNT, mem_printf("%zu", count));
	write_key(d, (*key)++, slots ? redis_json_write_uuids(slots, count) : NULL);
	write_key(d, (*key)++, slots ? redis_json_write_units(slots, count) : NULL);
}

/* Empties the queue; the keys of its entries are the last ones. */
static void write_clear(struct redis_draft *d, size_t keys)
{
	for (size_t i = 0; i < count_forgotten(d); i++) {
		add_operation(d, "forget");
		add_number(d, keys - count_forgotten(d) + i + 1);
		add(d, d->queue->element[i]->str);
	}
	add_operation(d, "clear");
	if (d->seen->initialized)
		add_number(d, d->seen->queue_count + d->seen->queue_unreadable);
	else
		add(d, "");
	add(d, "");
}

static void write_mark(struct redis_draft *d, const struct change_mark *c)
{
	add_operation(d, "was");
	add(d, c->mark->key);
	add(d, c->mark->version ? c->mark->version : "");
	add_operation(d, c->drop ? "forget_note" : "note");
	add(d, c->mark->key);
	if (c->drop)
		add(d, "");
	else
		add_owned(d, redis_json_write_mark(c->mark, d->mark));
}

/* What is stored beside the pool's own state. */
static void write_seen(struct redis_draft *d, size_t key)
{
	for (size_t i = 0; i < d->activities_count; i++) {
		add_operation(d, "activity");
		add_number(d, key++);
		add_owned(d, redis_json_write_activity(d->activities[i]));
	}
	for (size_t i = 0; i < d->marks_count; i++)
		write_mark(d, d->marks[i]);
	for (size_t i = 0; i < d->events_count; i++) {
		add_operation(d, "event");
		add_owned(d, mem_printf("%" PRId64, d->events[i]->time_ns / 1000000));
		add_owned(d, redis_json_write_event(d->events[i]));
	}
	if (needs_receipt(d)) {
		add_operation(d, "receipt");
		add_number(d, key);
		add(d, "");
	}
}

static void write_all(struct redis_draft *d, size_t keys)
{
	size_t key = FIXED_KEYS + 1;

	/* First: entries that are put belong to the new pool. */
	if (d->init)
		write_clear(d, keys);
	for (size_t i = 0; i < d->seen->slots_count; i++) {
		if (d->slots[i].touched)
			write_slot(d, i, key);
		key += d->slots[i].compared;
	}
	for (size_t i = 0; i < d->entries_count; i++)
		write_entry(d, &d->entries[i], key++);
	if (compares_ignored(d))
		write_ignored(d, key++);
	if (compares_host(d))
		write_host(d, key++);
	for (size_t i = 0; i < d->records_count; i++)
		write_record(d, &d->records[i]);
	if (d->quiet) {
		add_operation(d, "quiet");
		add(d, "");
		add(d, "");
	}
	for (size_t i = d->seen->slots_count; i < slots_of_draft(d); i++)
		write_slot(d, i, key++);
	if (d->init)
		write_pool(d, &key);
	if (has_units(d))
		write_units(d, &key);
	for (size_t i = 0; i < slots_of_draft(d); i++) {
		if (has_drain(d, i))
			write_drain(d, i, key++);
	}
	if (has_topology(d))
		write_key(d, key++, d->topology ? mem_strdup(d->topology->text) : NULL);
	write_seen(d, key);
}

void redis_draft_finish(struct redis_draft *d)
{
	size_t compared = count_compared(d) + d->entries_count + compares_host(d);
	size_t keys = FIXED_KEYS + compared + (d->init ? 3 : 0) + (has_units(d) ? 2 : 0) +
		      count_drains(d) + has_topology(d) + slots_of_draft(d) - d->seen->slots_count +
		      d->activities_count + needs_receipt(d) + count_forgotten(d);

	add(d, NULL); /* EVALSHA and its hash */
	add(d, NULL);
	add_number(d, keys);
	add(d, REDIS_KEY_LOCK);
	add(d, REDIS_KEY_COUNT);
	add(d, REDIS_KEY_POOL);
	add(d, REDIS_KEY_QUEUE);
	add(d, REDIS_KEY_HISTORY);
	add(d, REDIS_KEY_ACTIVITY);
	add(d, REDIS_KEY_MARKS);
	add(d, REDIS_KEY_EVENTS);
	add_keys(d);
	if (d->seen->initialized)
		add_number(d, d->seen->slots_count);
	else
		add(d, "");
	add_seen_pool(d);
	add(d, d->mark);
	add_number(d, compared);
	add_seen(d);
	write_all(d, keys);
}
