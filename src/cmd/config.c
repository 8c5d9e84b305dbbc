/* canhazgpu config: the settings in effect, and where each comes from. */
#include "cmd/command.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/table.h"
#include "base/text.h"
#include "base/url.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "cmd/store_url.h"
#include "tell/prefs.h"

static const struct table_column columns[] = {
	{.name = "KEY"},
	{.name = "VALUE", .trunc = true},
	{.name = "FROM", .trunc = true},
	{.name = "DEFAULT", .trunc = true},
};

/* The value in effect, without passwords; for the store, which has no fixed default, the pool that
   is used. The caller frees it. */
static char *config_value(const struct settings *s, const struct setting_view *view)
{
	AUTO_FREE char *store_url = NULL;

	if (view->value && !strcmp(view->key, "redis.password"))
		return mem_strdup("(not shown)");
	if (strcmp(view->key, "store") != 0)
		return mem_strdup(view->value);
	if (view->value || store_url_from(s, &store_url, NULL) < 0)
		return url_without_password(view->value);
	return url_without_password(store_url);
}

/* Not the options of this very call. */
static bool is_changed(const struct settings *s, const struct setting_view *view)
{
	return settings_is_set(s, view->key) &&
	       (strncmp(view->key, "config.", strlen("config.")) != 0 ||
		settings_origin(s, view->key) != ORIGIN_FLAG);
}

/* What would be in effect otherwise, for what is not the default; NULL: nothing to say. */
static const char *built_in(const struct setting_view *view, bool changed)
{
	if (!changed)
		return NULL;
	if (view->spec->type == OPTION_FLAG)
		return view->spec->fallback ? view->spec->fallback : "false";
	return view->spec->fallback ? view->spec->fallback : "none";
}

static void config_table(const struct settings *s, bool changed_only)
{
	AUTO(table_freep) struct table *table = table_new(columns, ARRAY_SIZE(columns));
	struct setting_view view;

	for (size_t i = 0; settings_view(s, i, &view); i++) {
		bool changed = is_changed(s, &view);
		AUTO_FREE char *value = NULL;

		if (changed_only && !changed)
			continue;
		value = config_value(s, &view);
		table_add(table,
			  (const char *[]){view.key, value, view.where, built_in(&view, changed)});
	}
	table_print(table, stdout, color_wanted(s, STDOUT_FILENO));
}

/* Numbers and flags as such, lists of ids as lists, everything else as one would type it. */
static json_t *config_typed(const struct setting_view *view, const char *value)
{
	AUTO_FREE char *valid = text_utf8(value);
	AUTO_FREE int *ids = NULL;
	size_t count = 0;
	int64_t number = 0;
	bool flag = false;
	json_t *list;

	if (!value)
		return json_null();
	if (view->spec->type == OPTION_FLAG && parse_bool(value, &flag, NULL) == 0)
		return json_boolean(flag);
	if (view->spec->type == OPTION_INT &&
	    parse_int(value, INT64_MIN, INT64_MAX, &number, NULL) == 0)
		return json_integer(number);
	if ((view->spec->type != OPTION_IDS && view->spec->type != OPTION_GPUS) ||
	    parse_id_list(value, &ids, &count, NULL) < 0)
		return json_string(valid);
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(ids[i]));
	return list;
}

/* {"memory.threshold": {"value": 512, "from": "environment CANHAZGPU_MEMORY_THRESHOLD"}, ...} */
static json_t *config_json(const struct settings *s, bool changed_only)
{
	json_t *document = json_object();
	struct setting_view view;

	for (size_t i = 0; settings_view(s, i, &view); i++) {
		AUTO_FREE char *value = NULL, *from = NULL;
		json_t *member;

		if (changed_only && !is_changed(s, &view))
			continue;
		value = config_value(s, &view);
		from = text_utf8(view.where);
		member = json_object();
		json_object_set_new(member, "value", config_typed(&view, value));
		json_object_set_new(member, "from", json_string(from));
		json_object_set_new(document, view.key, member);
	}
	return document;
}

/* What the caller is told has a file of its own, which no command but this one complains of. */
static void warn_of_prefs(void)
{
	const char *home = getenv("HOME");
	AUTO_FREE char *shown = NULL;
	struct tell_prefs prefs;
	struct err e = {0};

	if (!home || tell_prefs_load(home, &prefs, &e) == 0)
		return;
	shown = text_shown(e.text);
	fprintf(stderr, "Warning: %s\n", shown);
}

static int config_run(const struct invocation *in, struct err *e)
{
	bool changed_only = settings_flag(in->settings, "config.changed");
	int r = host_check(in, e);

	if (r < 0)
		return r;
	if (settings_flag(in->settings, "config.json"))
		return print_json(config_json(in->settings, changed_only), e);
	config_table(in->settings, changed_only);
	warn_of_prefs();
	return 0;
}

static const struct option_spec config_options[] = {
	{.name = "changed",
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Show only what is not the default"},
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output the settings as JSON object instead of table format"},
	{.name = NULL},
};

const struct command cmd_config = {
	.name = "config",
	.summary = "Show the effective settings and where they come from",
	.usage = "[--changed] [--json]",
	.description =
		"A flag overrides the environment, which overrides a configuration file, which\n"
		"overrides the default. Every key can be set in a file under its name, and in\n"
		"the environment as CANHAZGPU_<KEY IN CAPITALS, with _ for . and ->.",
	.examples = "  canhazgpu config --changed\n"
		    "  canhazgpu config --json",
	.options = config_options,
	.run = config_run,
};
