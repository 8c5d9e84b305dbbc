/* Settings that each group can have: policy.groups.NAME.max-gpus. Declared as soon as a file sets
   them, since nobody knows the names before. */
#include <string.h>

#include "base/mem.h"
#include "conf/setting.h"

/* What is between the section and the name of a group. */
#define GROUPS ".groups."

/* The name in "policy.groups.NAME.max-gpus" for the row of policy.max-gpus, and its length; NULL:
   the key is none of these. */
static const char *group_in(const char *key, const struct option_spec *spec, size_t *ret_length)
{
	size_t section = spec->per_group ? strcspn(spec->key, ".") : 0, length = strlen(key);
	size_t before = section + strlen(GROUPS), after = section ? strlen(spec->key + section) : 0;

	if (!section || length <= before + after || strncmp(key, spec->key, section) != 0 ||
	    strncmp(key + section, GROUPS, strlen(GROUPS)) != 0 ||
	    strcmp(key + length - after, spec->key + section) != 0)
		return NULL;
	*ret_length = length - before - after;
	return key + before;
}

bool setting_is_group(const struct setting *setting)
{
	size_t length;

	return group_in(setting->key, setting->spec, &length) != NULL;
}

struct setting *settings_find_group(struct settings *s, const char *key)
{
	size_t length;

	for (size_t i = 0; i < s->count; i++) {
		if (group_in(key, s->items[i].spec, &length))
			return setting_add(s, s->items[i].spec, mem_strdup(key));
	}
	return NULL;
}

char *settings_group_key(const char *key, const char *group)
{
	size_t section = strcspn(key, ".");

	return mem_printf("%.*s" GROUPS "%s%s", (int)section, key, group, key + section);
}

char **settings_groups(const struct settings *s, size_t *ret_count)
{
	char **names = NULL;
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		size_t length, k = 0;
		const char *name = group_in(s->items[i].key, s->items[i].spec, &length);

		while (name && k < count &&
		       (strlen(names[k]) != length || strncmp(names[k], name, length) != 0))
			k++;
		if (!name || k < count)
			continue;
		names = mem_resize(names, count + 1, sizeof(*names));
		names[count++] = mem_printf("%.*s", (int)length, name);
	}
	*ret_count = count;
	return names;
}

bool settings_has(const struct settings *s, const char *key)
{
	const struct setting *setting = settings_find(s, key);

	return setting && setting->value;
}
