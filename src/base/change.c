/* What a change does to a state; see change.h. Stores do the same in SQL and in their script. */
#include "base/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const struct queue_entry *change_entry(const struct change *c)
{
	if (c->kind == CHANGE_PUT)
		return c->put.entry;
	return c->kind == CHANGE_DROP ? c->drop.entry : NULL;
}

const int *change_gpus(const struct change *c, size_t *ret_count)
{
	switch (c->kind) {
	case CHANGE_GRANT:
		*ret_count = c->grant.reservation->gpus_count;
		return c->grant.reservation->gpus;
	case CHANGE_END:
		*ret_count = c->end.gpus_count;
		return c->end.gpus;
	case CHANGE_RENEW:
		*ret_count = c->renew.reservation->gpus_count;
		return c->renew.reservation->gpus;
	case CHANGE_DRAIN:
		*ret_count = c->drain.gpus_count;
		return c->drain.gpus;
	case CHANGE_CHECK:
		*ret_count = c->check.gpus_count;
		return c->check.gpus;
	case CHANGE_INIT:
	case CHANGE_UNITS:
	case CHANGE_PUT:
	case CHANGE_DROP:
	case CHANGE_IGNORE:
	case CHANGE_TOPOLOGY:
	case CHANGE_HOST:
	case CHANGE_ACTIVITY:
	case CHANGE_MARK:
	case CHANGE_EVENT:
		break;
	}
	*ret_count = 0;
	return NULL;
}

bool change_needs_gpus(enum change_kind kind)
{
	switch (kind) {
	case CHANGE_GRANT:
	case CHANGE_END:
	case CHANGE_RENEW:
	case CHANGE_DRAIN:
	case CHANGE_CHECK:
		return true;
	case CHANGE_INIT:
	case CHANGE_PUT:
	case CHANGE_DROP:
	case CHANGE_IGNORE:
	case CHANGE_UNITS:
	case CHANGE_HOST:
	case CHANGE_TOPOLOGY:
	case CHANGE_ACTIVITY:
	case CHANGE_MARK:
	case CHANGE_EVENT:
		break;
	}
	return false;
}

/* ---- reservations ---- */

/* Reservations of other programs may have no id: they are known by their GPU and their start. */
static bool is_same(const struct reservation *a, const struct reservation *b)
{
	if (!a || strcmp(a->id, b->id) != 0)
		return false;
	return *a->id || a->start_ns == b->start_ns;
}

static int apply_grant(struct pool_state *state, const struct reservation *r, struct err *e)
{
	if (*r->id && pool_state_find(state, r->id))
		return err_set(e, EINVAL, "reservation %s is granted twice", r->id);
	for (size_t i = 0; i < r->gpus_count; i++) {
		const struct slot *slot = &state->slots[r->gpus[i]];

		if (slot->reservation || slot->problem)
			return err_set(e, EINVAL, "GPU %d cannot be granted: it is not free",
				       r->gpus[i]);
	}
	pool_state_add(state, reservation_copy(r));
	return 0;
}

/* That reservation, on all these GPUs; NULL where it does not hold one of them. */
static struct reservation *find_held(struct pool_state *state, const struct reservation *r,
				     const int *gpus, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_same(state->slots[gpus[i]].reservation, r)) {
			err_set(e, EINVAL, "GPU %d is not held by reservation %s", gpus[i], r->id);
			return NULL;
		}
	}
	return state->slots[gpus[0]].reservation;
}

static void remove_gpu(struct reservation *r, int gpu)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		if (r->gpus[i] != gpu)
			r->gpus[kept++] = r->gpus[i];
	}
	r->gpus_count = kept;
}

static void remove_reservation(struct pool_state *state, struct reservation *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->reservations_count; i++) {
		if (state->reservations[i] != r)
			state->reservations[kept++] = state->reservations[i];
	}
	state->reservations_count = kept;
	reservation_free(r);
}

static int apply_end(struct pool_state *state, const struct change_end *end, struct err *e)
{
	if (!find_held(state, end->reservation, end->gpus, end->gpus_count, e))
		return -EINVAL;
	for (size_t i = 0; i < end->gpus_count; i++) {
		struct slot *slot = &state->slots[end->gpus[i]];

		remove_gpu(slot->reservation, slot->id);
		if (!slot->reservation->gpus_count)
			remove_reservation(state, slot->reservation);
		slot->reservation = NULL;
		slot->activity = (struct activity){0};
		slot->last_released_ns = end->end_ns;
		slot->released_base = end->reservation->base;
		slot->lapsed_ns = end->lapsed_ns;
	}
	return 0;
}

static int apply_renew(struct pool_state *state, const struct reservation *r, struct err *e)
{
	struct reservation *held = find_held(state, r, r->gpus, r->gpus_count, e);

	if (!held)
		return -EINVAL;
	held->start_ns = r->start_ns;
	held->heartbeat_ns = r->heartbeat_ns;
	held->expiry_ns = r->expiry_ns;
	held->deadline_ns = r->deadline_ns;
	held->base = r->base;
	held->doubt = r->doubt;
	mem_replace(&held->note, r->note);
	holder_clear(&held->holder);
	holder_copy(&held->holder, &r->holder);
	return 0;
}

/* ---- the queue ---- */

static size_t find_place(const struct pool_state *state, const char *id)
{
	size_t i = 0;

	while (i < state->queue_count && strcmp(state->queue[i].id, id) != 0)
		i++;
	return i;
}

/* By arrival, and by id where that is the same. */
static bool comes_before(const struct queue_entry *a, const struct queue_entry *b)
{
	if (a->enqueued_ns != b->enqueued_ns)
		return a->enqueued_ns < b->enqueued_ns;
	return strcmp(a->id, b->id) < 0;
}

