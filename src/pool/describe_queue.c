/* The queue as JSON; see describe_queue.h. */
#include "pool/describe_queue.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

/* Invalid UTF-8 is replaced: JSON has none. */
static json_t *text_or_null(const char *text)
{
	AUTO_FREE char *valid = text_utf8(text);

	return valid ? json_string(valid) : json_null();
}

static json_t *ids(const int *values, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(values[i]));
	return list;
}

static json_t *describe_entry(const struct queue_entry *q, size_t position, int64_t now_ns)
{
	int64_t waited_ns = now_ns > q->enqueued_ns ? now_ns - q->enqueued_ns : 0;
	char since[CLOCK_RFC3339_SIZE];
	json_t *object = json_object();

	json_object_set_new(object, "id", text_or_null(q->id));
	json_object_set_new(object, "position", json_integer((json_int_t)position));
	json_object_set_new(object, "user", text_or_null(q->user));
	json_object_set_new(object, "account", text_or_null(q->account));
	json_object_set_new(object, "type", json_string(reservation_type_name(q->type)));
	json_object_set_new(object, "requested", json_integer(q->requested_count));
	json_object_set_new(object, "requested_ids",
			    q->requested_ids ? ids(q->requested_ids, q->requested_ids_count)
					     : json_null());
	json_object_set_new(object, "allocated", ids(q->collected, q->collected_count));
	json_object_set_new(object, "waiting_since",
			    json_string(clock_rfc3339(q->enqueued_ns, since)));
	json_object_set_new(object, "waiting_seconds", json_integer(waited_ns / NS_PER_SECOND));
	json_object_set_new(object, "estimated_start", json_null());
	json_object_set_new(object, "note", text_or_null(q->note && *q->note ? q->note : NULL));
	return object;
}

json_t *describe_queue_json(const struct snapshot *s)
{
	json_t *document = json_array();

	for (size_t i = 0; i < s->state.queue_count; i++)
		json_array_append_new(document,
				      describe_entry(&s->state.queue[i], i + 1, s->now_ns));
	return document;
}
