/* Members of Slurm's JSON; see cluster_json.h. */
#include "slurm/cluster_json.h"

#include <strings.h>

#include "base/mem.h"

/* Larger numbers than any clock's are nonsense. */
#define SECONDS_MAX INT64_C(9000000000)

char *slurm_json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? mem_strdup(text) : NULL;
}

struct quantity slurm_json_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_object(value)) {
		if (!json_is_true(json_object_get(value, "set")) ||
		    json_is_true(json_object_get(value, "infinite")))
			return (struct quantity){0};
		value = json_object_get(value, "number");
	}
	return json_is_integer(value) ? quantity_of(json_integer_value(value))
				      : (struct quantity){0};
}

int64_t slurm_json_time(const json_t *object, const char *name)
{
	struct quantity seconds = slurm_json_number(object, name);

	return seconds.known && seconds.value > 0 && seconds.value < SECONDS_MAX
		       ? seconds.value * NS_PER_SECOND
		       : TIME_NONE;
}

bool slurm_json_has_state(const json_t *value, const char *state)
{
	if (json_is_string(value))
		return !strcasecmp(json_string_value(value), state);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *text = json_string_value(json_array_get(value, i));

		if (text && !strcasecmp(text, state))
			return true;
	}
	return false;
}
