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

/* ---- loading ---- */

static int *copy_ids(const int *ids, size_t count)
{
	int *copy = mem_alloc(count + 1, sizeof(*copy));

	if (count)
		memcpy(copy, ids, count * sizeof(*copy));
	return copy;
}

static void copy_entry(struct queue_entry *to, const struct queue_entry *from)
{
	*to = *from;
	to->user = mem_strdup(from->user);
	to->account = mem_strdup(from->account);
	to->note = mem_strdup(from->note);
	to->version = mem_strdup(from->version);
	if (from->requested_ids)
		to->requested_ids = copy_ids(from->requested_ids, from->requested_ids_count);
	to->collected = copy_ids(from->collected, from->collected_count);
	to->holder = (struct holder){0};
	holder_copy(&to->holder, &from->holder);
}

void model_load(const struct model_store *m, struct pool_state *ret_state)
{
	const struct pool_state *from = &m->state;

	*ret_state = (struct pool_state){.initialized = from->initialized,
					 .provider = mem_strdup(from->provider)};
	pool_state_make_slots(ret_state, from->slots_count);
	for (size_t i = 0; i < from->slots_count; i++) {
		ret_state->slots[i].last_released_ns = from->slots[i].last_released_ns;
		ret_state->slots[i].drained_by = mem_strdup(from->slots[i].drained_by);
		ret_state->slots[i].drained_ns = from->slots[i].drained_ns;
		ret_state->slots[i].version = mem_strdup(from->slots[i].version);
	}
	for (size_t i = 0; i < from->reservations_count; i++)
		pool_state_add(ret_state, reservation_copy(from->reservations[i]));
	for (size_t i = 0; i < from->queue_count; i++)
		copy_entry(pool_state_add_waiter(ret_state), &from->queue[i]);
}

/* ---- comparing ---- */

static struct queue_entry *find_entry(struct model_store *m, const char *id)
{
	for (size_t i = 0; i < m->state.queue_count; i++) {
		if (!strcmp(m->state.queue[i].id, id))
			return &m->state.queue[i];
	}
	return NULL;
}

/* The GPUs that a change touches, or compares. */
static size_t named(const struct change *c, const int **ret_gpus)
{
	bool own = c->kind == CHANGE_END || c->kind == CHANGE_DRAIN || c->kind == CHANGE_CHECK;

	*ret_gpus = own ? c->gpus : c->reservation ? c->reservation->gpus : NULL;
	return own ? c->gpus_count : c->reservation ? c->reservation->gpus_count : 0;
}

static bool is_as_seen(struct model_store *m, const struct pool_state *seen, const struct change *c)
{
	const int *gpus;
	size_t count = named(c, &gpus);

	if (c->entry) {
		struct queue_entry *now = find_entry(m, c->entry->id);

		return c->entry->version ? now && !strcmp(now->version, c->entry->version) : !now;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(m->state.slots[gpus[i]].version, seen->slots[gpus[i]].version) != 0)
			return false;
	}
	return true;
}

/* ---- applying ---- */

static int refuse(struct model_store *m, const char *why)
{
	m->failure = why;
	return -EINVAL;
}

static void record(struct model_store *m, const struct change *c, int gpu)
{
	struct model_record *r;

	m->records = mem_resize(m->records, m->records_count + 1, sizeof(*m->records));
	r = &m->records[m->records_count++];
	*r = (struct model_record){.gpu = gpu, .reason = c->reason};
	memcpy(r->id, c->reservation->id, ID_SIZE);
}

static void forget_reservation(struct pool_state *state, struct reservation *r)
{
	size_t i = 0;

	while (state->reservations[i] != r)
		i++;
	memmove(&state->reservations[i], &state->reservations[i + 1],
		(--state->reservations_count - i) * sizeof(struct reservation *));
	reservation_free(r);
}

