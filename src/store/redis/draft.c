/* A commit in the making; see draft.h. */
#include "store/redis/draft.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"

/* In front of the states: lock, count, pool id, queue, history. */
#define FIXED_KEYS 5

void redis_draft_init(struct redis_draft *d, const struct pool_state *seen)
{
	uint64_t random = 0;

	*d = (struct redis_draft){.seen = seen};
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)clock_now_ns() ^ ((uint64_t)getpid() << 40);
	snprintf(d->mark, sizeof(d->mark), "%016" PRIx64, random);
	d->slots = mem_alloc(seen->slots_count, sizeof(*d->slots));
	for (size_t i = 0; i < seen->slots_count; i++) {
		d->slots[i].reservation = seen->slots[i].reservation;
		d->slots[i].last_released_ns = seen->slots[i].last_released_ns;
	}
	for (size_t i = 0; i < seen->ignored_count; i++)
		pool_state_ignore(&d->after, &seen->ignored[i], false);
}

void redis_draft_ignore(struct redis_draft *d, const struct change_ignore *c)
{
	pool_state_ignore(&d->after, c->process, c->drop);
	d->ignores = true;
}

void redis_draft_clear(struct redis_draft *d)
{
	for (size_t i = 0; i < d->owned_count; i++)
		free(d->owned[i]);
	redis_reply_clear(&d->queue);
	free(d->owned);
	free(d->words);
	free(d->slots);
	free(d->entries);
	free(d->records);
	pool_state_clear(&d->after);
	*d = (struct redis_draft){0};
}

void redis_draft_make(struct redis_draft *d, const struct change_init *init)
{
	size_t before = d->seen->slots_count;
	size_t count = init->gpus_count > before ? init->gpus_count : before;

	d->init = init;
	pool_state_clear(&d->after);
	d->slots = mem_resize(d->slots, count, sizeof(*d->slots));
	for (size_t i = 0; i < count; i++) {
		d->slots[i] = (struct redis_draft_slot){.compared = true, .touched = true};
		if (init->last_released_ns && i < init->gpus_count)
			d->slots[i].last_released_ns = init->last_released_ns[i];
	}
}

void redis_draft_record(struct redis_draft *d, const struct reservation *v,
			const struct change_end *c, int gpu)
{
	struct usage_record *u;

	d->records = mem_resize(d->records, d->records_count + 1, sizeof(*d->records));
	u = &d->records[d->records_count++];
	*u = (struct usage_record){
		.user = v->user,
		.account = v->account,
		.uid = v->uid,
		.type = v->type,
		.gpu = gpu,
		.start_ns = v->start_ns,
		/* A clock that was set back gives a length of zero. */
		.end_ns = c->end_ns > v->start_ns ? c->end_ns : v->start_ns,
		.reason = c->reason,
		.actor = (char *)(uintptr_t)c->actor,
	};
	memcpy(u->reservation_id, v->id, ID_SIZE);
}

int redis_draft_entry(struct redis_draft *d, const struct queue_entry *w, bool put, struct err *e)
{
	if (!put && !w->version)
		return err_set(e, EINVAL, "queue entry %s was not loaded", w->id);
	d->entries = mem_resize(d->entries, d->entries_count + 1, sizeof(*d->entries));
	d->entries[d->entries_count++] = (struct redis_draft_entry){w, put};
	return 0;
}

bool redis_draft_has(const struct redis_draft *d, const char *id)
{
	for (size_t i = 0; i < d->entries_count; i++) {
		if (!strcmp(d->entries[i].entry->id, id))
			return true;
	}
	return false;
}

/* ---- the words of the command ---- */

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

