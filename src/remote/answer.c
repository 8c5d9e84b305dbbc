/* What other hosts have answered; see answer.h. */
#include "remote/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Each costs more memory than text when it is read: more are refused before. */
#define CONTAINERS_MAX 100000
#define VALUES_MAX 1000000

static bool is_small(const char *text, size_t length)
{
	size_t containers = 0, values = 0;

	for (size_t i = 0; i < length; i++) {
		containers += text[i] == '{' || text[i] == '[';
		values += text[i] == ',';
	}
	return containers <= CONTAINERS_MAX && values <= VALUES_MAX;
}

/* The rows of a document, whatever it wraps them in; NULL: it has none. */
static json_t *find_rows(json_t *document)
{
	static const char *const names[] = {"gpus", "entries", "queue"};

	if (json_is_array(document))
		return document;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *rows = json_object_get(document, names[i]);

		if (json_is_array(rows))
			return rows;
		/* The other program writes a list without entries like this. */
		if (json_is_null(rows))
			return rows;
	}
	return NULL;
}

/* A key that may ask for one thing (authorized_keys, command=) gets the answer to that whatever it
   asks for. */
static bool is_about(enum remote_topic topic, const json_t *row)
{
	if (topic == REMOTE_STATUS)
		return !json_object_get(row, "requested") &&
		       !json_object_get(row, "requested_count");
	return !json_object_get(row, "gpu_id");
}

static int read_rows(enum remote_topic topic, json_t *document, json_t **ret, struct err *e)
{
	json_t *rows = find_rows(document), *copy;
	size_t count = json_array_size(rows);

	if (!rows)
		return err_set(e, EPROTO, "its answer is not a list");
	if (count > REMOTE_ROWS_MAX)
		return err_set(e, EPROTO, "its answer has more than %d rows", REMOTE_ROWS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!json_is_object(json_array_get(rows, i)))
			return err_set(e, EPROTO, "its answer is not a list of objects");
		if (!is_about(topic, json_array_get(rows, i)))
			return err_set(e, EPROTO, "its answer is about something else");
	}
	copy = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(copy, json_incref(json_array_get(rows, i)));
	*ret = copy;
	return 0;
}

/* A shell that greets: so many lines are passed over, of which so many look like a document. Each
   costs what it takes to read all that is there. */
#define LINES_BEFORE_MAX 64
#define TRIES_MAX 4

/* The document, which may stand behind lines that a shell has printed when it started; NULL: there
   is none. */
static json_t *load(const char *text, size_t length)
{
	json_error_t ignored;
	size_t tries = 0;

	for (size_t i = 0; i < LINES_BEFORE_MAX && tries < TRIES_MAX && length; i++) {
		bool begins = *text == '[' || *text == '{' || !i;
		json_t *document = begins ? json_loadb(text, length, 0, &ignored) : NULL;
		const char *end = memchr(text, '\n', length);

		if (document || !end)
			return document;
		tries += begins;
		length -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return NULL;
}

int remote_read(enum remote_topic topic, const char *text, size_t length, json_t **ret,
		struct err *e)
{
	json_t *document = NULL;
	int r = 0;

	if (!is_small(text, length))
		return err_set(e, EPROTO, "its answer has too many values");
	document = load(text, length);
	if (!document)
		return err_set(e, EPROTO, "its answer is not JSON");
	if (topic != REMOTE_REPORT)
		r = read_rows(topic, document, ret, e);
	else if (!json_is_object(document) || json_object_get(document, "entries"))
		r = err_set(e, EPROTO, "its answer is not a report");
	else
		*ret = json_incref(document);
	json_decref(document);
	return r;
}

const char *remote_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : NULL;
}

double remote_number(const json_t *object, const char *name)
{
	double value = json_number_value(json_object_get(object, name));

	return value >= 0 && value < 1e15 ? value : 0;
}

/* A number of things: what is none, or absurd, is 0. */
static int64_t read_count(const json_t *object, const char *name)
{
	double value = remote_number(object, name);

	return value <= REMOTE_ROWS_MAX ? (int64_t)value : 0;
}