static int apply_end(struct model_store *m, const struct change *c)
{
	if (!c->gpus_count)
		return refuse(m, "an end of nothing");
	for (size_t i = 0; i < c->gpus_count; i++) {
		struct slot *slot = &m->state.slots[c->gpus[i]];
		struct reservation *r = slot->reservation;
		size_t k = 0;

		if (!r || strcmp(r->id, c->reservation->id) != 0)
			return refuse(m, "an end of what is not there");
		if (!c->unrecorded)
			record(m, c, c->gpus[i]);
		while (r->gpus[k] != c->gpus[i])
			k++;
		memmove(&r->gpus[k], &r->gpus[k + 1], (--r->gpus_count - k) * sizeof(int));
		slot->reservation = NULL;
		slot->last_released_ns = c->time_ns;
		if (!r->gpus_count)
			forget_reservation(&m->state, r);
	}
	return 0;
}

static int apply_grant(struct model_store *m, const struct change *c)
{
	const struct reservation *r = c->reservation;

	if (*r->id && pool_state_find(&m->state, r->id))
		return refuse(m, "a reservation is granted twice");
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (m->state.slots[r->gpus[i]].reservation)
			return refuse(m, "a GPU has two owners");
	}
	pool_state_add(&m->state, reservation_copy(r));
	return 0;
}

static int apply_renew(struct model_store *m, const struct change *c)
{
	struct reservation *r = m->state.slots[c->reservation->gpus[0]].reservation;

	if (!r || strcmp(r->id, c->reservation->id) != 0)
		return refuse(m, "a sign of life of what is not there");
	r->heartbeat_ns = c->reservation->heartbeat_ns;
	r->expiry_ns = c->reservation->expiry_ns;
	r->holder.command = c->reservation->holder.command;
	return 0;
}

static int apply_drop(struct model_store *m, const struct change *c)
{
	struct queue_entry *q = find_entry(m, c->entry->id);
	size_t i;

	if (!q)
		return refuse(m, "an entry leaves that is not there");
	i = (size_t)(q - m->state.queue);
	queue_entry_clear(q);
	memmove(q, q + 1, (--m->state.queue_count - i) * sizeof(*q));
	return 0;
}

/* In order of arrival, by id where that is the same. */
static int apply_put(struct model_store *m, const struct change *c)
{
	struct queue_entry copy;
	size_t i;

	copy_entry(&copy, c->entry);
	mark(m, &copy.version);
	if (find_entry(m, copy.id))
		apply_drop(m, c);
	pool_state_add_waiter(&m->state);
	for (i = m->state.queue_count - 1; i; i--) {
		const struct queue_entry *before = &m->state.queue[i - 1];

		if (before->enqueued_ns < copy.enqueued_ns ||
		    (before->enqueued_ns == copy.enqueued_ns && strcmp(before->id, copy.id) < 0))
			break;
		m->state.queue[i] = m->state.queue[i - 1];
	}
	m->state.queue[i] = copy;
	return 0;
}

static int apply_drain(struct model_store *m, const struct change *c)
{
	for (size_t i = 0; i < c->gpus_count; i++) {
		mem_replace(&m->state.slots[c->gpus[i]].drained_by, c->actor);
		m->state.slots[c->gpus[i]].drained_ns = c->actor ? c->time_ns : TIME_NONE;
	}
	return 0;
}

static int apply(struct model_store *m, const struct change *c)
{
	const int *gpus;
	size_t count = named(c, &gpus);

	for (size_t i = 0; i < count && c->kind != CHANGE_CHECK; i++)
		mark(m, &m->state.slots[gpus[i]].version);
	switch (c->kind) {
	case CHANGE_END:
		return apply_end(m, c);
	case CHANGE_GRANT:
		return apply_grant(m, c);
	case CHANGE_RENEW:
		return apply_renew(m, c);
	case CHANGE_QUEUE_PUT:
		return apply_put(m, c);
	case CHANGE_QUEUE_DROP:
		return apply_drop(m, c);
	case CHANGE_DRAIN:
		return apply_drain(m, c);
	case CHANGE_CHECK:
		return 0;
	case CHANGE_INIT:
		break;
	}
	return refuse(m, "a change that this store does not know");
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
