/* Reads the whole state: rows of the database -> struct pool_state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "store/sqlite/sqlite.h"

/* Six columns: host, boot id, the command's pid and start, the supervisor's pid and start. */
static void read_holder(const struct sql *q, int column, struct holder *h)
{
	h->host = sql_dup(q, column);
	h->boot_id = sql_dup(q, column + 1);
	h->command.pid = (pid_t)sql_column(q, column + 2);
	h->command.start_ticks = (uint64_t)sql_column(q, column + 3);
	h->supervisor.pid = (pid_t)sql_column(q, column + 4);
	h->supervisor.start_ticks = (uint64_t)sql_column(q, column + 5);
}

static void read_clock(const struct sql *q, int column, char clock[CLOCK_NAME_SIZE])
{
	const char *text = sql_column_text(q, column);

	memset(clock, 0, CLOCK_NAME_SIZE);
	if (text)
		strncpy(clock, text, CLOCK_NAME_SIZE - 1);
}

/* Two columns. */
static void read_base(const struct sql *q, int column, struct time_base *base)
{
	read_clock(q, column, base->clock);
	base->offset_ns = sql_column(q, column + 1);
}

/* Four columns. */
static void read_doubt(const struct sql *q, int column, struct doubt *d)
{
	d->heartbeat_ns = sql_column(q, column);
	d->wall_ns = sql_column(q, column + 1);
	d->monotonic_ns = sql_column(q, column + 2);
	read_clock(q, column + 3, d->clock);
}

static void read_id(const struct sql *q, int column, char id[ID_SIZE])
{
	const char *text = sql_column_text(q, column);

	memset(id, 0, ID_SIZE);
	if (text)
		strncpy(id, text, ID_SIZE - 1);
}

static void add_int(int **list, size_t *count, int value)
{
	*list = mem_resize(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = value;
}

/* What there is to load besides the GPUs and reservations. */
struct more {
	bool waiters, ignored, activity, marks;
};

/* Also reads what else there is, since preparing statements is most of what a load
   costs. */
static int load_pool(struct sqlite_store *s, struct pool_state *state, struct more *ret_more,
		     struct err *e)
{
	struct sql q = sql_of(s, "SELECT provider, (SELECT count(*) FROM gpus),"
				 " EXISTS (SELECT 1 FROM queue),"
				 " EXISTS (SELECT 1 FROM ignored_processes),"
				 " host_id, host_boot_id, host_name, topology,"
				 " EXISTS (SELECT 1 FROM activity),"
				 " EXISTS (SELECT 1 FROM marks) FROM pool");
	int r = sql_step(&q, e);

	if (r <= 0)
		return r;
	state->initialized = true;
	state->provider = sql_dup(&q, 0);
	pool_state_make_slots(state, (size_t)sql_column(&q, 1));
	ret_more->waiters = sql_column(&q, 2);
	ret_more->ignored = sql_column(&q, 3);
	state->host = (struct machine){
		.id = sql_dup(&q, 4),
		.boot_id = sql_dup(&q, 5),
		.name = sql_dup(&q, 6),
	};
	state->topology = sql_dup(&q, 7);
	ret_more->activity = sql_column(&q, 8);
	ret_more->marks = sql_column(&q, 9);
	return sql_run(&q, e);
}

static int load_slots(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q =
		sql_of(s, "SELECT id, uuid, last_released_ns, version, drained_by, drained_ns,"
			  " profile, parent, parent_index, retired_ns, released_clock,"
			  " released_offset_ns, drained_note FROM gpus ORDER BY id");
	int r;

	for (size_t i = 0; (r = sql_step(&q, e)) > 0; i++) {
		struct slot *slot = &state->slots[i];

		if (i >= state->slots_count || sql_column(&q, 0) != (int64_t)i)
			return err_set(e, EIO, "%s is damaged: its GPUs are not numbered from 0",
				       s->path);
		slot->uuid = sql_dup(&q, 1);
		slot->last_released_ns = sql_column(&q, 2);
		slot->version = sql_dup(&q, 3);
		slot->drained_by = sql_dup(&q, 4);
		slot->drained_ns = sql_column(&q, 5);
		slot->profile = sql_dup(&q, 6);
		slot->parent = sql_dup(&q, 7);
		slot->parent_index = (int)sql_column(&q, 8);
		slot->retired_ns = sql_column(&q, 9);
		read_base(&q, 10, &slot->released_base);
		slot->drained_note = sql_dup(&q, 12);
	}
	return r;
}

static struct reservation *read_reservation(const struct sql *q)
{
	struct reservation *r = reservation_new();

	read_id(q, 2, r->id);
	r->user = sql_dup(q, 3);
	r->account = sql_dup(q, 4);
	r->uid = sql_column_quantity(q, 5);
	reservation_type_parse(sql_column_text(q, 6), &r->type);
	r->start_ns = sql_column(q, 7);
	r->heartbeat_ns = sql_column(q, 8);
	r->expiry_ns = sql_column(q, 9);
	r->deadline_ns = sql_column(q, 10);
	r->note = sql_dup(q, 11);
	r->queue_id = sql_dup(q, 12);
	read_holder(q, 13, &r->holder);
	read_base(q, 19, &r->base);
	read_doubt(q, 21, &r->doubt);
	return r;
}

/* One row per GPU; the rows of one reservation follow each other, its GPUs ascending. */
static int load_reservations(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	AUTO(reservation_freep) struct reservation *current = NULL;
	struct sql q = sql_of(
		s, "SELECT r.key, g.id, r.id, user, account, uid, type, start_ns, heartbeat_ns,"
		   " expiry_ns, deadline_ns, note, queue_id, host, boot_id, command_pid,"
		   " command_start_ticks, supervisor_pid, supervisor_start_ticks, clock,"
		   " clock_offset_ns, doubt_heartbeat_ns, doubt_wall_ns, doubt_boot_ns,"
		   " doubt_clock FROM reservations r JOIN gpus g ON g.reservation_id = r.id"
		   " ORDER BY r.key, g.id");
	int64_t key = 0;
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		if (!current || sql_column(&q, 0) != key) {
			if (current)
				pool_state_add(state, mem_steal(&current));
			current = read_reservation(&q);
			key = sql_column(&q, 0);
		}
		add_int(&current->gpus, &current->gpus_count, (int)sql_column(&q, 1));
	}
	if (r == 0 && current)
		pool_state_add(state, mem_steal(&current));
	return r;
}

