/*
 * Events, as entries of a stream, each a JSON text. An id is "milliseconds-number": the event's
 * time, or the last id and one more where the clock has been set back (commit.lua does the same).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/redis.h"

/* Entries per command. The first chunk is small: many readers want the newest ones alone. */
#define CHUNK_FIRST 64
#define CHUNK_EVENTS 1024

struct stream_id {
	uint64_t ms, number;
};

struct redis_events {
	bool newest_first;
	struct stream_id first, last; /* what is still to be read */
	int64_t since_ns;
	size_t limit; /* entries of the next chunk */
	bool complete;
	redisReply *chunk;
	size_t next;
	struct event event;
};

static bool parse_id(const char *text, struct stream_id *ret_id)
{
	int length = 0;

	return text && *text >= '0' && *text <= '9' &&
	       sscanf(text, "%20" SCNu64 "-%20" SCNu64 "%n", &ret_id->ms, &ret_id->number,
		      &length) == 2 &&
	       !text[length];
}

static void write_id(const struct stream_id *id, char text[EVENT_ID_SIZE])
{
	snprintf(text, EVENT_ID_SIZE, "%" PRIu64 "-%" PRIu64, id->ms, id->number);
}

static struct stream_id id_after(struct stream_id id)
{
	return id.number < UINT64_MAX ? (struct stream_id){id.ms, id.number + 1}
				      : (struct stream_id){id.ms + 1, 0};
}

static struct stream_id id_before(struct stream_id id)
{
	return id.number ? (struct stream_id){id.ms, id.number - 1}
			 : (struct stream_id){id.ms - (id.ms > 0), UINT64_MAX};
}

static bool is_earlier(const struct stream_id *a, const struct stream_id *b)
{
	return a->ms != b->ms ? a->ms < b->ms : a->number < b->number;
}

int redis_events_begin(struct store *base, const struct event_range *range, struct err *e)
{
	struct redis_store *s = redis_of(base);
	struct stream_id after;
	struct redis_events *v;

	if (range->after && !parse_id(range->after, &after))
		return err_set(e, EINVAL, "'%s' is not the id of an event", range->after);
	redis_events_end(base);
	v = s->events = mem_alloc(1, sizeof(*v));
	v->newest_first = range->newest_first;
	v->since_ns = range->since_ns;
	v->first.ms = range->since_ns > 0 ? (uint64_t)(range->since_ns / NS_PER_MS) : 0;
	v->last = (struct stream_id){INT64_MAX, UINT64_MAX};
	v->limit = CHUNK_FIRST;
	if (range->after && !is_earlier(&after, &v->first))
		v->first = id_after(after);
	return 0;
}

/* "id", ["e", "{...}"] */
static bool read_entry(const redisReply *entry, struct stream_id *ret_id, struct event *ret_event)
{
	const redisReply *fields;

	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
	    entry->element[0]->type != REDIS_REPLY_STRING ||
	    !parse_id(entry->element[0]->str, ret_id))
		return false;
	fields = entry->element[1];
	if (fields->type != REDIS_REPLY_ARRAY || fields->elements < 2 ||
	    fields->element[1]->type != REDIS_REPLY_STRING ||
	    !redis_json_read_event(fields->element[1]->str, ret_event))
		return false;
	write_id(ret_id, ret_event->id);
	return true;
}

static int read_chunk(struct redis_store *s, struct redis_events *v, struct err *e)
{
	char first[EVENT_ID_SIZE], last[EVENT_ID_SIZE], count[32];
	int r;

	redis_reply_clear(&v->chunk);
	v->next = 0;
	write_id(&v->first, first);
	write_id(&v->last, last);
	snprintf(count, sizeof(count), "%zu", v->limit);
	if (v->newest_first)
		REDIS_ADD(&s->connection, "XREVRANGE", REDIS_KEY_EVENTS, last, first, "COUNT",
			  count);
	else
		REDIS_ADD(&s->connection, "XRANGE", REDIS_KEY_EVENTS, first, last, "COUNT", count);
	r = redis_ask(&s->connection, &v->chunk, e);
	if (r < 0)
		return err_prefix(e, "cannot read the events (" REDIS_KEY_EVENTS ")");
	if (v->chunk->type != REDIS_REPLY_ARRAY)
		return redis_makes_no_sense(&s->connection, e);
	v->complete = v->chunk->elements < v->limit;
	v->limit = CHUNK_EVENTS;
	return 0;
}

