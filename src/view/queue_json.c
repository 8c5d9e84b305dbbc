/* The queue in words, and as JSON; see queue.h. */
#include "view/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

#define NS_PER_MINUTE (60 * NS_PER_SECOND)

char *describe_about(int64_t duration_ns)
{
	int64_t minutes = (duration_ns + NS_PER_MINUTE / 2) / NS_PER_MINUTE;

	if (duration_ns < NS_PER_MINUTE)
		return mem_strdup("less than a minute");
	if (minutes < 60)
		return mem_printf("about %" PRId64 "m", minutes);
	if (minutes < 48 * 60)
		return mem_printf("about %" PRId64 "h %" PRId64 "m", minutes / 60, minutes % 60);
	return mem_printf("about %" PRId64 "d %" PRId64 "h", minutes / 1440, minutes % 1440 / 60);
}

const char *describe_waiter_state(const struct snapshot *s, size_t place)
{
	if (plan_is_cancelled(&s->state.queue[place]))
		return "cancelled";
	return s->waiters && s->waiters[place].state != WAITER_ACTIVE ? "absent" : "active";
}

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

/* To the next full minute: nobody knows it better, and it does not change all the time. */
static json_t *estimate_or_null(int64_t start_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	if (start_ns == TIME_NONE || start_ns > INT64_MAX - NS_PER_MINUTE)
		return json_null();
	start_ns += NS_PER_MINUTE - 1;
	return json_string(clock_rfc3339(start_ns - start_ns % NS_PER_MINUTE, text));
}

static json_t *describe_entry(const struct snapshot *s, size_t place)
{
	const struct waiter_view *view = s->waiters ? &s->waiters[place] : NULL;
	const struct queue_entry *q = &s->state.queue[place];
	int64_t now_ns = s->now_ns;
	int64_t waited_ns = now_ns > q->enqueued_ns ? now_ns - q->enqueued_ns : 0;
	char since[CLOCK_RFC3339_SIZE];
	json_t *object = json_object();

	json_object_set_new(object, "id", text_or_null(q->id));
	json_object_set_new(object, "position", json_integer((json_int_t)place + 1));
	json_object_set_new(object, "state", json_string(describe_waiter_state(s, place)));
	json_object_set_new(object, "user", text_or_null(q->user));
	json_object_set_new(object, "account", text_or_null(q->account));
	json_object_set_new(object, "type", json_string(reservation_type_name(q->type)));
	json_object_set_new(object, "requested", json_integer((json_int_t)plan_entry_count(q)));
	json_object_set_new(object, "requested_ids",
			    q->requested_ids ? ids(q->requested_ids, q->requested_ids_count)
					     : json_null());
	json_object_set_new(object, "allocated", ids(q->collected, q->collected_count));
	json_object_set_new(object, "waiting_since",
			    json_string(clock_rfc3339(q->enqueued_ns, since)));
	json_object_set_new(object, "waiting_seconds", json_integer(waited_ns / NS_PER_SECOND));
	json_object_set_new(object, "waiting_for", text_or_null(view ? view->awaits : NULL));
	json_object_set_new(object, "estimated_start",
			    estimate_or_null(view ? view->start_ns : TIME_NONE));
	json_object_set_new(object, "note", text_or_null(q->note && *q->note ? q->note : NULL));
	return object;
}

json_t *describe_queue_json(const struct snapshot *s)
{
	json_t *document = json_array();

	for (size_t i = 0; i < s->state.queue_count; i++)
		json_array_append_new(document, describe_entry(s, i));
	return document;
}
