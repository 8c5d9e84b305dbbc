/*
 * The settings: declared from option tables, set from flags and the environment, read by commands.
 * Values are kept as text that was checked; settings_file.c sets those from files.
 */
#include "conf/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "conf/setting.h"

/* Room for the name of an environment variable. */
#define VARIABLE_SIZE 96

/* A table or a reader that contradicts itself is a mistake in this program, not the user's. */
__attribute__((noreturn)) static void settings_bug(const char *key, const char *what)
{
	fprintf(stderr, "canhazgpu: setting '%s': %s\n", key, what);
	abort();
}

struct settings *settings_new(void)
{
	return mem_alloc(1, sizeof(struct settings));
}

struct settings *settings_free(struct settings *s)
{
	for (size_t i = 0; s && i < s->count; i++) {
		free(s->items[i].key);
		free(s->items[i].value);
		free(s->items[i].where);
		free(s->items[i].host_file);
	}
	for (size_t i = 0; s && i < s->warnings_count; i++)
		free(s->warnings[i]);
	if (s) {
		free(s->items);
		free(s->warnings);
	}
	free(s);
	return NULL;
}

void settings_freep(struct settings **s)
{
	*s = settings_free(*s);
}

/* "run.gpu-ids"; for each option of each command whenever the program starts, so without printf. */
static char *join(const char *prefix, const char *name)
{
	char *key = mem_alloc(strlen(prefix) + strlen(name) + 2, 1);

	stpcpy(stpcpy(stpcpy(key, prefix), "."), name);
	return key;
}

char *setting_key(const char *prefix, const struct option_spec *spec)
{
	if (spec->key)
		return mem_strdup(spec->key);
	return prefix ? join(prefix, spec->name) : mem_strdup(spec->name);
}

/* "run.gpu-ids" is CANHAZGPU_RUN_GPU_IDS. */
static const char *variable_name(const char *key, char name[VARIABLE_SIZE])
{
	static const char prefix[] = "CANHAZGPU_";
	size_t n = sizeof(prefix) - 1;

	memcpy(name, prefix, n);
	for (; *key && n + 1 < VARIABLE_SIZE; key++)
		name[n++] = *key == '.' || *key == '-' ? '_' : (char)toupper((unsigned char)*key);
	name[n] = '\0';
	return name;
}

static unsigned hash_key(const char *key)
{
	unsigned hash = 2166136261U; /* FNV-1a */

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return hash;
}

struct setting *settings_find(const struct settings *s, const char *key)
{
	unsigned hash = hash_key(key);

	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].hash == hash && !strcmp(s->items[i].key, key))
			return &s->items[i];
	}
	return NULL;
}

struct setting *setting_add(struct settings *s, const struct option_spec *spec, char *key)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->items = mem_resize(s->items, s->room, sizeof(*s->items));
	}
	s->items[s->count] = (struct setting){.spec = spec, .hash = hash_key(key), .key = key};
	return &s->items[s->count++];
}

/* Two tables may share a key (an option that is global and of a command) if they agree on the type.
 */
static void declare_one(struct settings *s, const char *prefix, const struct option_spec *spec)
{
	AUTO_FREE char *key = setting_key(prefix, spec);
	const struct setting *known = settings_find(s, key);
	struct err e = {0};

	if (known && known->spec->type != spec->type)
		settings_bug(key, "declared twice with different types");
	if (known)
		return;
	if (spec->fallback && setting_check(spec, spec->fallback, &e))
		settings_bug(key, e.text);
	if (spec->implied && setting_check(spec, spec->implied, &e))
		settings_bug(key, e.text);
	setting_add(s, spec, mem_steal(&key));
}

void settings_declare(struct settings *s, const char *prefix, const struct option_spec *table)
{
	for (; table && table->name; table++)
		declare_one(s, prefix, table);
}

int setting_put(struct setting *setting, const char *value, enum setting_origin origin,
		const char *where, struct err *e)
{
	int r = 0;

	/* run.wait: true is what --wait says, and false that nobody has said it. */
	if (setting->spec->argument_optional && !strcmp(value, "true"))
		value = setting->spec->implied;
	else if (setting->spec->argument_optional && !strcmp(value, "false"))
		value = NULL;
	else
		r = setting_check(setting->spec, value, e);
	if (r)
		return r;
	if (origin < setting->origin)
		return 0;
	if (setting->spec->type == OPTION_FLAG) {
		bool on = false;

		(void)parse_bool(value, &on, NULL);
		value = on ? "true" : "false";
	}
	setting->origin = origin;
	mem_replace(&setting->value, value);
	mem_replace(&setting->where, where);
	return 0;
}

int settings_load_environment(struct settings *s, struct err *e)
{
	for (size_t i = 0; i < s->count; i++) {
		char name[VARIABLE_SIZE];
		const char *variable = variable_name(s->items[i].key, name);
		const char *value = s->items[i].spec->not_configurable ? NULL : getenv(variable);
		AUTO_FREE char *where = NULL;

		if (!value || !*value)
			continue;
		if (s->items[i].spec->system_only)
			return err_usage(e, "environment variable %s: " SETTING_SYSTEM_ONLY, name,
					 s->items[i].key);
		where = mem_printf("environment %s", variable);
		if (setting_put(&s->items[i], value, ORIGIN_ENVIRONMENT, where, e))
			return err_prefix(e, "environment variable %s", variable);
	}
	return 0;
}

