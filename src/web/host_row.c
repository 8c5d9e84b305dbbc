/* A host in the list of hosts; see host_row.h. */
#include "web/host_row.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "remote/answer.h"
#include "web/metrics.h"

static const char *const status_names[] = {
	[FOLLOW_CONNECTING] = "connecting",
	[FOLLOW_UP] = "up",
	[FOLLOW_AWAY] = "away",
};

/* How many GPUs are in which state; those that are none of the first are out of service, faulty or
   unknown. */
static const char *const state_names[] = {
	[REMOTE_AVAILABLE] = "available",
	[REMOTE_IN_USE] = "in_use",
	[REMOTE_UNRESERVED] = "unreserved",
	[REMOTE_OTHER] = "other",
};

/* The GPUs of one type. */
struct kind {
	char *name;
	int64_t gpus, available;
};

struct summary {
	int64_t states[ARRAY_SIZE(state_names)];
	struct kind kinds[HOST_TYPES_MAX];
	size_t kinds_count;
	int64_t next_ns; /* when the next one is free; TIME_NONE: unknown */
	bool next_estimated;
};

static void summary_clear(struct summary *s)
{
	for (size_t i = 0; i < s->kinds_count; i++)
		free(s->kinds[i].name);
}

/* The caller frees it; NULL: unknown. */
static char *kind_name(const json_t *row, const struct remote_gpu *gpu)
{
	const char *profile = remote_text(row, "profile");

	if (profile)
		return mem_printf("%s %s", gpu->gpu_model ? gpu->gpu_model : "Unknown card",
				  profile);
	return mem_strdup(gpu->gpu_model);
}

static void add_kind(struct summary *s, char *name, bool available)
{
	size_t i = 0;

	while (i < s->kinds_count && strcmp(s->kinds[i].name, name) != 0)
		i++;
	if (i == HOST_TYPES_MAX) {
		free(name);
		return;
	}
	if (i == s->kinds_count)
		s->kinds[s->kinds_count++] = (struct kind){.name = name};
	else
		free(name);
	s->kinds[i].gpus++;
	s->kinds[i].available += available;
}

static void add_gpu(struct summary *s, const json_t *row)
{
	struct remote_gpu gpu;
	int64_t free_ns;
	char *name;

	remote_gpu_read(row, &gpu);
	s->states[gpu.state]++;
	name = kind_name(row, &gpu);
	if (name)
		add_kind(s, name, gpu.state == REMOTE_AVAILABLE);
	free_ns = remote_free_ns(&gpu);
	if (free_ns == TIME_NONE || (s->next_ns != TIME_NONE && s->next_ns <= free_ns))
		return;
	s->next_ns = free_ns;
	s->next_estimated = json_is_true(json_object_get(row, "ends_at_estimated"));
}

static void set_text(json_t *object, const char *name, const char *text)
{
	AUTO_FREE char *valid = text ? text_utf8(text) : NULL;

	json_object_set_new(object, name, valid ? json_string(valid) : json_null());
}

static void set_time(json_t *object, const char *name, int64_t time_ns)
{
	char buffer[CLOCK_RFC3339_SIZE];

	set_text(object, name, time_ns == TIME_NONE ? NULL : clock_rfc3339(time_ns, buffer));
}

static json_t *kinds_json(const struct summary *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->kinds_count; i++) {
		json_t *kind = json_object();

		set_text(kind, "name", s->kinds[i].name);
		json_object_set_new(kind, "gpus", json_integer(s->kinds[i].gpus));
		json_object_set_new(kind, "available", json_integer(s->kinds[i].available));
		json_array_append_new(list, kind);
	}
	return list;
}

static void set_summary(json_t *object, const struct host_row *row)
{
	AUTO(summary_clear) struct summary s = {0};

	for (size_t i = 0; i < json_array_size(row->gpus); i++)
		add_gpu(&s, json_array_get(row->gpus, i));
	json_object_set_new(object, "gpus", json_integer((json_int_t)json_array_size(row->gpus)));
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		json_object_set_new(object, state_names[i], json_integer(s.states[i]));
	json_object_set_new(object, "waiting",
			    row->entries ? json_integer((json_int_t)json_array_size(row->entries))
					 : json_null());
	set_time(object, "next_free", s.next_ns);
	json_object_set_new(object, "next_free_estimated", json_boolean(s.next_estimated));
	json_object_set_new(object, "types", kinds_json(&s));
}

json_t *host_row_json(const struct host_row *row)
{
	json_t *object = json_object();

	set_text(object, "host", row->name);
	set_text(object, "label", row->label);
	set_text(object, "url", row->url);
	json_object_set_new(object, "here", json_boolean(!row->url));
	set_text(object, "status", status_names[row->status]);
	set_text(object, "problem", row->status == FOLLOW_AWAY ? row->problem : NULL);
	set_time(object, "last_seen", row->status == FOLLOW_AWAY ? row->seen_ns : TIME_NONE);
	set_text(object, "version", row->version);
	if (row->status == FOLLOW_UP)
		set_summary(object, row);
	return object;
}

/* ---- metrics ---- */

static void add_line(struct str *out, const char *name, const json_t *row, const char *state,
		     json_int_t value)
{
	str_addf(out, "canhazgpu_%s{host=\"", name);
	metrics_label(out, json_string_value(json_object_get(row, "host")));
	if (state)
		str_addf(out, "\",state=\"%s", state);
	str_addf(out, "\"} %" JSON_INTEGER_FORMAT "\n", value);
}

static bool is_up(const json_t *row)
{
	return !strcmp(json_string_value(json_object_get(row, "status")), status_names[FOLLOW_UP]);
}

void host_rows_metrics(json_t *const *rows, size_t count, struct str *out)
{
	if (!count)
		return;
	metrics_head(out, "host_up", "gauge", "Whether another host answers (1) or not (0).");
	for (size_t i = 0; i < count; i++)
		add_line(out, "host_up", rows[i], NULL, is_up(rows[i]));
	metrics_head(out, "host_gpus", "gauge", "GPUs of another host by state.");
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(state_names) && is_up(rows[i]); k++)
			add_line(out, "host_gpus", rows[i], state_names[k],
				 json_integer_value(json_object_get(rows[i], state_names[k])));
	}
	metrics_head(out, "host_queue_length", "gauge", "Requests that wait on another host.");
	for (size_t i = 0; i < count; i++) {
		const json_t *waiting = json_object_get(rows[i], "waiting");

		if (json_is_integer(waiting))
			add_line(out, "host_queue_length", rows[i], NULL,
				 json_integer_value(waiting));
	}
}