/* The next event of the chunk: 1, or 0 at its end. What cannot be read is passed over. */
static int next_of_chunk(struct redis_events *v)
{
	while (v->chunk && v->next < v->chunk->elements) {
		struct stream_id id = {0};
		bool readable;

		event_clear(&v->event);
		readable = read_entry(v->chunk->element[v->next++], &id, &v->event);
		/* No entry has the id 0-0. */
		if ((id.ms || id.number) && v->newest_first)
			v->last = id_before(id);
		else if (id.ms || id.number)
			v->first = id_after(id);
		/* One that was stored while the clock was behind has a later id than time. */
		if (readable && v->event.time_ns >= v->since_ns)
			return 1;
	}
	return 0;
}

int redis_events_next(struct store *base, const struct event **ret_event, struct err *e)
{
	struct redis_store *s = redis_of(base);
	struct redis_events *v = s->events;

	if (!v)
		return err_set(e, EINVAL, "no reading of events was begun");
	while (!next_of_chunk(v)) {
		int r;

		if (v->complete || is_earlier(&v->last, &v->first))
			return 0;
		r = read_chunk(s, v, e);
		if (r < 0)
			return r;
	}
	*ret_event = &v->event;
	return 1;
}

void redis_events_end(struct store *base)
{
	struct redis_store *s = redis_of(base);

	if (!s->events)
		return;
	redis_reply_clear(&s->events->chunk);
	event_clear(&s->events->event);
	free(s->events);
	s->events = NULL;
}

int redis_event_find(struct store *base, const char *id, struct event *ret_event, struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	struct stream_id found;
	char text[EVENT_ID_SIZE];
	int r;

	if (!parse_id(id, &found))
		return 0;
	write_id(&found, text);
	REDIS_ADD(&s->connection, "XRANGE", REDIS_KEY_EVENTS, text, text);
	r = redis_ask(&s->connection, &reply, e);
	if (r < 0)
		return r;
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	       read_entry(reply->element[0], &found, ret_event);
}

/* The id of the newest event; zeros where there is none. */
static int find_last(struct redis_store *s, struct stream_id *ret_id, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	int r;

	REDIS_ADD(&s->connection, "XREVRANGE", REDIS_KEY_EVENTS, "+", "-", "COUNT", "1");
	r = redis_ask(&s->connection, &reply, e);
	*ret_id = (struct stream_id){0};
	if (r == 0 && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	    reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements &&
	    reply->element[0]->element[0]->type == REDIS_REPLY_STRING)
		(void)parse_id(reply->element[0]->element[0]->str, ret_id);
	return r;
}

/* One batch, whose ids are named: what is sent again is refused, since it is there. */
int redis_events_add(struct store *base, const struct event *events, size_t count, struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO_FREE redisReply **replies = mem_alloc(count, sizeof(*replies));
	struct stream_id id;
	int r = find_last(s, &id, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *text = redis_json_write_event(&events[i]);
		uint64_t ms = (uint64_t)(events[i].time_ns / NS_PER_MS);
		char name[EVENT_ID_SIZE];

		id = ms > id.ms ? (struct stream_id){ms, 0} : id_after(id);
		write_id(&id, name);
		REDIS_ADD(&s->connection, "XADD", REDIS_KEY_EVENTS, "MAXLEN", "~", REDIS_EVENTS_MAX,
			  name, "e", text);
	}
	r = redis_exchange(&s->connection, replies, count, e);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (replies[i]->type == REDIS_REPLY_ERROR &&
		    !strstr(replies[i]->str, "equal or smaller"))
			r = redis_refused(&s->connection, replies[i]->str, e);
	}
	for (size_t i = 0; i < count; i++)
		redis_reply_clear(&replies[i]);
	return r;
}
