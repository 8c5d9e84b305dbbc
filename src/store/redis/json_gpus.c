/* What is recorded of GPUs besides their states, as JSON; see json.h. Pure. */
#include "base/mem.h"
#include "store/redis/json.h"
#include "store/redis/json_value.h"

static void json_freep(json_t **object)
{
	json_decref(*object);
}

/* The text of a list, or NULL where there is nothing in it. */
static char *text_of(json_t *list, bool some)
{
	if (some)
		return redis_json_text(list);
	json_decref(list);
	return NULL;
}

/* ---- UUIDs ---- */

void redis_json_read_uuids(const char *text, struct slot *slots, size_t count)
{
	AUTO(json_freep) json_t *list = json_loads(text, 0, NULL);

	/* Another length: another program has recreated the pool since. */
	if (json_array_size(list) != count)
		return;
	for (size_t i = 0; i < count; i++)
		slots[i].uuid = mem_strdup(json_string_value(json_array_get(list, i)));
}

char *redis_json_write_uuids(const struct slot *slots, size_t count)
{
	json_t *list = json_array();
	bool some = false;

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list,
				      slots[i].uuid ? json_string(slots[i].uuid) : json_null());
		some |= slots[i].uuid != NULL;
	}
	return text_of(list, some);
}

static void read_unit(const json_t *object, struct slot *slot)
{
	int64_t parent_index = 0;

	if (!json_is_object(object))
		return;
	(void)redis_json_get_text(object, "profile", &slot->profile, NULL);
	(void)redis_json_get_text(object, "parent", &slot->parent, NULL);
	(void)redis_json_get_time(object, "retired", &slot->retired_ns, NULL);
	parent_index = json_integer_value(json_object_get(object, "parent_index"));
	if (parent_index > 0 && parent_index < POOL_GPUS_MAX)
		slot->parent_index = (int)parent_index;
}

void redis_json_read_units(const char *text, struct slot *slots, size_t count)
{
	AUTO(json_freep) json_t *list = json_loads(text, 0, NULL);

	if (json_array_size(list) != count)
		return;
	for (size_t i = 0; i < count; i++)
		read_unit(json_array_get(list, i), &slots[i]);
}

char *redis_json_write_units(const struct slot *slots, size_t count)
{
	json_t *list = json_array();
	bool some = false;

	for (size_t i = 0; i < count; i++) {
		const struct slot *slot = &slots[i];
		json_t *object = json_null();

		if (slot->profile || slot->retired_ns != TIME_NONE) {
			object = json_object();
			redis_json_set_text(object, "profile", slot->profile);
			redis_json_set_text(object, "parent", slot->parent);
			if (slot->profile)
				redis_json_set(object, "parent_index",
					       json_integer(slot->parent_index));
			redis_json_set_time(object, "retired", slot->retired_ns);
		}
		some |= json_is_object(object);
		json_array_append_new(list, object);
	}
	return text_of(list, some);
}

/* ---- GPUs out of service ---- */

void redis_json_read_drained(const char *text, struct slot *slot)
{
	AUTO(json_freep) json_t *object = NULL;

	if (!*text)
		return;
	if (redis_json_object(text, &object, NULL) == 0) {
		(void)redis_json_get_text(object, "by", &slot->drained_by, NULL);
		(void)redis_json_get_time(object, "since", &slot->drained_ns, NULL);
		(void)redis_json_get_text(object, "note", &slot->drained_note, NULL);
	}
	if (!slot->drained_by)
		slot->drained_by = mem_strdup("unknown");
}

char *redis_json_write_drained(const struct change_drain *drain)
{
	json_t *object = json_object();

	redis_json_set_text(object, "by", drain->actor);
	redis_json_set_time(object, "since", drain->time_ns);
	redis_json_set_text(object, "note", drain->note);
	return redis_json_text(object);
}