/* The setting that a reader asks for. */
static struct setting *get(const struct settings *s, const char *key)
{
	struct setting *setting = settings_find(s, key);

	if (!setting)
		settings_bug(key, "not declared");
	return setting;
}

/* The value that is in effect, NULL when there is none, for a setting that must be of this type. */
static const char *get_typed(const struct settings *s, const char *key, enum option_type type)
{
	const struct setting *setting = get(s, key);

	if (setting->spec->type != type)
		settings_bug(key, "read as another type than declared");
	return setting->value ? setting->value : setting->spec->fallback;
}

int settings_set(struct settings *s, const char *key, const char *value, const char *option,
		 struct err *e)
{
	AUTO_FREE char *where = mem_printf("flag %s", option);

	if (setting_put(get(s, key), value, ORIGIN_FLAG, where, e))
		return err_prefix(e, "%s", option);
	return 0;
}

bool settings_is_set(const struct settings *s, const char *key)
{
	return get(s, key)->origin != ORIGIN_DEFAULT;
}

enum setting_origin settings_origin(const struct settings *s, const char *key)
{
	return get(s, key)->origin;
}

size_t setting_path_length(const struct setting *setting)
{
	const char *where = setting->where;
	size_t length = where && setting->origin == ORIGIN_FILE ? strlen(where) : 0;

	/* "/path:3:5" */
	for (int colons = 0; length && colons < 2;)
		colons += where[--length] == ':';
	return length;
}

static bool is_from_host_file(const struct setting *setting)
{
	return setting->origin == ORIGIN_FILE &&
	       host_files_have(setting->where, setting_path_length(setting));
}

bool settings_is_system(const struct settings *s, const char *key)
{
	const struct setting *setting = get(s, key);

	return setting->origin == ORIGIN_DEFAULT || is_from_host_file(setting);
}

const char *settings_text(const struct settings *s, const char *key)
{
	const struct setting *setting = get(s, key);

	return setting->value ? setting->value : setting->spec->fallback;
}

bool settings_flag(const struct settings *s, const char *key)
{
	const char *value = get_typed(s, key, OPTION_FLAG);
	bool flag = false;

	if (value)
		(void)parse_bool(value, &flag, NULL);
	return flag;
}

int64_t settings_int(const struct settings *s, const char *key)
{
	const char *value = get_typed(s, key, OPTION_INT);
	int64_t number = 0;

	if (value)
		(void)parse_int(value, INT64_MIN, INT64_MAX, &number, NULL);
	return number;
}

int64_t settings_duration_ns(const struct settings *s, const char *key)
{
	const char *value = get_typed(s, key, OPTION_DURATION);
	int64_t ns = 0;

	if (value && parse_duration(value, &ns, NULL) < 0)
		return INT64_MAX; /* the word for it: values were checked */
	return ns;
}

int64_t settings_size_mb(const struct settings *s, const char *key)
{
	const char *value = get_typed(s, key, OPTION_SIZE);
	int64_t mb = 0;

	if (value)
		(void)parse_size_mb(value, &mb, NULL);
	return mb;
}

int *settings_ids(const struct settings *s, const char *key, size_t *ret_count)
{
	const char *value = get_typed(s, key, OPTION_IDS);
	int *ids = NULL;

	*ret_count = 0;
	if (value)
		(void)parse_id_list(value, &ids, ret_count, NULL);
	return ids;
}

char **settings_names(const struct settings *s, const char *key, size_t *ret_count)
{
	const char *value = get_typed(s, key, OPTION_NAMES);
	char **names = NULL;
	size_t length;

	*ret_count = 0;
	for (const char *p = value; p && *p; p += length + (p[length] == ',')) {
		length = strcspn(p, ",");
		names = mem_resize(names, *ret_count + 1, sizeof(*names));
		names[(*ret_count)++] = mem_printf("%.*s", (int)length, p);
	}
	return names;
}

void settings_gpus(const struct settings *s, const char *key, struct gpu_list *ret_list)
{
	const char *value = get_typed(s, key, OPTION_GPUS);

	*ret_list = (struct gpu_list){0};
	if (value)
		(void)parse_gpu_list(value, ret_list, NULL);
}

bool settings_view(const struct settings *s, size_t i, struct setting_view *ret_view)
{
	const struct setting *setting;

	if (i >= s->count)
		return false;
	setting = &s->items[i];
	*ret_view = (struct setting_view){
		.key = setting->key,
		.value = setting->value ? setting->value : setting->spec->fallback,
		.where = setting->where ? setting->where : "default",
		.spec = setting->spec,
		.overruled = is_from_host_file(setting) ? NULL : setting->host_file,
	};
	if (!ret_view->value && setting->spec->type == OPTION_FLAG)
		ret_view->value = "false";
	return true;
}
