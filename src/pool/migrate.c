/*
 * Copying a pool from one store to another. The history goes first, then the pool appears, in one
 * commit with all that is agreed in it: nobody ever sees it half filled, or is granted there what
 * is held in the source. Where a step fails, the source is still there.
 */
#include "pool/migrate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "pool/events.h"
#include "pool/private.h"

/* Usage records that are written at once. */
#define BATCH 1000

void migration_clear(struct migration *m)
{
	free(m->from);
	free(m->to);
	*m = (struct migration){0};
}

/* The state of every GPU must be readable, or a reservation would be lost. */
static int load_source(struct store *from, struct pool_state *state, struct err *e)
{
	int r = store_load(from, STORE_READ, state, e);

	if (r < 0)
		return r;
	if (!state->initialized)
		return err_set(e, ENOENT, "%s holds no pool", store_url(from));
	for (size_t i = 0; i < state->slots_count; i++) {
		if (state->slots[i].problem)
			return err_set(e, EBADMSG, "GPU %zu: %s", i, state->slots[i].problem);
	}
	return 0;
}

/* Neither a pool nor the history of one. */
static int check_target(struct store *to, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	const struct usage_record *u;
	const struct event *event;
	int r = store_load(to, STORE_READ, &state, e);

	if (r < 0)
		return r;
	if (state.initialized)
		return err_set(e, EEXIST,
			       "%s already holds a pool of %zu GPUs: two pools are not merged",
			       store_url(to), state.slots_count);
	r = store_history_begin(to, 0, INT64_MAX, e);
	if (r == 0)
		r = store_history_next(to, &u, e);
	store_history_end(to);
	if (r == 0)
		r = store_events_begin(to, &(struct event_range){0}, e);
	if (r == 0)
		r = store_events_next(to, &event, e);
	store_events_end(to);
	if (r > 0)
		return err_set(e, EEXIST,
			       "%s already holds usage records or events (of a pool that is gone, "
			       "or of a migration that failed): remove them first",
			       store_url(to));
	return r;
}

/* A record that outlives the iteration. */
static void keep_record(struct usage_record *to, const struct usage_record *from)
{
	*to = *from;
	to->user = mem_strdup(from->user);
	to->account = mem_strdup(from->account);
	to->actor = mem_strdup(from->actor);
}

struct batch {
	struct usage_record records[BATCH];
	size_t count;
};

/* Writes the batch (unless to is NULL) and empties it. */
static int flush_batch(struct batch *b, struct store *to, struct err *e)
{
	int r = to ? store_history_add(to, b->records, b->count, e) : 0;

	for (size_t i = 0; i < b->count; i++)
		usage_record_clear(&b->records[i]);
	b->count = 0;
	return r;
}

/* Whether the record is of the end of what the copied state, which was loaded at that time, still
   has: it was released since. That will be recorded in the copy. */
static bool is_still_held(const struct pool_state *state, int64_t loaded_ns,
			  const struct usage_record *u)
{
	const struct reservation *r = u->gpu >= 0 && (size_t)u->gpu < state->slots_count
					      ? state->slots[u->gpu].reservation
					      : NULL;

	return r && u->end_ns >= loaded_ns && !strcmp(r->id, u->reservation_id);
}

static int copy_history(struct store *from, const struct pool_state *state, int64_t loaded_ns,
			struct store *to, size_t *ret_count, struct err *e)
{
	AUTO_FREE struct batch *b = mem_alloc(1, sizeof(*b));
	const struct usage_record *u;
	size_t count = 0;
	int r = store_history_begin(from, 0, INT64_MAX, e), written = 0;

	if (r < 0)
		return r;
	while (written == 0 && (r = store_history_next(from, &u, e)) > 0) {
		if (is_still_held(state, loaded_ns, u))
			continue;
		keep_record(&b->records[b->count++], u);
		count++;
		if (b->count == BATCH)
			written = flush_batch(b, to, e);
	}
	store_history_end(from);
	if (r >= 0 && written == 0)
		written = flush_batch(b, to, e);
	else
		flush_batch(b, NULL, NULL);
	if (r < 0 || written < 0)
		return r < 0 ? r : written;
	*ret_count = count;
	return 0;
}

/* What has happened, in its order. */
static int copy_events(struct store *from, struct store *to, struct err *e)
{
	AUTO_FREE struct event *batch = mem_alloc(BATCH, sizeof(*batch));
	const struct event *event;
	size_t count = 0;
	int r = store_events_begin(from, &(struct event_range){0}, e), written = 0;

	while (r >= 0 && written == 0) {
		r = store_events_next(from, &event, e);
		if (r > 0)
			event_copy(&batch[count++], event);
		if (count && (r == 0 || count == BATCH))
			written = store_events_add(to, batch, count, e);
		for (; count && (r <= 0 || count == BATCH); count--)
			event_clear(&batch[count - 1]);
		if (r == 0)
			break;
	}
	store_events_end(from);
	return r < 0 ? r : written;
}

/* What makes the pool, and fills it. The caller frees it; what it points to stays in the state. */
static struct change *make_changes(struct pool_state *state, size_t *ret_count)
{
	size_t count = 4 + 2 * state->slots_count + state->reservations_count + state->queue_count +
		       state->ignored_count + state->marks_count;
	struct change *changes = mem_alloc(count, sizeof(*changes)), *c = changes;

