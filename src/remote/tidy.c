/* Other hosts' documents within limits; see tidy.h. */
#include "remote/tidy.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "remote/answer.h"

enum kind {
	TEXT = 1,
	NUMBER = 2,
	FLAG = 4,
	NONE = 8,
	OBJECT = 16,
	OBJECTS = 32,
	TEXTS = 64,
	NUMBERS = 128
};

/* A member that is known, and what it may be. */
struct rule {
	const char *name;
	int kinds;
	const struct rule *members; /* of the objects */
};

static const struct rule ignored_rules[] = {{"by", TEXT}, {"at", TEXT}, {"memory_mb", NUMBER}, {0}};
static const struct rule process_rules[] = {{"pid", NUMBER},
					    {"name", TEXT},
					    {"account", TEXT},
					    {"container", TEXT},
					    {"memory_mb", NUMBER},
					    {"started_at", TEXT},
					    {"foreign", FLAG},
					    {"ignored", OBJECT, ignored_rules},
					    {0}};
static const struct rule model_rules[] = {{"provider", TEXT}, {"model", TEXT}, {0}};
static const struct rule parent_rules[] = {{"uuid", TEXT}, {"index", NUMBER}, {0}};
static const struct rule gpu_rules[] = {{"gpu_id", NUMBER},
					{"status", TEXT},
					{"user", TEXT},
					{"account", TEXT | NONE},
					{"duration", TEXT},
					{"type", TEXT},
					{"details", TEXT},
					{"validation", TEXT},
					{"unreserved_users", TEXTS},
					{"process_info", TEXT},
					{"model", OBJECT, model_rules},
					{"uuid", TEXT},
					{"profile", TEXT},
					{"parent", OBJECT, parent_rules},
					{"numa_node", NUMBER},
					{"island", NUMBER},
					{"visible", TEXT},
					{"gpu_model", TEXT},
					{"memory_used_mb", NUMBER},
					{"memory_total_mb", NUMBER},
					{"utilization_percent", NUMBER},
					{"temperature_c", NUMBER},
					{"power_mw", NUMBER},
					{"power_limit_mw", NUMBER},
					{"memory_shared", FLAG},
					{"health", TEXT},
					{"health_reason", TEXT},
					{"processes", OBJECTS, process_rules},
					{"start_time", TEXT},
					{"last_heartbeat", TEXT},
					{"expiry_time", TEXT},
					{"note", TEXT},
					{"reservation_id", TEXT},
					{"queue_id", TEXT},
					{"ends_at", TEXT},
					{"ends_at_estimated", FLAG},
					{"last_active", TEXT},
					{"idle_seconds", NUMBER},
					{"last_released", TEXT},
					{"drained_by", TEXT},
					{"drained_at", TEXT},
					{"drained_note", TEXT},
					{"retired_at", TEXT},
					{"excluded", FLAG},
					{"error", TEXT},
					{0}};
static const struct rule entry_rules[] = {{"id", TEXT},
					  {"position", NUMBER},
					  {"state", TEXT},
					  {"user", TEXT},
					  {"account", TEXT | NONE},
					  {"type", TEXT},
					  {"requested", NUMBER},
					  {"requested_ids", NUMBERS | NONE},
					  {"gpu_type", TEXT | NONE},
					  {"min_memory_mb", NUMBER | NONE},
					  {"eligible_ids", NUMBERS | NONE},
					  {"allocated", NUMBERS},
					  {"waiting_since", TEXT},
					  {"waiting_seconds", NUMBER},
					  {"waiting_for", TEXT | NONE},
					  {"estimated_start", TEXT | NONE},
					  {"note", TEXT | NONE},
					  {"passed_over", TEXT | NONE},
					  {"requested_count", NUMBER},
					  {"allocated_gpus", NUMBERS},
					  {"reservation_type", TEXT},
					  {"enqueue_time", TEXT},
					  {0}};
static const struct rule host_rules[] = {{"version", TEXT},
					 {"gpus", NUMBER},
					 {"provider", TEXT | NONE},
					 {"driver_version", TEXT | NONE},
					 {"demo", FLAG},
					 {"warning", TEXT | NONE},
					 {"interval_seconds", NUMBER},
					 {0}};

