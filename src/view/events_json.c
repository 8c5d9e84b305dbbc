/* Events as documents; see events.h. */
#include "view/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "view/event_before.h"
#include "view/json.h"

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

/* A document of jansson's, which is used up. */
static void add_document(struct json_out *o, const char *name, json_t *document)
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
		       (o->indent ? JSON_INDENT((size_t)o->indent) : JSON_COMPACT) |
		       (o->ascii ? JSON_ENSURE_ASCII : 0);
	char *text = document ? json_dumps(document, flags) : NULL;

	json_out_value(o, name, text ? text : "null");
	json_decref(document);
	free(text);
}

void view_event_json(struct json_out *o, const struct event *event, bool whole)
{
	char time[CLOCK_RFC3339_SIZE];

	json_out_open(o, NULL, "{");
	json_out_text(o, "id", event->id);
	json_out_text(o, "time", clock_rfc3339(event->time_ns, time));
	json_out_text(o, "kind", event_kind_name(event->kind));
	json_out_text(o, "account", event->account);
	json_out_text(o, "user", event->user);
	if (event->uid.known)
		json_out_int(o, "uid", event->uid.value);
	else
		json_out_null(o, "uid");
	json_out_text(o, "actor", event->actor);
	json_out_open(o, "gpus", "[");
	for (size_t i = 0; i < event->gpus_count; i++)
		json_out_int(o, NULL, event->gpus[i]);
	json_out_close(o, "]");
	json_out_text(o, "reservation_id", event->reservation_id);
	json_out_text(o, "queue_id", event->queue_id);
	json_out_text(o, "reason", event->reason);
	/* A text that is JSON of our own. */
	if (event->details)
		add_document(o, "details", json_loads(event->details, JSON_DECODE_ANY, NULL));
	else
		json_out_null(o, "details");
	if (whole && event->before)
		add_document(o, "before", before_json(event->before));
	else if (whole)
		json_out_null(o, "before");
	json_out_close(o, "}");
}

static char *event_text(const struct event *event, struct json_out o, bool whole)
{
	struct str text = {0};

	o.to = &text;
	view_event_json(&o, event, whole);
	str_add(&text, "\n");
	return str_steal(&text);
}

char *view_event_json_line(const struct event *event)
{
	return event_text(event, (struct json_out){.indent = 0}, false);
}

char *view_event_json_whole(const struct event *event)
{
	return event_text(event, (struct json_out){.indent = 2, .ascii = true}, true);
}

void view_events_json_begin(struct json_out *o)
{
	json_out_open(o, NULL, "{");
	json_out_open(o, "events", "[");
}

void view_events_json_end(struct json_out *o, bool cut)
{
	json_out_close(o, "]");
	json_out_bool(o, "cut", cut);
	json_out_close(o, "}");
	str_add(o->to, "\n");
}
