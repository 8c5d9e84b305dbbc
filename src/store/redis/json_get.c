/* Reading members of JSON objects; see json_value.h. */
#include "store/redis/json_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Later times do not fit nanoseconds in an int64_t. */
#define SECONDS_MAX INT64_C(9000000000)

int redis_json_object(const char *text, json_t **ret_object, struct err *e)
{
	json_error_t problem;
	json_t *object = json_loads(text, 0, &problem);

	/* A note that is not UTF-8, which other programs accept, must not hide the rest. */
	if (!object) {
		AUTO_FREE char *valid = text_utf8(text);

		object = json_loads(valid, 0, &problem);
	}
	if (json_is_object(object)) {
		*ret_object = object;
		return 0;
	}
	if (object) {
		json_decref(object);
		return err_set(e, EBADMSG, "it is not a JSON object");
	}
	return err_set(e, EBADMSG, "it is not JSON: %s (at byte %d)", problem.text,
		       problem.position);
}

/* The member, or NULL where it is absent or null. */
static const json_t *member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static int wrong(const char *name, const char *expected, struct err *e)
{
	return err_set(e, EBADMSG, "its '%s' is not %s", name, expected);
}

int redis_json_get_text(const json_t *object, const char *name, char **value, struct err *e)
{
	const json_t *found = member(object, name);

	if (!found)
		return 0;
	if (!json_is_string(found))
		return wrong(name, "text", e);
	mem_replace(value, json_string_value(found));
	return 0;
}

int redis_json_get_int(const json_t *object, const char *name, int64_t *value, struct err *e)
{
	const json_t *found = member(object, name);
	double number;

	if (!found)
		return 0;
	if (json_is_integer(found)) {
		*value = json_integer_value(found);
		return 0;
	}
	/* Lua writes large numbers as 1.8e+09. */
	number = json_real_value(found);
	if (!json_is_real(found) || !(number > -9e18 && number < 9e18) ||
	    number != (double)(int64_t)number)
		return wrong(name, "a whole number", e);
	*value = (int64_t)number;
	return 0;
}

/* Seconds since 1970, with a fraction or without. */
static int read_seconds(const json_t *found, const char *name, int64_t *time_ns, struct err *e)
{
	double seconds = json_number_value(found);

	if (!(seconds >= 0) || seconds > (double)SECONDS_MAX)
		return wrong(name, "a time", e);
	if (json_is_integer(found))
		*time_ns = json_integer_value(found) * NS_PER_SECOND;
	else
		*time_ns = (int64_t)(seconds * 1e6 + 0.5) * 1000; /* a double holds no more */
	return 0;
}

/* RFC 3339; without a zone, it is UTC. */
static int parse_text_time(const char *text, int64_t *ret_ns)
{
	AUTO_FREE char *in_utc = NULL;

	if (clock_rfc3339_parse(text, ret_ns, NULL) == 0)
		return 0;
	in_utc = mem_printf("%sZ", text);
	return clock_rfc3339_parse(in_utc, ret_ns, NULL);
}

int redis_json_get_time(const json_t *object, const char *name, int64_t *time_ns, struct err *e)
{
	const json_t *found = member(object, name);
	const char *text = json_string_value(found);
	int64_t parsed_ns;

	if (!found)
		return 0;
	if (json_is_number(found))
		return read_seconds(found, name, time_ns, e);
	if (!text)
		return wrong(name, "a time", e);
	/* An empty text, and Go's zero time, are no time. */
	if (!*text || !strncmp(text, "0001-01-01T", 11))
		return 0;
	if (parse_text_time(text, &parsed_ns) < 0 || parsed_ns < 0 ||
	    parsed_ns > SECONDS_MAX * NS_PER_SECOND)
		return wrong(name, "a time", e);
	*time_ns = parsed_ns;
	return 0;
}

int redis_json_get_both(const json_t *object, const char *name, const char *exact, int64_t *time_ns,
			struct err *e)
{
	int64_t shared_ns = TIME_NONE, exact_ns = TIME_NONE;
	int r = redis_json_get_time(object, name, &shared_ns, e);

	if (r < 0)
		return r;
	/* Only ours has it, so what is unreadable there is as good as absent. */
	(void)redis_json_get_time(object, exact, &exact_ns, NULL);
	if (exact_ns != TIME_NONE && exact_ns > shared_ns - NS_PER_SECOND &&
	    exact_ns < shared_ns + NS_PER_SECOND)
		shared_ns = exact_ns;
	if (shared_ns != TIME_NONE)
		*time_ns = shared_ns;
	return 0;
}

/* Ascending, each once, as everywhere here; another program may write them otherwise. */
static size_t sort_ids(int *ids, size_t count)
{
	size_t kept = 0;

	gpu_ids_sort(ids, count);
	for (size_t i = 0; i < count; i++) {
		if (!kept || ids[i] != ids[kept - 1])
			ids[kept++] = ids[i];
	}
	return kept;
}