/* "0,2"; "" is an empty list, NULL and what is none of ours are no list. */
static void read_ids(const char *text, int **ret_ids, size_t *ret_count)
{
	if (text && !*text)
		*ret_ids = mem_alloc(1, sizeof(int));
	else if (text)
		(void)parse_id_list(text, ret_ids, ret_count, NULL);
}

static void read_entry(const struct sql *q, struct queue_entry *w)
{
	read_id(q, 0, w->id);
	w->version = sql_dup(q, 1);
	w->user = sql_dup(q, 2);
	w->account = sql_dup(q, 3);
	w->uid = sql_column_quantity(q, 4);
	reservation_type_parse(sql_column_text(q, 5), &w->type);
	w->requested_count = (int)sql_column(q, 6);
	w->duration_ns = sql_column(q, 7);
	w->note = sql_dup(q, 8);
	w->enqueued_ns = sql_column(q, 9);
	w->heartbeat_ns = sql_column(q, 10);
	store_set_give_up_ns(w, sql_column(q, 11));
	read_holder(q, 12, &w->holder);
	w->gpu_type = sql_dup(q, 18);
	w->min_memory_mb = sql_column(q, 19);
	read_ids(sql_column_text(q, 20), &w->eligible, &w->eligible_count);
	read_doubt(q, 21, &w->doubt);
	w->offer.made_ns = sql_column(q, 25);
	read_ids(sql_column_text(q, 26), &w->offer.gpus, &w->offer.gpus_count);
	w->offer.aside = sql_dup(q, 27);
	read_ids(sql_column_text(q, 28), &w->offer.aside_gpus, &w->offer.aside_gpus_count);
	read_clock(q, 29, w->offer.clock);
	read_base(q, 30, &w->base);
	w->since_ns = sql_column(q, 32);
	w->account_limit = (int)sql_column(q, 33);
}

static int load_queue(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q = sql_of(
		s, "SELECT id, version, user, account, uid, type, requested_count,"
		   " duration_ns, note, enqueued_ns, heartbeat_ns, give_up_ns, host, boot_id,"
		   " command_pid, command_start_ticks, supervisor_pid,"
		   " supervisor_start_ticks, gpu_type, min_memory_mb, eligible,"
		   " doubt_heartbeat_ns, doubt_wall_ns, doubt_boot_ns, doubt_clock,"
		   " offered_ns, offered_gpus, aside, aside_gpus, offered_clock, clock,"
		   " clock_offset_ns, since_ns, account_limit FROM queue ORDER BY enqueued_ns, id");
	int r;

	while ((r = sql_step(&q, e)) > 0)
		read_entry(&q, pool_state_add_waiter(state));
	return r;
}

