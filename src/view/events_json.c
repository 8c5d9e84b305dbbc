/* Events as documents; see events.h. */
#include "view/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "view/event_before.h"
#include "view/json.h"

/* A text that is JSON of our own. */
static json_t *parsed(const char *text)
{
	json_t *document = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return document ? document : json_null();
}

static json_t *ids_json(const char *ranges)
{
	AUTO_FREE int *ids = NULL;
	size_t count = 0;

	if (parse_id_list(ranges, &ids, &count, NULL) < 0)
		count = 0;
	return view_json_ids(ids, count);
}

static json_t *waiting_json(const struct before_line *line)
{
	json_t *object = json_object();
	bool named = *line->wanted == '=';

	json_object_set_new(object, "queue_id", view_json_text(line->id));
	json_object_set_new(object, "account", view_json_text(line->account));
	json_object_set_new(object, "requested",
			    named ? json_null() : json_integer(strtol(line->wanted, NULL, 10)));
	json_object_set_new(object, "requested_ids",
			    named ? ids_json(line->wanted + 1) : json_null());
	json_object_set_new(object, "passed_over",
			    *line->passed_over ? view_json_text(line->passed_over) : json_null());
	return object;
}

static json_t *gpus_json(const struct before_line *line)
{
	json_t *object = json_object();

	json_object_set_new(object, "state", view_json_text(line->word));
	json_object_set_new(object, "gpus", ids_json(line->gpus));
	json_object_set_new(object, "text", *line->rest ? view_json_text(line->rest) : json_null());
	return object;
}

static json_t *before_json(const char *text)
{
	json_t *object, *gpus = json_array(), *waiting = json_array(), *asked = json_null();
	struct before_line line;
	long left_out = 0;

	while (before_next(&text, &line)) {
		if (!strcmp(line.word, "waits"))
			json_array_append_new(waiting, waiting_json(&line));
		else if (!strcmp(line.word, "asked"))
			asked = view_json_text(line.rest);
		else if (!strcmp(line.word, "more"))
			left_out = strtol(line.rest, NULL, 10);
		else
			json_array_append_new(gpus, gpus_json(&line));
		free(line.text);
	}
	object = json_object();
	json_object_set_new(object, "asked", asked);
	json_object_set_new(object, "gpus", gpus);
	json_object_set_new(object, "waiting", waiting);
	json_object_set_new(object, "left_out", json_integer(left_out));
	return object;
}

json_t *view_event_json(const struct event *event, bool whole)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", view_json_text(event->id));
	json_object_set_new(object, "time", view_json_time(event->time_ns));
	json_object_set_new(object, "kind", json_string(event_kind_name(event->kind)));
	json_object_set_new(object, "account", view_json_text(event->account));
	json_object_set_new(object, "user", view_json_text(event->user));
	json_object_set_new(object, "uid",
			    event->uid.known ? json_integer(event->uid.value) : json_null());
	json_object_set_new(object, "actor", view_json_text(event->actor));
	json_object_set_new(object, "gpus", view_json_ids(event->gpus, event->gpus_count));
	json_object_set_new(object, "reservation_id", view_json_text(event->reservation_id));
	json_object_set_new(object, "queue_id", view_json_text(event->queue_id));
	json_object_set_new(object, "reason", view_json_text(event->reason));
	json_object_set_new(object, "details", parsed(event->details));
	if (whole)
		json_object_set_new(object, "before",
				    event->before ? before_json(event->before) : json_null());
	return object;
}

json_t *view_events_json(const struct event_list *l)
{
	json_t *document = json_object(), *events = json_array();

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(events, view_event_json(&l->events[i], false));
	json_object_set_new(document, "events", events);
	json_object_set_new(document, "cut", json_boolean(l->cut));
	return document;
}
