/*
 * Every setting of the program and where its value comes from: flag, environment, file, default, in
 * this order. Declared from option tables, filled by src/main.c, read by commands.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stddef.h>

#include "base/err.h"
#include "base/parse.h"
#include "conf/host_files.h"
#include "conf/option.h"

enum setting_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct settings;

struct settings *settings_new(void);
struct settings *settings_free(struct settings *s); /* NULL is harmless; returns NULL */
void settings_freep(struct settings **s);           /* for AUTO(settings_freep) */

/* Declares the options of a command (prefix "run") or global ones (prefix NULL). Tables are static.
 */
void settings_declare(struct settings *s, const char *prefix, const struct option_spec *table);

/*
 * Reads a configuration file: YAML, JSON or TOML by its ending (.yaml .yml .json .toml; others are
 * tried as YAML, which JSON is a part of). `a.b` may be written nested or dotted. Error: one line
 * "file:line:column: ..." with exit status 2 for a missing or unreadable file, bad syntax, a wrong
 * type, or a value out of range. An unknown key is an error in a file of the host's administrator,
 * and elsewhere a warning: other programs, and other versions, may know it.
 */
int settings_load_file(struct settings *s, const char *path, struct err *e);

/*
 * The files of the host's administrator (host_files.h), if there are any. With `replaced`, another
 * file takes their place: then only what counts nowhere else (`system_only`) is taken from them,
 * but all of them are checked.
 */
int settings_load_system_files(struct settings *s, bool replaced, struct err *e);

/* The i-th warning, "file:line:column: unknown key ..."; NULL after the last. */
const char *settings_warning(const struct settings *s, size_t i);

/* $HOME/.canhazgpu.{yaml,yml,json,toml}, which may be missing; more than one is an error that names
   them. home may be NULL. */
int settings_load_personal_file(struct settings *s, const char *home, struct err *e);

/* The i-th file that settings_load_personal_file tries in a home directory; NULL after the last.
   The caller frees it. */
char *settings_personal_file(const char *home, size_t i);

/* CANHAZGPU_<KEY IN CAPITALS, . and - as _>, an empty value counts as unset. The
   environment may say what the command line may say: neither is anybody's but the caller's. */
int settings_load_environment(struct settings *s, struct err *e);

/* ---- settings of groups ---- */

/* policy.groups.NAME.max-gpus for policy.max-gpus: there as soon as a file sets it. The caller
   frees it. */
char *settings_group_key(const char *key, const char *group);

/* The names of the groups that have settings, each once. The caller frees them and their list. */
char **settings_groups(const struct settings *s, size_t *ret_count);

/* Whether there is a setting of that key. */
bool settings_has(const struct settings *s, const char *key);

/* Whether it is a good value of that option. */
bool option_accepts(const struct option_spec *spec, const char *value);

/* A value from the command line. `option` is for the message: "--gpus". */
int settings_set(struct settings *s, const char *key, const char *value, const char *option,
		 struct err *e);

/* Readers. The key must be declared (anything else aborts: it is a bug). Values were checked when
 * set. */
bool settings_is_set(const struct settings *s, const char *key); /* not the default */
enum setting_origin settings_origin(const struct settings *s, const char *key);
/* The default, or set by the administrator in a file of the host. */
bool settings_is_system(const struct settings *s, const char *key);
const char *settings_text(const struct settings *s, const char *key); /* NULL: no value */
bool settings_flag(const struct settings *s, const char *key);
int64_t settings_int(const struct settings *s, const char *key); /* 0: no value */
int64_t settings_duration_ns(const struct settings *s,
			     const char *key); /* 0: no value; INT64_MAX: without end */
int64_t settings_size_mb(const struct settings *s, const char *key); /* MiB; 0: no value */
/* Ids, ascending; NULL and 0: no value. The caller frees them. */
int *settings_ids(const struct settings *s, const char *key, size_t *ret_count);
/* NULL and 0: no value. The caller frees the names and their list. */
char **settings_names(const struct settings *s, const char *key, size_t *ret_count);
/* GPUs by id and UUID; none: no value. The caller clears *ret_list. */
void settings_gpus(const struct settings *s, const char *key, struct gpu_list *ret_list);

/* For `canhazgpu config`: the i-th setting in order of declaration; false behind the last. `where`
   is "flag --gpus", "environment CANHAZGPU_RUN_GPUS", "/path:3:5" or "default". */
struct setting_view {
	const char *key;
	const char *value; /* NULL: none */
	const char *where;
	const struct option_spec *spec;
	const char *overruled; /* a file of the host that sets it, too, and does not count; NULL */
};
bool settings_view(const struct settings *s, size_t i, struct setting_view *ret_view);

#endif