static size_t slots_of_new_pool(const struct redis_draft *d)
{
	size_t before = d->seen->slots_count;

	if (!d->init)
		return 0;
	return d->init->gpus_count > before ? d->init->gpus_count : before;
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

/* Which slots get a key about being in service: those that a change drains, all of a new pool. */
static bool has_drain(const struct redis_draft *d, size_t slot)
{
	return d->init || d->slots[slot].drain;
}

static size_t slots_of_draft(const struct redis_draft *d)
{
	return d->init ? slots_of_new_pool(d) : d->seen->slots_count;
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

/* Compared slots, entries, the ignored processes, host; then what is only written: slots of a
   larger pool, provider, UUIDs, the ignored processes and host of a new pool, drains, and the
   entries that are forgotten. */
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
	for (size_t i = d->seen->slots_count; i < slots_of_new_pool(d); i++)
		add_owned(d, mem_printf(REDIS_KEY_GPU "%zu", i));
	if (d->init) {
		add(d, REDIS_KEY_PROVIDER);
		add(d, REDIS_KEY_UUIDS);
		add(d, REDIS_KEY_IGNORED);
		add(d, REDIS_KEY_HOST);
	}
	for (size_t i = 0; i < slots_of_draft(d); i++) {
		if (has_drain(d, i))
			add_owned(d, mem_printf(REDIS_KEY_DRAINED "%zu", i));
	}
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

/* A slot of a new pool that was never used has no value at all. */
static void write_slot(struct redis_draft *d, size_t slot, size_t key)
{
	const struct redis_draft_slot *draft = &d->slots[slot];
	bool unused = d->init && !draft->reservation && draft->last_released_ns == TIME_NONE;

	add_operation(d, unused ? "del" : "set");
	add_number(d, key);
	if (unused)
		add(d, "");
	else if (draft->reservation)
		add_owned(d, redis_json_write_gpu(draft->reservation, d->mark));
	else
		add_owned(d, redis_json_write_free(draft->last_released_ns, d->mark));
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
		add_owned(d, mem_printf("%" PRId64, w->enqueued_ns));
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
		add_owned(d, redis_json_write_drained(drain->actor, drain->time_ns));
	else
		add(d, "");
}

/* The key goes with the last of them. */
static void write_ignored(struct redis_draft *d, size_t key)
{
	bool any = d->after.ignored_count > 0;

	add_operation(d, any ? "set" : "del");
	add_number(d, key);
	if (any)
		add_owned(d, redis_json_write_ignored(&d->after, d->mark));
	else
		add(d, "");
}

static void write_host(struct redis_draft *d, size_t key)
{
	add_operation(d, d->host ? "set" : "del");
	add_number(d, key);
	if (d->host)
		add_owned(d, redis_json_write_host(d->host));
	else
		add(d, "");
}

/* A recreated pool: slots beyond the old ones, whatever was left there, then its own keys. */
static void write_pool(struct redis_draft *d, size_t *key)
{
	for (size_t i = d->seen->slots_count; i < slots_of_new_pool(d); i++)
		write_slot(d, i, (*key)++);
	add_operation(d, "set");
	add(d, "2");
	add_number(d, d->init->gpus_count);
	add_operation(d, "set");
	add(d, "3");
	add(d, d->mark);
	add_operation(d, "set");
	add_number(d, (*key)++);
	add(d, d->init->provider);
	add_operation(d, d->init->uuids ? "set" : "del");
	add_number(d, (*key)++);
	if (d->init->uuids)
		add_owned(d, redis_json_write_uuids(d->init->uuids, d->init->gpus_count));
	else
		add(d, "");
	write_ignored(d, (*key)++);
	write_host(d, (*key)++);
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
	if (d->init)
		write_pool(d, &key);
	for (size_t i = 0; i < slots_of_draft(d); i++) {
		if (has_drain(d, i))
			write_drain(d, i, key++);
	}
}

void redis_draft_finish(struct redis_draft *d)
{
	size_t compared = count_compared(d) + d->entries_count + compares_host(d);
	size_t keys = FIXED_KEYS + compared + (d->init ? 4 : 0) + count_drains(d);

	if (d->init)
		keys += slots_of_new_pool(d) - d->seen->slots_count + count_forgotten(d);
	add(d, NULL); /* EVALSHA and its hash */
	add(d, NULL);
	add_number(d, keys);
	add(d, REDIS_KEY_LOCK);
	add(d, REDIS_KEY_COUNT);
	add(d, REDIS_KEY_POOL);
	add(d, REDIS_KEY_QUEUE);
	add(d, REDIS_KEY_HISTORY);
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
