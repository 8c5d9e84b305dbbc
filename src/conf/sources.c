/* The sources of all settings; see sources.h. */
#include "conf/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/host_options.h"
#include "conf/setting.h"

/* File systems count in steps of up to this much. */
#define RECENT_NS (2 * NS_PER_SECOND)

struct settings *settings_new_host(void)
{
	static const struct option_spec host_options[] = {HOST_OPTIONS, {.name = NULL}};
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
	int r = settings_load_system_file(s, named != NULL, host_error), environment;

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
	return r < 0 ? r : environment;
}

/* The i-th file; NULL after the last. The caller frees it. */
static char *source_path(const struct settings *s, size_t i)
{
	const char *named = named_file(s), *home = getenv("HOME");

	if (i == 0)
		return mem_strdup(SETTINGS_SYSTEM_FILE);
	if (s->host_only)
		return NULL;
	if (named)
		return i == 1 ? mem_strdup(named) : NULL;
	return home && *home == '/' ? settings_personal_file(home, i - 1) : NULL;
}

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * NS_PER_SECOND + t->tv_nsec;
}

void sources_look(const struct settings *s, struct sources *ret_sources)
{
	int64_t now_ns = clock_now_ns();

	*ret_sources = (struct sources){0};
	for (size_t i = 0; i < SOURCES_MAX; i++) {
		struct source *file = &ret_sources->files[i];
		AUTO_FREE char *path = source_path(s, i);
		int64_t age_ns;

		if (!path)
			break;
		ret_sources->count++;
		if (stat(path, &file->st) < 0) {
			*file = (struct source){.code = errno};
			continue;
		}
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

/* Whether a setting has its value from that file. */
static bool is_used(const struct settings *s, const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < s->count; i++) {
		const struct setting *setting = &s->items[i];

		if (setting->origin == ORIGIN_FILE && !strncmp(setting->where, path, length) &&
		    setting->where[length] == ':')
			return true;
	}
	return false;
}

bool sources_are_lost(const struct settings *s, const struct sources *now)
{
	for (size_t i = 0; i < now->count; i++) {
		AUTO_FREE char *path = source_path(s, i);

		if ((now->files[i].code || !now->files[i].st.st_size) && path && is_used(s, path))
			return true;
	}
	return false;
}