int64_t remote_time(const json_t *object, const char *name)
{
	const char *text = remote_text(object, name);
	int64_t time_ns;

	return text && clock_rfc3339_parse(text, &time_ns, NULL) == 0 ? time_ns : TIME_NONE;
}

static enum remote_state read_state(const char *word)
{
	static const struct {
		const char *word;
		enum remote_state state;
	} words[] = {{"AVAILABLE", REMOTE_AVAILABLE},
		     {"IN_USE", REMOTE_IN_USE},
		     {"UNRESERVED", REMOTE_UNRESERVED}};

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].word, word))
			return words[i].state;
	}
	return REMOTE_OTHER;
}

/* A model is an object of this program and the other; an older one had a text. */
static const char *read_model(const json_t *row)
{
	const json_t *model = json_object_get(row, "model");

	return json_is_object(model) ? remote_text(model, "model") : json_string_value(model);
}

static int64_t read_id(const json_t *row)
{
	const json_t *id = json_object_get(row, "gpu_id");
	json_int_t value = json_integer_value(id);

	return json_is_integer(id) && value >= 0 && value <= INT32_MAX ? value : -1;
}

void remote_gpu_read(const json_t *row, struct remote_gpu *ret)
{
	const json_t *memory = json_object_get(row, "memory_total_mb");

	*ret = (struct remote_gpu){
		.id = read_id(row),
		.status = remote_text(row, "status"),
		.user = remote_text(row, "user"),
		.account = remote_text(row, "account"),
		.duration = remote_text(row, "duration"),
		.type = remote_text(row, "type"),
		.model = read_model(row),
		.details = remote_text(row, "details"),
		.validation = remote_text(row, "validation"),
		.error = remote_text(row, "error"),
		.note = remote_text(row, "note"),
		.gpu_model = remote_text(row, "gpu_model"),
		.since_ns = remote_time(row, "start_time"),
		.ends_ns = remote_time(row, "ends_at"),
		.collected = remote_text(row, "queue_id") != NULL,
		.excluded = json_is_true(json_object_get(row, "excluded")) ||
			    remote_text(row, "drained_by") || remote_text(row, "retired_at"),
	};
	ret->state = read_state(ret->status);
	if (json_is_integer(memory))
		ret->memory_mb = quantity_of(json_integer_value(memory));
	/* Of a manual reservation older versions and the other program say when it expires. */
	if (ret->ends_ns == TIME_NONE)
		ret->ends_ns = remote_time(row, "expiry_time");
}

int64_t remote_free_ns(const struct remote_gpu *gpu)
{
	if (gpu->state != REMOTE_IN_USE || gpu->collected || gpu->excluded)
		return TIME_NONE;
	return gpu->ends_ns;
}

void remote_request_read(const json_t *row, struct remote_request *ret)
{
	const json_t *allocated = json_object_get(row, "allocated");
	const json_t *gpus = json_object_get(row, "allocated_gpus");
	bool ours = json_is_integer(json_object_get(row, "requested"));

	*ret = (struct remote_request){
		.id = remote_text(row, "id"),
		.user = remote_text(row, "user"),
		.type = remote_text(row, ours ? "type" : "reservation_type"),
		.waiting_for = remote_text(row, "waiting_for"),
		.requested = read_count(row, ours ? "requested" : "requested_count"),
		.allocated = (int64_t)json_array_size(ours ? allocated : gpus),
		.since_ns = remote_time(row, ours ? "waiting_since" : "enqueue_time"),
		.start_ns = remote_time(row, "estimated_start"),
		.gpu_type = remote_text(row, "gpu_type"),
	};
}

void remote_complete_row(json_t *row)
{
	if (!json_object_get(row, "account"))
		json_object_set_new(row, "account", json_null());
}

json_t *remote_row(const char *host, json_t *object)
{
	json_t *copy = json_object();

	json_object_set_new(copy, "host", json_string(host));
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		if (strcmp(json_object_iter_key(i), "host") != 0)
			json_object_set_new(copy, json_object_iter_key(i),
					    json_incref(json_object_iter_value(i)));
	}
	remote_complete_row(copy);
	return copy;
}