static json_t *tidy_text(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);

	if (length > TIDY_TEXT_MAX)
		length = TIDY_TEXT_MAX;
	/* Not within a character. */
	while (length && length < json_string_length(value) &&
	       ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return json_stringn(text, length);
}

static json_t *tidy_object(const json_t *value, const struct rule *rules);

/* The elements of a list that are of that kind. */
static json_t *tidy_list(const json_t *list, const struct rule *rule)
{
	json_t *result = json_array();

	for (size_t i = 0; i < json_array_size(list) && json_array_size(result) < TIDY_LIST_MAX;
	     i++) {
		const json_t *element = json_array_get(list, i);

		if (rule->kinds & OBJECTS && json_is_object(element))
			json_array_append_new(result, tidy_object(element, rule->members));
		else if (rule->kinds & TEXTS && json_is_string(element))
			json_array_append_new(result, tidy_text(element));
		else if (rule->kinds & NUMBERS && json_is_integer(element))
			json_array_append_new(result, json_integer(json_integer_value(element)));
	}
	return result;
}

/* NULL: it is not what it may be. */
static json_t *tidy_value(const json_t *value, const struct rule *rule)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return rule->kinds & TEXT ? tidy_text(value) : NULL;
	case JSON_INTEGER:
		return rule->kinds & NUMBER ? json_integer(json_integer_value(value)) : NULL;
	case JSON_REAL:
		return rule->kinds & NUMBER && isfinite(json_real_value(value))
			       ? json_real(json_real_value(value))
			       : NULL;
	case JSON_TRUE:
	case JSON_FALSE:
		return rule->kinds & FLAG ? json_boolean(json_is_true(value)) : NULL;
	case JSON_NULL:
		return rule->kinds & NONE ? json_null() : NULL;
	case JSON_OBJECT:
		return rule->kinds & OBJECT ? tidy_object(value, rule->members) : NULL;
	case JSON_ARRAY:
		return rule->kinds & (OBJECTS | TEXTS | NUMBERS) ? tidy_list(value, rule) : NULL;
	}
	return NULL;
}

static json_t *tidy_object(const json_t *value, const struct rule *rules)
{
	json_t *result = json_object();

	for (; rules->name; rules++) {
		const json_t *member = json_object_get(value, rules->name);
		json_t *good = member ? tidy_value(member, rules) : NULL;

		if (good)
			json_object_set_new(result, rules->name, good);
	}
	return result;
}

json_t *tidy_gpus(const json_t *rows)
{
	json_t *result = json_array();

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const json_t *id = json_object_get(row, "gpu_id");

		if (json_is_integer(id) && json_integer_value(id) >= 0) {
			json_t *gpu = tidy_object(row, gpu_rules);

			remote_complete_row(gpu);
			json_array_append_new(result, gpu);
		}
	}
	return result;
}

/* The existing program's names for members of ours, where ours are missing. */
static void add_missing(json_t *entry)
{
	static const char *const names[][2] = {{"requested", "requested_count"},
					       {"allocated", "allocated_gpus"},
					       {"type", "reservation_type"},
					       {"waiting_since", "enqueue_time"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *theirs = json_object_get(entry, names[i][1]);

		if (!json_object_get(entry, names[i][0]) && theirs)
			json_object_set(entry, names[i][0], theirs);
	}
	/* The page counts on these. */
	if (!json_object_get(entry, "requested"))
		json_object_set_new(entry, "requested", json_integer(0));
	remote_complete_row(entry);
	if (!json_object_get(entry, "allocated"))
		json_object_set_new(entry, "allocated", json_array());
}

json_t *tidy_entries(const json_t *rows)
{
	json_t *result = json_array();

	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *entry = tidy_object(json_array_get(rows, i), entry_rules);

		add_missing(entry);
		json_array_append_new(result, entry);
	}
	return result;
}

json_t *tidy_host(const json_t *object)
{
	return tidy_object(object, host_rules);
}