	c->kind = CHANGE_INIT;
	c->init = (struct change_init){
		.provider = state->provider,
		.gpus_count = state->slots_count,
		.released = state->slots,
	};
	*++c = (struct change){.kind = CHANGE_UNITS, .units = {state->slots, state->slots_count}};
	*++c = (struct change){.kind = CHANGE_HOST, .host.host = &state->host};
	for (size_t i = 0; i < state->reservations_count; i++) {
		/* Reservations of other programs have no id yet. */
		if (!*state->reservations[i]->id)
			id_new(state->reservations[i]->id);
		*++c = (struct change){.kind = CHANGE_GRANT,
				       .grant.reservation = state->reservations[i]};
	}
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		if (slot->drained_by)
			*++c = (struct change){.kind = CHANGE_DRAIN,
					       .drain = {.gpus = &slot->id,
							 .gpus_count = 1,
							 .actor = slot->drained_by,
							 .time_ns = slot->drained_ns,
							 .note = slot->drained_note}};
	}
	for (size_t i = 0; i < state->queue_count; i++) {
		free(state->queue[i].version);
		state->queue[i].version = NULL; /* new in the target */
		*++c = (struct change){.kind = CHANGE_PUT, .put.entry = &state->queue[i]};
	}
	for (size_t i = 0; i < state->ignored_count; i++)
		*++c = (struct change){.kind = CHANGE_IGNORE, .ignore.process = &state->ignored[i]};
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		if (slot->reservation && activity_is_known(&slot->activity))
			*++c = (struct change){
				.kind = CHANGE_ACTIVITY,
				.activity = {slot->reservation->id, slot->id, slot->activity}};
	}
	for (size_t i = 0; i < state->marks_count; i++) {
		free(state->marks[i].version);
		state->marks[i].version = NULL; /* new in the target */
		*++c = (struct change){.kind = CHANGE_MARK, .mark.mark = &state->marks[i]};
	}
	if (state->topology)
		*++c = (struct change){.kind = CHANGE_TOPOLOGY, .topology.text = state->topology};
	*ret_count = (size_t)(c - changes) + 1;
	return changes;
}

/* The changes that make the pool in the target. */
struct filling {
	const struct pool *to;
	const struct change *changes;
	size_t count;
};

static int decide_filling(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	const struct filling *f = argument;

	(void)facts;
	if (state->initialized)
		return err_set(e, EEXIST,
			       "somebody has created a pool of %zu GPUs in %s in the meantime: "
			       "two pools are not merged (the usage records were copied)",
			       state->slots_count, store_url(f->to->store));
	plan->changes = mem_alloc(f->count, sizeof(*plan->changes));
	memcpy(plan->changes, f->changes, f->count * sizeof(*plan->changes));
	plan->changes_count = f->count;
	return 0;
}

/* Makes the pool, with everything that is agreed. */
static int make_pool(struct pool_state *state, struct pool *to, struct err *e)
{
	struct filling f = {.to = to};
	AUTO_FREE struct change *changes = make_changes(state, &f.count);
	struct transaction t = {
		.decide = decide_filling, .host = HOST_ANY, .argument = &f, .without_events = true};

	f.changes = changes;
	return pool_transact(to, &t, NULL, e);
}

/* Copies what `from` holds into `to`; only counts where dry is set. */
static int copy_pool(struct store *from, struct pool *to, bool dry, struct migration *m,
		     struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int64_t loaded_ns = clock_now_ns();
	int r = load_source(from, &state, e);

	if (r == 0)
		r = check_target(to->store, e);
	if (r == 0)
		r = copy_history(from, &state, loaded_ns, dry ? NULL : to->store, &m->records, e);
	m->unreadable = store_history_unreadable(from);
	if (r == 0 && !dry)
		r = copy_events(from, to->store, e);
	if (r == 0 && !dry)
		r = make_pool(&state, to, e);
	if (r < 0)
		return r;
	m->gpus = state.slots_count;
	m->reservations = state.reservations_count;
	m->waiting = state.queue_count;
	m->unreadable += state.queue_unreadable;
	for (size_t i = 0; i < state.reservations_count; i++)
		m->running += state.reservations[i]->type == RESERVATION_RUN;
	return 0;
}

/* What is copied becomes the record of who has used what: in the pool of all users only
   administrators may write that. */
static int check_actor(struct store *to, const struct plan_actor *actor, struct err *e)
{
	if (!store_has_owner(to) || plan_is_administrator(actor) || store_owned_by(to, actor->uid))
		return 0;
	return plan_refuse_others(NULL, false, "copy a pool to the place shared by all users", e);
}

int pool_migrate(const char *from_url, const char *to_url, const struct plan_actor *actor, bool dry,
		 struct migration *ret_migration, struct err *e)
{
	AUTO(store_closep) struct store *from = NULL;
	AUTO(pool_closep) struct pool *to = NULL;
	struct pool_config to_config = {.store_url = (char *)to_url};
	struct migration m = {0};
	int r = store_open(from_url, &from, e);

	if (r == 0)
		r = pool_open(&to_config, &to, e);
	if (r == 0)
		r = check_actor(to->store, actor, e);
	if (r == 0)
		r = copy_pool(from, to, dry, &m, e);
	if (r < 0)
		return r;
	m.from = mem_strdup(store_url(from));
	m.to = mem_strdup(store_url(to->store));
	if (actor->account && !dry) {
		AUTO_FREE char *reason =
			mem_printf("%s copied the pool from %s", actor->account, m.from);

		pool_note_act(to, actor, reason);
	}
	*ret_migration = m;
	return 0;
}
