/* Writing members of JSON objects; see json_value.h. */
#include "store/redis/json_value.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

/* jansson fails without memory, and for texts that are no UTF-8, of which there are none here. A
   state in which a member is missing would mean something else, like a GPU that is free. */
void redis_json_set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) < 0)
		abort();
}

void redis_json_set_text(json_t *object, const char *name, const char *value)
{
	/* Names and notes may be no UTF-8, which JSON has to be. */
	AUTO_FREE char *valid = text_utf8(value);

	if (valid)
		redis_json_set(object, name, json_string(valid));
}

void redis_json_set_time(json_t *object, const char *name, int64_t time_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	if (time_ns != TIME_NONE)
		redis_json_set(object, name, json_string(clock_rfc3339(time_ns, text)));
}

void redis_json_set_both(json_t *object, const char *name, const char *exact, int64_t time_ns,
			 bool round_up)
{
	int64_t seconds = time_ns / NS_PER_SECOND, rest = time_ns % NS_PER_SECOND;

	if (time_ns == TIME_NONE)
		return;
	if (round_up && rest > 0)
		seconds++;
	redis_json_set(object, name, json_integer(seconds));
	if (rest)
		redis_json_set_time(object, exact, time_ns);
}

void redis_json_set_ids(json_t *object, const char *name, const int *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(ids[i]));
	redis_json_set(object, name, list);
}

void redis_json_set_uid(json_t *object, struct quantity uid)
{
	if (uid.known)
		redis_json_set(object, "uid", json_integer(uid.value));
}

void redis_json_set_quantity(json_t *object, const char *name, struct quantity value)
{
	if (value.known)
		redis_json_set(object, name, json_integer(value.value));
}

static void set_process(json_t *object, const char *pid_name, const char *start_name,
			const struct process_ref *ref)
{
	if (!ref->pid)
		return;
	redis_json_set(object, pid_name, json_integer(ref->pid));
	redis_json_set(object, start_name, json_integer((json_int_t)ref->start_ticks));
}

void redis_json_set_holder(json_t *object, const struct holder *h)
{
	redis_json_set_text(object, "host", h->host);
	redis_json_set_text(object, "boot_id", h->boot_id);
	set_process(object, "pid", "pid_start", &h->command);
	set_process(object, "supervisor_pid", "supervisor_start", &h->supervisor);
}

void redis_json_set_base(json_t *object, const struct time_base *base)
{
	if (!*base->clock)
		return;
	redis_json_set_text(object, "clock", base->clock);
	redis_json_set(object, "clock_offset", json_integer(base->offset_ns));
}

void redis_json_set_doubt(json_t *object, const struct doubt *d)
{
	json_t *value;

	if (d->wall_ns == TIME_NONE)
		return;
	value = json_object();
	redis_json_set(value, "heartbeat", json_integer(d->heartbeat_ns));
	redis_json_set(value, "wall", json_integer(d->wall_ns));
	redis_json_set(value, "boot", json_integer(d->monotonic_ns));
	if (*d->clock)
		redis_json_set_text(value, "clock", d->clock);
	redis_json_set(object, "doubt", value);
}

char *redis_json_text(json_t *object)
{
	/* 15 digits: what a double surely holds. */
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(object);
	if (!text)
		abort();
	return text;
}
