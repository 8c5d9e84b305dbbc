/*
 * Settings from configuration files: which files there are, and the check of a document's tree
 * against what is declared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "conf/doc/doc.h"
#include "conf/nearest.h"
#include "conf/setting.h"
#include "conf/setting_node.h"

/* One file that is being read into the settings. */
struct load {
	struct settings *settings;
	const char *path;
	const struct doc_node **seen; /* one per setting: where this file sets it */
	size_t seen_count;
	bool is_system;   /* a file of the host's administrator */
	bool system_only; /* nothing else is taken from it */
	struct err *e;
};

static void load_clear(struct load *l)
{
	free(l->seen);
}

/* True if there are settings below this key: "run", because of "run.gpus". */
static bool is_section(const struct settings *s, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < s->count; i++) {
		if (!strncmp(s->items[i].key, key, length) && s->items[i].key[length] == '.')
			return true;
	}
	return false;
}

/* True for "policy.groups" and what is below it: names that nobody can know. */
static bool is_group_section(const struct settings *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct option_spec *spec = s->items[i].spec;
		AUTO_FREE char *groups = NULL;
		size_t length;

		if (!spec->per_group)
			continue;
		groups = settings_group_key(spec->key, "");
		length = strlen(groups) - strlen(strchr(spec->key, '.')) - 1;
		if (!strncmp(key, groups, length) && (!key[length] || key[length] == '.'))
			return true;
	}
	return false;
}

static int fail_unknown(const struct load *l, const struct doc_node *node, const char *key,
			struct err *e)
{
	struct nearest nearest = {.word = key};

	for (size_t i = 0; i < l->settings->count; i++) {
		if (!l->settings->items[i].spec->not_configurable)
			nearest_offer(&nearest, l->settings->items[i].key);
	}
	if (nearest.best)
		return doc_error(l->path, node->key_line, node->key_column, e,
				 "unknown key '%.60s', did you mean '%s'?", key, nearest.best);
	return doc_error(l->path, node->key_line, node->key_column, e, "unknown key '%.60s'", key);
}

/* A user's file may be read by other programs, and other versions, as well. */
static int take_unknown(struct load *l, const struct doc_node *node, const char *key)
{
	struct settings *s = l->settings;
	struct err e = {0};

	if (settings_find(s, key))
		return doc_error(l->path, node->key_line, node->key_column, l->e,
				 "'%.60s' can only be given on the command line", key);
	if (l->is_system)
		return fail_unknown(l, node, key, l->e);
	(void)fail_unknown(l, node, key, &e);
	s->warnings = mem_resize(s->warnings, s->warnings_count + 1, sizeof(*s->warnings));
	s->warnings[s->warnings_count++] = mem_strdup(e.text);
	return 0;
}

const char *settings_warning(const struct settings *s, size_t i)
{
	return i < s->warnings_count ? s->warnings[i] : NULL;
}

static int fail_unknown_of_group(struct load *l, const struct doc_node *node, const char *key)
{
	AUTO(str_clear) struct str names = {0};

	for (size_t i = 0; i < l->settings->count; i++) {
		const struct setting *s = &l->settings->items[i];

		if (s->spec->per_group && !setting_is_group(s))
			str_addf(&names, "%s%s", names.length ? ", " : "", strchr(s->key, '.') + 1);
	}
	return doc_error(l->path, node->key_line, node->key_column, l->e,
			 "'%.60s' is not a setting: a group can have %s", key, str_text(&names));
}

/* Keeps a value that has the right kind; of a file that was replaced only what counts nowhere else.
 */
static int keep(const struct load *l, struct setting *setting, const char *value, const char *where,
		struct err *e)
{
	if (l->is_system)
		mem_replace(&setting->host_file, l->path);
	if (l->system_only && !setting->spec->system_only)
		return setting_check(setting->spec, value, e);
	return setting_put(setting, value, ORIGIN_FILE, where, e);
}

/* Where this file has set it already. Settings of groups are added while it is read. */
static const struct doc_node **seen_of(struct load *l, const struct setting *setting)
{
	size_t place = (size_t)(setting - l->settings->items);

	if (place >= l->seen_count) {
		size_t count = l->settings->count;

		l->seen = mem_resize(l->seen, count, sizeof(*l->seen));
		memset(l->seen + l->seen_count, 0, (count - l->seen_count) * sizeof(*l->seen));
		l->seen_count = count;
	}
	return &l->seen[place];
}

