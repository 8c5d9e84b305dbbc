/*
 * Where all settings come from: the files in their order, and the environment. Called by src/main.c
 * at the start, and by reload.c while a command goes on.
 */
#ifndef CONF_SOURCES_H
#define CONF_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "conf/settings.h"

/* The host's files and their directory, and the file that is named, or those of the home directory.
 */
#define SOURCES_MAX (HOST_FILES_MAX + 6)

/*
 * Reads files and environment; what flags have set already stays. With a mistake in a file the
 * environment still counts. A mistake in the file of the host's administrator is told in host_error
 * as well: where --config names another file, it concerns only commands that need its limits.
 */
int settings_load(struct settings *s, struct err *host_error, struct err *e);

/* How those files look at a time, also those that are not there. */
struct sources {
	struct source {
		int code; /* errno, where it cannot be seen */
		struct stat st;
	} files[SOURCES_MAX];
	size_t count;
	/* One was changed a moment before: another change could look the same. */
	bool is_recent;
};

/* Costs one stat per file. */
void sources_look(const struct settings *s, struct sources *ret_sources);

/* Whether nothing has been changed in between. */
bool sources_are_same(const struct sources *a, const struct sources *b);

/* Whether a file that a setting has its value from is missing or empty now. */
bool sources_are_lost(const struct settings *s);

#endif
