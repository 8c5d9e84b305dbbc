/* The sources of all settings; see sources.h. */
#include "conf/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/guard_options.h"
#include "conf/host_options.h"
#include "conf/setting.h"

/* File systems count in steps of up to this much. */
#define RECENT_NS (2 * NS_PER_SECOND)

struct settings *settings_new_host(void)
{
	static const struct option_spec host_options[] = {
		HOST_OPTIONS, GUARD_OPTIONS, {.name = NULL}};
	struct settings *s = settings_new();

	settings_declare(s, NULL, host_options);
	s->host_only = true;
	return s;
}

static const char *named_file(const struct settings *s)
{
	return s->host_only ? NULL : settings_text(s, "config");
}

int settings_load(struct settings *s, struct err *host_error, struct err *e)
{
	const char *named = named_file(s);
	int r = settings_load_system_files(s, named != NULL, host_error), environment;

	if (s->host_only) {
		*e = *host_error;
		return r;
	}
	if (named)
		r = settings_load_file(s, named, e);
	else if (r == 0)
		r = settings_load_personal_file(s, getenv("HOME"), e);
	else
		*e = *host_error;
	environment = settings_load_environment(s, r < 0 ? NULL : e);
	if (r < 0 || environment < 0)
		return r < 0 ? r : environment;
	if (settings_warning(s, 0) && settings_flag(s, "strict-config"))
		return err_usage(e, "%s", settings_warning(s, 0));
	return 0;
}

static void add_path(char *paths[SOURCES_MAX], size_t *count, char *path)
{
	if (*count < SOURCES_MAX)
		paths[(*count)++] = path;
	else
		free(path);
}

/* All files, and the directory that may get another one. The caller frees the paths. */
static size_t list_paths(const struct settings *s, char *paths[SOURCES_MAX])
{
	AUTO(host_files_clear) struct host_files files = {0};
	const char *named = named_file(s), *home = getenv("HOME");
	size_t count = 0;
	char *path;

	add_path(paths, &count, mem_strdup(SETTINGS_SYSTEM_FILE));
	add_path(paths, &count, mem_strdup(SETTINGS_SYSTEM_DIRECTORY));
	(void)host_files_list(&files, NULL);
	for (size_t i = 0; i < files.count; i++) {
		if (strcmp(files.paths[i], SETTINGS_SYSTEM_FILE) != 0)
			add_path(paths, &count, mem_strdup(files.paths[i]));
	}
	if (named && !s->host_only)
		add_path(paths, &count, mem_strdup(named));
	for (size_t i = 0; !named && !s->host_only && home && *home == '/' &&
			   (path = settings_personal_file(home, i));
	     i++)
		add_path(paths, &count, path);
	return count;
}

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * NS_PER_SECOND + t->tv_nsec;
}

void sources_look(const struct settings *s, struct sources *ret_sources)
{
	int64_t now_ns = clock_now_ns();
	char *paths[SOURCES_MAX];

	*ret_sources = (struct sources){.count = list_paths(s, paths)};
	for (size_t i = 0; i < ret_sources->count; i++) {
		struct source *file = &ret_sources->files[i];
		int64_t age_ns;

		if (stat(paths[i], &file->st) < 0)
			*file = (struct source){.code = errno};
		free(paths[i]);
		if (file->code)
			continue;
		age_ns = now_ns - time_ns(&file->st.st_ctim);
		ret_sources->is_recent |= age_ns > -RECENT_NS && age_ns < RECENT_NS;
	}
}

static bool is_same(const struct source *a, const struct source *b)
{
	return a->code == b->code && a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
	       a->st.st_size == b->st.st_size &&
	       time_ns(&a->st.st_mtim) == time_ns(&b->st.st_mtim) &&
	       time_ns(&a->st.st_ctim) == time_ns(&b->st.st_ctim);
}

bool sources_are_same(const struct sources *a, const struct sources *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = is_same(&a->files[i], &b->files[i]);
	return same;
}

bool sources_are_lost(const struct settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct setting *setting = &s->items[i];
		AUTO_FREE char *path = NULL;
		struct stat st;

		if (setting->origin != ORIGIN_FILE)
			continue;
		path = mem_printf("%.*s", (int)setting_path_length(setting), setting->where);
		if (stat(path, &st) < 0 || !st.st_size)
			return true;
	}
	return false;
}
