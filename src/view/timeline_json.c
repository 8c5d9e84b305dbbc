/* The document of the timeline; see report.h. */
#include "view/json.h"
#include "view/report.h"

static json_t *interval_json(const struct timeline_interval *interval)
{
	const char *user = interval->user ? interval->user : "unknown";
	json_t *object = json_object();

	json_object_set_new(object, "start", view_json_time(interval->start_ns));
	if (interval->running)
		json_object_set_new(object, "end", json_null());
	else
		json_object_set_new(object, "end", view_json_time(interval->end_ns));
	json_object_set_new(object, "user", view_json_text(user));
	json_object_set_new(object, "account", view_json_text(interval->account));
	json_object_set_new(object, "type", json_string(reservation_type_name(interval->type)));
	json_object_set_new(object, "state",
			    json_string(interval->running ? "running" : "finished"));
	return object;
}

json_t *view_timeline_json(const struct timeline *t)
{
	json_t *document = json_object(), *gpus = json_array();

	for (size_t i = 0; i < t->gpus_count; i++) {
		json_t *gpu = json_object();

		json_object_set_new(gpu, "gpu", json_integer((json_int_t)i));
		json_object_set_new(gpu, "intervals", json_array());
		json_array_append_new(gpus, gpu);
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_interval *interval = timeline_at(t, i);
		json_t *gpu = json_array_get(gpus, (size_t)interval->gpu);

		json_array_append_new(json_object_get(gpu, "intervals"), interval_json(interval));
	}
	json_object_set_new(document, "from", view_json_time(t->from_ns));
	json_object_set_new(document, "to", view_json_time(t->to_ns));
	json_object_set_new(document, "truncated", json_boolean(t->truncated));
	json_object_set_new(document, "gpus", gpus);
	return document;
}