/* Sets one setting from its node. */
static int apply(struct load *l, struct setting *setting, const struct doc_node *node)
{
	const struct doc_node **seen = seen_of(l, setting);
	AUTO_FREE char *where = mem_printf("%s:%d:%d", l->path, node->line, node->column);
	AUTO(str_clear) struct str list = {0};
	const char *value;
	struct err e = {0};
	int r;

	if (*seen)
		return doc_error(l->path, node->key_line, node->key_column, l->e,
				 "%s is set twice (first on line %d)", setting->key, (*seen)->line);
	*seen = node;
	if (setting->spec->system_only && !l->is_system)
		return doc_error(l->path, node->key_line, node->key_column, l->e,
				 SETTING_SYSTEM_ONLY, setting->key);
	r = setting_node_text(setting, node, l->path, &list, &value, l->e);
	if (r < 0)
		return r;
	if (keep(l, setting, value, where, &e))
		return doc_error(l->path, node->line, node->column, l->e, "%s: %s", setting->key,
				 e.text);
	return 0;
}

/* The setting of that key, or of what other programs call it. */
static struct setting *find_named(struct settings *s, const char *key)
{
	struct setting *setting = settings_find(s, key);

	for (size_t i = 0; !setting && i < s->count; i++) {
		const char *other = s->items[i].spec->other_key;

		if (other && !strcmp(other, key))
			setting = &s->items[i];
	}
	return setting;
}

/* One file for this program and others: what it says in this one's words counts. */
static bool is_overruled(const struct doc_node *mapping, const char *key,
			 const struct setting *setting)
{
	bool overruled = false;

	if (!setting || !strcmp(setting->key, key))
		return false;
	for (size_t i = 0; i < mapping->count; i++)
		overruled |= !strcmp(mapping->children[i]->key, setting->key);
	return overruled;
}

/* `a.b` may be written nested or dotted, in any mixture: prefix is what is above. */
static int apply_mapping(struct load *l, const char *prefix, const struct doc_node *mapping)
{
	for (size_t i = 0; i < mapping->count; i++) {
		const struct doc_node *node = mapping->children[i];
		AUTO_FREE char *key = mem_printf("%s%s%s", prefix, *prefix ? "." : "", node->key);
		struct setting *setting = find_named(l->settings, key);
		bool group = is_group_section(l->settings, key);
		bool section = group || is_section(l->settings, key);
		int r = 0;

		if (group && !setting && node->kind != DOC_MAPPING)
			setting = settings_find_group(l->settings, key);
		if (section && node->kind == DOC_MAPPING)
			r = apply_mapping(l, key, node);
		else if (is_overruled(mapping, key, setting))
			continue;
		else if (setting && !setting->spec->not_configurable)
			r = apply(l, setting, node);
		else if (!section && l->settings->host_only)
			continue;
		else if (!section || (setting && node->kind != DOC_NULL))
			r = take_unknown(l, node, key);
		/* A section whose lines are all commented out is null, and that is fine. */
		else if (group && node->kind != DOC_NULL)
			r = fail_unknown_of_group(l, node, key);
		else if (node->kind != DOC_NULL)
			r = doc_error(l->path, node->line, node->column, l->e,
				      "%s needs a section of settings, this is %s", key,
				      setting_kind_name(node->kind));
		if (r)
			return r;
	}
	return 0;
}

static int load_file(struct settings *s, const char *path, bool system_only, struct err *e)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	AUTO(load_clear)
	struct load l = {.settings = s,
			 .path = path,
			 .e = e,
			 .is_system = host_files_have(path, strlen(path)),
			 .system_only = system_only};
	int r = doc_load(path, &root, e);

	if (r)
		return r;
	return apply_mapping(&l, "", root);
}

int settings_load_file(struct settings *s, const char *path, struct err *e)
{
	return load_file(s, path, false, e);
}

/* True if there is such a file, whether or not it can be read. */
static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

char *settings_personal_file(const char *home, size_t i)
{
	static const char *const endings[] = {"yaml", "yml", "json", "toml"};

	return i < ARRAY_SIZE(endings) ? mem_printf("%s/.canhazgpu.%s", home, endings[i]) : NULL;
}

int settings_load_system_files(struct settings *s, bool replaced, struct err *e)
{
	AUTO(host_files_clear) struct host_files files = {0};
	int r = host_files_list(&files, e);

	for (size_t i = 0; r == 0 && i < files.count; i++)
		r = load_file(s, files.paths[i], replaced, e);
	return r;
}

int settings_load_personal_file(struct settings *s, const char *home, struct err *e)
{
	AUTO_FREE char *found = NULL;

	if (!home || *home != '/')
		return 0;
	for (size_t i = 0;; i++) {
		AUTO_FREE char *path = settings_personal_file(home, i);

		if (!path)
			break;
		if (!exists(path))
			continue;
		if (found)
			return err_usage(e, "two configuration files: %s and %s (keep one)", found,
					 path);
		found = mem_steal(&path);
	}
	return found ? settings_load_file(s, found, e) : 0;
}