/* The lists of the entries, in the order of the entries, each ascending. */
static int load_queue_gpus(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q = sql_of(s, "SELECT w.id, role = 'collected', gpu FROM queue w"
				 " JOIN queue_gpus g ON g.queue_id = w.id"
				 " ORDER BY w.enqueued_ns, w.id, role, gpu");
	size_t i = 0;
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		struct queue_entry *w;
		int gpu = (int)sql_column(&q, 2);

		while (i < state->queue_count && strcmp(state->queue[i].id, sql_column_text(&q, 0)))
			i++;
		if (i == state->queue_count)
			return err_set(e, EIO, "%s is damaged: a queue entry has no readable id",
				       s->path);
		w = &state->queue[i];
		if (sql_column(&q, 1))
			add_int(&w->collected, &w->collected_count, gpu);
		else
			add_int(&w->requested_ids, &w->requested_ids_count, gpu);
	}
	return r;
}

/* In the order in which they were listed. */
static int load_ignored(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q = sql_of(s, "SELECT boot_id, pid, start_ticks, host, name, ignored_by,"
				 " ignored_ns, memory_mb FROM ignored_processes ORDER BY key");
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		AUTO(ignored_process_clear)
		struct ignored_process ignored = {
			.holder = {.host = sql_dup(&q, 3),
				   .boot_id = sql_dup(&q, 0),
				   .command = {.pid = (pid_t)sql_column(&q, 1),
					       .start_ticks = (uint64_t)sql_column(&q, 2)}},
			.name = sql_dup(&q, 4),
			.ignored_by = sql_dup(&q, 5),
			.ignored_ns = sql_column(&q, 6),
			.memory_mb = sql_column(&q, 7),
		};

		pool_state_ignore(state, &ignored, false);
	}
	return r;
}

/* Of the reservations that there are: what is left of others does not matter. */
static int load_activity(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q = sql_of(s, "SELECT gpu, reservation_id, seen_ns, last_active_ns,"
				 " idle_since_ns, active_ns, idle_ns, told_idle, memory_mb,"
				 " power_mw, energy_mj, card, clock, offset_ns FROM activity");
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		int64_t gpu = sql_column(&q, 0);
		const char *id = sql_column_text(&q, 1);
		struct slot *slot =
			gpu >= 0 && (size_t)gpu < state->slots_count ? &state->slots[gpu] : NULL;

		if (!slot || !slot->reservation || !id || strcmp(slot->reservation->id, id) != 0)
			continue;
		slot->activity = (struct activity){
			.seen_ns = sql_column(&q, 2),
			.last_active_ns = sql_column(&q, 3),
			.idle_since_ns = sql_column(&q, 4),
			.active_ns = sql_column(&q, 5),
			.idle_ns = sql_column(&q, 6),
			.told_idle = sql_column(&q, 7) != 0,
			.memory_mb = sql_column_quantity(&q, 8),
			.power_mw = sql_column_quantity(&q, 9),
			.energy_mj = sql_column_quantity(&q, 10),
			.card = sql_column(&q, 11),
		};
		read_base(&q, 12, &slot->activity.base);
	}
	return r;
}

static int load_marks(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct sql q = sql_of(s, "SELECT key, version, since_ns, seen_ns, warned_ns, acted_ns,"
				 " text, clock, offset_ns FROM marks ORDER BY key");
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		AUTO(mark_clear)
		struct mark mark = {
			.key = sql_dup(&q, 0),
			.version = sql_dup(&q, 1),
			.since_ns = sql_column(&q, 2),
			.seen_ns = sql_column(&q, 3),
			.warned_ns = sql_column(&q, 4),
			.acted_ns = sql_column(&q, 5),
			.text = sql_dup(&q, 6),
		};

		read_base(&q, 7, &mark.base);
		pool_state_put_mark(state, &mark, false);
	}
	return r;
}

int sqlite_load_all(struct sqlite_store *s, struct pool_state *state, struct err *e)
{
	struct more more = {0};
	int r = load_pool(s, state, &more, e);

	if (r == 0 && state->initialized)
		r = load_slots(s, state, e);
	if (r == 0 && state->initialized)
		r = load_reservations(s, state, e);
	if (r == 0 && more.waiters)
		r = load_queue(s, state, e);
	if (r == 0 && state->queue_count)
		r = load_queue_gpus(s, state, e);
	if (r == 0 && more.ignored)
		r = load_ignored(s, state, e);
	if (r == 0 && more.activity)
		r = load_activity(s, state, e);
	if (r == 0 && more.marks)
		r = load_marks(s, state, e);
	return r;
}

int sqlite_load(struct store *base, enum store_intent intent, struct pool_state *ret_state,
		struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r;

	sqlite_end(s);
	r = sqlite_begin(s, intent == STORE_UPDATE ? SESSION_WRITE : SESSION_READ, e);
	if (r > 0)
		r = s->blank ? 0 : sqlite_load_all(s, &state, e);
	if (r < 0 || intent == STORE_READ)
		sqlite_end(s);
	if (r < 0)
		return r;
	*ret_state = state;
	state = (struct pool_state){0};
	return 0;
}
