/* See model_store.h. */
#include "model_store.h"

#include <errno.h>

#include "base/mem.h"

static void mark(struct model_store *m, char **seen)
{
	free(*seen);
	*seen = mem_printf("%llu", (unsigned long long)++m->version);
}

void model_init(struct model_store *m, size_t gpus)
{
	*m = (struct model_store){0};
	m->state.initialized = true;
	m->state.provider = mem_strdup("fake");
	pool_state_make_slots(&m->state, gpus);
	for (size_t i = 0; i < gpus; i++)
		mark(m, &m->state.slots[i].version);
}

void model_clear(struct model_store *m)
{
	pool_state_clear(&m->state);
	free(m->records);
	*m = (struct model_store){0};
}

void model_load(const struct model_store *m, struct pool_state *ret_state)
{
	pool_state_copy(ret_state, &m->state);
}

static struct queue_entry *find_entry(struct model_store *m, const char *id)
{
	for (size_t i = 0; i < m->state.queue_count; i++) {
		if (!strcmp(m->state.queue[i].id, id))
			return &m->state.queue[i];
	}
	return NULL;
}

static bool is_as_seen(struct model_store *m, const struct pool_state *seen, const struct change *c)
{
	const struct queue_entry *entry = change_entry(c);
	size_t count;
	const int *gpus = change_gpus(c, &count);

	if (entry) {
		struct queue_entry *now = find_entry(m, entry->id);

		return entry->version ? now && !strcmp(now->version, entry->version) : !now;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(m->state.slots[gpus[i]].version, seen->slots[gpus[i]].version) != 0)
			return false;
	}
	return true;
}

static void record(struct model_store *m, const struct change_end *end)
{
	for (size_t i = 0; i < end->gpus_count; i++) {
		struct model_record *r;

		m->records = mem_resize(m->records, m->records_count + 1, sizeof(*m->records));
		r = &m->records[m->records_count++];
		*r = (struct model_record){.gpu = end->gpus[i], .reason = end->reason};
		memcpy(r->id, end->reservation->id, ID_SIZE);
	}
}

static int apply(struct model_store *m, const struct change *c)
{
	size_t count;
	const int *gpus = change_gpus(c, &count);
	int r = change_apply(&m->state, c, &m->failure);

	if (r < 0)
		return r;
	if (c->kind == CHANGE_END && !c->end.unrecorded)
		record(m, &c->end);
	for (size_t i = 0; i < count && c->kind != CHANGE_CHECK; i++)
		mark(m, &m->state.slots[gpus[i]].version);
	if (c->kind == CHANGE_PUT)
		mark(m, &find_entry(m, c->put.entry->id)->version);
	return 0;
}

int model_commit(struct model_store *m, const struct pool_state *seen, const struct change *changes,
		 size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_as_seen(m, seen, &changes[i]))
			return -EAGAIN;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = apply(m, &changes[i]);
	return r;
}
