/*
 * Reading events, in chunks: each in a session of its own that goes on behind the last id, so that
 * nobody who writes waits for a slow reader. Ids only grow, so nothing is read twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "store/sqlite/sqlite.h"

/* Events per session. The first chunk is small: many readers want the newest ones alone. */
#define CHUNK_FIRST 64
#define CHUNK_EVENTS 1024

struct sqlite_events {
	bool newest_first;
	int64_t first_id, last_id; /* what is still to be read */
	int64_t since_ns;
	size_t limit; /* rows of the next chunk */
	bool complete;
	struct event *events; /* the chunk */
	size_t count, next;
};

#define COLUMNS                                                                                 \
	"id, time_ns, kind, account, user, uid, actor, gpus, reservation_id, queue_id, reason," \
	" details, before"

/* False: it is of a kind that only a newer program knows. */
static bool read_event(const struct sql *q, struct event *v)
{
	const char *gpus = sql_column_text(q, 7);

	*v = (struct event){.time_ns = sql_column(q, 1)};
	if (!event_kind_parse(sql_column_text(q, 2), &v->kind))
		return false;
	snprintf(v->id, sizeof(v->id), "%lld", (long long)sql_column(q, 0));
	v->account = sql_dup(q, 3);
	v->user = sql_dup(q, 4);
	v->uid = sql_column_quantity(q, 5);
	v->actor = sql_dup(q, 6);
	if (gpus && *gpus)
		(void)parse_id_list(gpus, &v->gpus, &v->gpus_count, NULL);
	v->reservation_id = sql_dup(q, 8);
	v->queue_id = sql_dup(q, 9);
	v->reason = sql_dup(q, 10);
	v->details = sql_dup(q, 11);
	v->before = sql_dup(q, 12);
	return true;
}

/* Begins a session for reading: 1, or 0 where there is nothing to read. One that an update has open
   is not ended. */
static int begin(struct sqlite_store *s, bool *ret_own, struct err *e)
{
	int r = s->db ? 1 : sqlite_begin(s, SESSION_READ, e);

	*ret_own = s->db && !s->writing;
	if (r > 0 && s->blank)
		r = 0;
	return r;
}

static void clear_chunk(struct sqlite_events *v)
{
	for (size_t i = 0; i < v->count; i++)
		event_clear(&v->events[i]);
	v->count = v->next = 0;
}

static int read_chunk(struct sqlite_store *s, struct sqlite_events *v, struct err *e)
{
	struct sql q = v->newest_first
			       ? sql_of(s, "SELECT " COLUMNS " FROM events WHERE id BETWEEN ? AND ?"
					   " ORDER BY id DESC LIMIT ?")
			       : sql_of(s, "SELECT " COLUMNS " FROM events WHERE id BETWEEN ? AND ?"
					   " ORDER BY id LIMIT ?");
	size_t rows = 0;
	int r;

	sql_int(&q, v->first_id);
	sql_int(&q, v->last_id);
	sql_int(&q, (int64_t)v->limit);
	while ((r = sql_step(&q, e)) > 0) {
		int64_t id = sql_column(&q, 0);

		rows++;
		if (v->newest_first)
			v->last_id = id - 1;
		else
			v->first_id = id + 1;
		/* One that was stored while the clock was behind has a later id than time. */
		if (sql_column(&q, 1) >= v->since_ns && read_event(&q, &v->events[v->count]))
			v->count++;
	}
	v->complete = rows < v->limit;
	v->limit = CHUNK_EVENTS;
	return r;
}

static int next_chunk(struct sqlite_store *s, struct sqlite_events *v, struct err *e)
{
	bool own;
	int r = begin(s, &own, e);

	clear_chunk(v);
	v->complete = r <= 0;
	if (r > 0)
		r = read_chunk(s, v, e);
	if (own)
		sqlite_end(s);
	return r;
}

int sqlite_events_begin(struct store *base, const struct event_range *range, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int64_t after = 0;

	if (range->after && parse_int(range->after, 0, INT64_MAX - 1, &after, NULL) < 0)
		return err_set(e, EINVAL, "'%s' is not the id of an event", range->after);
	sqlite_events_end(base);
	s->events = mem_alloc(1, sizeof(*s->events));
	*s->events = (struct sqlite_events){
		.newest_first = range->newest_first,
		.first_id = range->since_ns / 1000,
		.last_id = INT64_MAX,
		.since_ns = range->since_ns,
		.limit = CHUNK_FIRST,
	};
	if (range->after && after >= s->events->first_id)
		s->events->first_id = after + 1;
	s->events->events = mem_alloc(CHUNK_EVENTS, sizeof(*s->events->events));
	return 0;
}

int sqlite_events_next(struct store *base, const struct event **ret_event, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	struct sqlite_events *v = s->events;

	if (!v)
		return err_set(e, EINVAL, "no reading of events was begun");
	while (v->next == v->count) {
		int r = v->complete ? 0 : next_chunk(s, v, e);

		if (r < 0)
			return r;
		if (v->complete && v->next == v->count)
			return 0;
	}
	*ret_event = &v->events[v->next++];
	return 1;
}

void sqlite_events_end(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);

	if (!s->events)
		return;
	clear_chunk(s->events);
	free(s->events->events);
	free(s->events);
	s->events = NULL;
}

int sqlite_event_find(struct store *base, const char *id, struct event *ret_event, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int64_t number;
	struct sql q;
	bool own;
	int r;

	if (parse_int(id, 0, INT64_MAX, &number, NULL) < 0)
		return 0;
	r = begin(s, &own, e);
	if (r > 0) {
		q = sql_of(s, "SELECT " COLUMNS " FROM events WHERE id = ?");
		sql_int(&q, number);
		r = sql_step(&q, e);
		if (r > 0)
			r = read_event(&q, ret_event);
	}
	if (own)
		sqlite_end(s);
	return r;
}

int sqlite_events_add(struct store *base, const struct event *events, size_t count, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int r;

	sqlite_end(s);
	r = sqlite_begin(s, SESSION_CREATE, e);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		const struct change_event c = {.event = &events[i], .forget_ns = TIME_NONE};

		r = sqlite_apply_event(s, &c, e);
	}
	if (r >= 0)
		r = sqlite_finish(s, true, e);
	sqlite_end(s);
	return r < 0 ? r : 0;
}
