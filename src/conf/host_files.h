/*
 * The files of the host's administrator: /etc/canhazgpu/config.yaml, and over it those of
 * /etc/canhazgpu/config.d in the order of their names. All count alike.
 */
#ifndef CONF_HOST_FILES_H
#define CONF_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SETTINGS_SYSTEM_FILE "/etc/canhazgpu/config.yaml"
#define SETTINGS_SYSTEM_DIRECTORY "/etc/canhazgpu/config.d"
#define HOST_FILES_MAX 64

struct host_files {
	char *paths[HOST_FILES_MAX + 1];
	size_t count;
};

/*
 * Those that are there, also if they cannot be read; later ones count more. A directory that cannot
 * be read, or has too many files, is an error: there may be limits in it.
 */
int host_files_list(struct host_files *ret_files, struct err *e);
void host_files_clear(struct host_files *f);

/* Whether that is the path of such a file. The first `length` bytes of it are. */
bool host_files_have(const char *path, size_t length);

/* Whether the directory's files of that name are read: *.yaml, *.yml, *.json and *.toml, unless
   hidden. */
bool host_files_name_counts(const char *name, size_t length);

#endif