static int apply_drop(struct pool_state *state, const struct queue_entry *q, struct err *e)
{
	size_t place = find_place(state, q->id);

	if (place == state->queue_count)
		return err_set(e, EINVAL, "queue entry %s is not there", q->id);
	queue_entry_clear(&state->queue[place]);
	memmove(&state->queue[place], &state->queue[place + 1],
		(--state->queue_count - place) * sizeof(*state->queue));
	return 0;
}

static void apply_put(struct pool_state *state, const struct queue_entry *q)
{
	struct queue_entry copy;
	size_t place;

	queue_entry_copy(&copy, q);
	if (find_place(state, q->id) < state->queue_count)
		(void)apply_drop(state, q, NULL);
	pool_state_add_waiter(state);
	for (place = state->queue_count - 1; place; place--) {
		if (comes_before(&state->queue[place - 1], &copy))
			break;
		state->queue[place] = state->queue[place - 1];
	}
	state->queue[place] = copy;
}

/* ---- the pool ---- */

static int apply_init(struct pool_state *state, const struct change_init *init, struct err *e)
{
	if (state->reservations_count)
		return err_set(e, EINVAL, "reservation %s was not ended",
			       state->reservations[0]->id);
	if (!init->gpus_count || init->gpus_count > POOL_GPUS_MAX)
		return err_set(e, EINVAL, "a pool has 1 to %d GPUs, not %zu", POOL_GPUS_MAX,
			       init->gpus_count);
	state->initialized = true;
	state->queue_unreadable = 0;
	while (state->ignored_count)
		ignored_process_clear(&state->ignored[--state->ignored_count]);
	mem_replace(&state->provider, init->provider);
	mem_replace(&state->topology, NULL);
	machine_clear(&state->host);
	pool_state_make_slots(state, init->gpus_count);
	for (size_t i = 0; i < init->gpus_count; i++) {
		if (!init->released)
			continue;
		state->slots[i].last_released_ns = init->released[i].last_released_ns;
		state->slots[i].released_base = init->released[i].released_base;
	}
	return 0;
}

static void apply_drain(struct pool_state *state, const struct change_drain *drain)
{
	for (size_t i = 0; i < drain->gpus_count; i++) {
		struct slot *slot = &state->slots[drain->gpus[i]];

		mem_replace(&slot->drained_by, drain->actor);
		slot->drained_ns = drain->actor ? drain->time_ns : TIME_NONE;
		mem_replace(&slot->drained_note, drain->actor ? drain->note : NULL);
	}
}

static int apply_units(struct pool_state *state, const struct change_units *units, struct err *e)
{
	if (units->count < state->slots_count || units->count > POOL_GPUS_MAX)
		return err_set(e, EINVAL, "the pool has %zu to %d GPUs, not %zu",
			       state->slots_count, POOL_GPUS_MAX, units->count);
	pool_state_extend(state, units->count);
	for (size_t i = 0; i < units->count; i++)
		slot_set_unit(&state->slots[i], &units->slots[i]);
	return 0;
}

static void apply_activity(struct pool_state *state, const struct change_activity *c)
{
	struct slot *slot;

	if (c->gpu < 0 || (size_t)c->gpu >= state->slots_count)
		return;
	slot = &state->slots[c->gpu];
	if (slot->reservation && !strcmp(slot->reservation->id, c->reservation_id))
		slot->activity = c->activity;
}

/* The GPUs that a change names must be there, and a change of slots must name some. */
static int check_gpus(const struct pool_state *state, const struct change *c, struct err *e)
{
	size_t count;
	const int *gpus = change_gpus(c, &count);

	if (!count && change_needs_gpus(c->kind))
		return err_set(e, EINVAL, "a change of a reservation names no GPU");
	for (size_t i = 0; i < count; i++) {
		if (gpus[i] < 0 || (size_t)gpus[i] >= state->slots_count)
			return err_set(e, EINVAL, "GPU %d is not one of the %zu GPUs of the pool",
				       gpus[i], state->slots_count);
	}
	return 0;
}

int change_apply(struct pool_state *state, const struct change *c, struct err *e)
{
	int r = check_gpus(state, c, e);

	if (r < 0)
		return r;
	switch (c->kind) {
	case CHANGE_INIT:
		return apply_init(state, &c->init, e);
	case CHANGE_GRANT:
		return apply_grant(state, c->grant.reservation, e);
	case CHANGE_END:
		return apply_end(state, &c->end, e);
	case CHANGE_RENEW:
		return apply_renew(state, c->renew.reservation, e);
	case CHANGE_PUT:
		apply_put(state, c->put.entry);
		return 0;
	case CHANGE_DROP:
		return apply_drop(state, c->drop.entry, e);
	case CHANGE_DRAIN:
		apply_drain(state, &c->drain);
		return 0;
	case CHANGE_CHECK:
		return 0;
	case CHANGE_IGNORE:
		pool_state_ignore(state, c->ignore.process, c->ignore.drop);
		return 0;
	case CHANGE_TOPOLOGY:
		mem_replace(&state->topology, c->topology.text);
		return 0;
	case CHANGE_UNITS:
		return apply_units(state, &c->units, e);
	case CHANGE_HOST:
		machine_clear(&state->host);
		machine_copy(&state->host, c->host.host);
		return 0;
	case CHANGE_ACTIVITY:
		apply_activity(state, &c->activity);
		return 0;
	case CHANGE_MARK:
		pool_state_put_mark(state, c->mark.mark, c->mark.drop);
		return 0;
	case CHANGE_EVENT:
		return 0;
	}
	return err_set(e, EINVAL, "unknown change %d", (int)c->kind);
}
