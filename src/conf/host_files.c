/* Which files the host's administrator has; see host_files.h. */
#include "conf/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

bool host_files_name_counts(const char *name, size_t length)
{
	static const char *const endings[] = {".yaml", ".yml", ".json", ".toml"};

	for (size_t i = 0; *name != '.' && i < ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (length > ending && !strncmp(name + length - ending, endings[i], ending))
			return true;
	}
	return false;
}

bool host_files_have(const char *path, size_t length)
{
	static const char file[] = SETTINGS_SYSTEM_FILE,
			  directory[] = SETTINGS_SYSTEM_DIRECTORY "/";
	size_t before = sizeof(directory) - 1;

	if (length == sizeof(file) - 1 && !strncmp(path, file, length))
		return true;
	return length > before && !strncmp(path, directory, before) &&
	       !memchr(path + before, '/', length - before) &&
	       host_files_name_counts(path + before, length - before);
}

void host_files_clear(struct host_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->paths[i]);
	*f = (struct host_files){0};
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_directory(DIR *directory, struct host_files *f, struct err *e)
{
	const struct dirent *entry;

	for (errno = 0; (entry = readdir(directory)); errno = 0) {
		if (!host_files_name_counts(entry->d_name, strlen(entry->d_name)))
			continue;
		if (f->count == ARRAY_SIZE(f->paths))
			return err_usage(e, "%s: more than %d files", SETTINGS_SYSTEM_DIRECTORY,
					 HOST_FILES_MAX);
		f->paths[f->count++] =
			mem_printf("%s/%s", SETTINGS_SYSTEM_DIRECTORY, entry->d_name);
	}
	return errno ? err_sys(e, errno, "cannot read '%s'", SETTINGS_SYSTEM_DIRECTORY) : 0;
}

/* Whether something is there, and not certainly nothing: it may hold limits. */
static bool may_exist(const char *path)
{
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int host_files_list(struct host_files *ret_files, struct err *e)
{
	AUTO(host_files_clear) struct host_files f = {0};
	size_t first;
	DIR *directory;
	int r = 0, code;

	if (may_exist(SETTINGS_SYSTEM_FILE))
		f.paths[f.count++] = mem_strdup(SETTINGS_SYSTEM_FILE);
	first = f.count;
	directory = opendir(SETTINGS_SYSTEM_DIRECTORY);
	code = errno;
	if (directory) {
		r = list_directory(directory, &f, e);
		closedir(directory);
	} else if (may_exist(SETTINGS_SYSTEM_DIRECTORY)) {
		r = err_sys(e, code, "cannot read '%s'", SETTINGS_SYSTEM_DIRECTORY);
	}
	if (r < 0)
		return err_exit_status(e, EXIT_STATUS_USAGE);
	qsort(f.paths + first, f.count - first, sizeof(*f.paths), compare_paths);
	*ret_files = f;
	f = (struct host_files){0};
	return 0;
}