int redis_json_get_ids(const json_t *object, const char *name, int **ids, size_t *count,
		       struct err *e)
{
	const json_t *found = member(object, name);
	size_t length = json_array_size(found);
	AUTO_FREE int *list = NULL;

	/* Lua writes an empty list as an empty object. */
	if (!found || (json_is_object(found) && !json_object_size(found)))
		return 0;
	if (!json_is_array(found) || length > POOL_GPUS_MAX)
		return wrong(name, "a list of GPU ids", e);
	list = mem_alloc(length, sizeof(*list));
	for (size_t i = 0; i < length; i++) {
		const json_t *id = json_array_get(found, i);
		double value = json_is_number(id) ? json_number_value(id) : -1;

		if (!(value >= 0 && value < POOL_GPUS_MAX) || value != (double)(int)value)
			return wrong(name, "a list of GPU ids", e);
		list[i] = (int)value;
	}
	if (length) {
		*count = sort_ids(list, length);
		*ids = mem_steal(&list);
	}
	return 0;
}

/* Ids are shown as they are: what a terminal would obey, or cut in two, is none. */
static bool is_id(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return strlen(text) < ID_SIZE;
}

int redis_json_get_id(const json_t *object, const char *name, char id[ID_SIZE], struct err *e)
{
	const json_t *found = member(object, name);
	const char *text = json_string_value(found);

	if (!found)
		return 0;
	if (!text || !is_id(text))
		return wrong(name, "an id", e);
	memset(id, 0, ID_SIZE);
	snprintf(id, ID_SIZE, "%s", text);
	return 0;
}

int redis_json_get_type(const json_t *object, const char *name, enum reservation_type *type,
			struct err *e)
{
	const json_t *found = member(object, name);

	if (found && !reservation_type_parse(json_string_value(found), type))
		return wrong(name, "a type of reservation", e);
	return 0;
}

/* One process: its pid and its start. */
static int get_process(const json_t *object, const char *pid_name, const char *start_name,
		       struct process_ref *ref)
{
	int64_t pid = 0, start = 0;
	int r = redis_json_get_int(object, pid_name, &pid, NULL);

	if (r == 0)
		r = redis_json_get_int(object, start_name, &start, NULL);
	if (r < 0 || pid < 0 || pid > INT32_MAX || start < 0)
		return -EBADMSG;
	*ref = (struct process_ref){(pid_t)pid, (uint64_t)start};
	return 0;
}

/* All of it or nothing: half a holder could be taken for one that is gone. */
static void get_holder(const json_t *object, struct holder *h)
{
	int r = redis_json_get_text(object, "host", &h->host, NULL);

	if (r == 0)
		r = redis_json_get_text(object, "boot_id", &h->boot_id, NULL);
	if (r == 0)
		r = get_process(object, "pid", "pid_start", &h->command);
	if (r == 0)
		r = get_process(object, "supervisor_pid", "supervisor_start", &h->supervisor);
	if (r < 0)
		holder_clear(h);
}

void redis_json_get_ours(const json_t *object, struct quantity *uid, struct holder *h)
{
	int64_t value = -1;

	/* The last number that fits is nobody's: (uid_t)-1. */
	if (redis_json_get_int(object, "uid", &value, NULL) == 0 && value >= 0 &&
	    value < UINT32_MAX)
		*uid = quantity_of(value);
	if (h)
		get_holder(object, h);
}

void redis_json_get_clock(const json_t *object, const char *name, char clock[CLOCK_NAME_SIZE])
{
	AUTO_FREE char *text = NULL;

	memset(clock, 0, CLOCK_NAME_SIZE);
	if (redis_json_get_text(object, name, &text, NULL) == 0 && text)
		strncpy(clock, text, CLOCK_NAME_SIZE - 1);
}

void redis_json_get_base(const json_t *object, struct time_base *base)
{
	redis_json_get_clock(object, "clock", base->clock);
	if (redis_json_get_int(object, "clock_offset", &base->offset_ns, NULL) < 0 ||
	    !json_object_get(object, "clock_offset"))
		*base = (struct time_base){0};
}

void redis_json_get_doubt(const json_t *object, struct doubt *d)
{
	const json_t *found = member(object, "doubt");

	if (redis_json_get_int(found, "heartbeat", &d->heartbeat_ns, NULL) < 0 ||
	    redis_json_get_int(found, "wall", &d->wall_ns, NULL) < 0 ||
	    redis_json_get_int(found, "boot", &d->monotonic_ns, NULL) < 0)
		*d = (struct doubt){0};
	redis_json_get_clock(found, "clock", d->clock);
}

void redis_json_get_quantity(const json_t *object, const char *name, struct quantity *value)
{
	int64_t number = -1;

	if (redis_json_get_int(object, name, &number, NULL) == 0 && number >= 0)
		*value = quantity_of(number);
}
