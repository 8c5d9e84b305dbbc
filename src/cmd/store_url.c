/* Which store the settings name, as a URL that says everything; see store_url.h. */
#include "cmd/store_url.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/url.h"
#include "cmd/redis_url.h"
#include "host/examine.h"
#include "host/process.h"
#include "pool/pool.h"

/* Whether a directory, or the one above it that exists, is on a file system that other hosts may
   have as well. */
static bool is_on_network(const char *directory)
{
	AUTO_FREE char *path = mem_strdup(directory);
	struct statfs kind;

	while (statfs(path, &kind) < 0) {
		char *slash = strrchr(path, '/');

		if (errno != ENOENT || !slash || slash == path)
			return false;
		*slash = '\0';
	}
	return host_network_file_system((uint64_t)kind.f_type) != NULL;
}

static bool is_there(const char *url)
{
	return access(url_file_path(url), F_OK) == 0;
}

/* The pool in one of the folders that has recorded this host. NULL: there is none. The caller frees
   it. */
static char *find_recorded(const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	char *found = NULL;

	while (dir && !found && (entry = readdir(dir))) {
		AUTO_FREE char *url =
			mem_printf("sqlite:%s/%s/canhazgpu.db", directory, entry->d_name);

		if (entry->d_name[0] != '.' && is_there(url) && pool_is_recorded_here(url))
			found = mem_steal(&url);
	}
	if (dir)
		closedir(dir);
	return found;
}

/*
 * The pool of an account in a directory that several hosts may share. It is directly there, or in a
 * folder of this host's name; after a host was renamed, in whatever folder has recorded it. What is
 * created on a network file system gets a folder. The caller frees it.
 */
static char *personal_store(const char *directory)
{
	AUTO_FREE char *host = host_name();
	AUTO_FREE char *own = mem_printf("sqlite:%s/%s/canhazgpu.db", directory, host);
	AUTO_FREE char *common = mem_printf("sqlite:%s/canhazgpu.db", directory);
	bool has_own = is_there(own);
	char *recorded;

	if (has_own && pool_is_recorded_here(own))
		return mem_steal(&own);
	recorded = find_recorded(directory);
	if (recorded)
		return recorded;
	if (is_there(common) && (!has_own || pool_is_recorded_here(common)))
		return mem_steal(&common);
	return has_own || is_on_network(directory) ? mem_steal(&own) : mem_steal(&common);
}

/* The installed pool where its directory exists, else one of this account alone. */
static int default_store(char **ret_url, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	AUTO_FREE char *directory = NULL;
	struct stat st;

	if (stat(SYSTEM_DIRECTORY, &st) == 0 && S_ISDIR(st.st_mode))
		*ret_url = mem_strdup("sqlite:" SYSTEM_DATABASE);
	else if (privilege_is_installed())
		return err_set(
			e, ENOENT,
			SYSTEM_DIRECTORY
			" is missing; it holds this host's pool: create it with 'systemd-tmpfiles "
			"--create', or install canhazgpu again");
	else if (state && *state == '/')
		directory = mem_printf("%s/canhazgpu", state);
	else if (home && *home == '/')
		directory = mem_printf("%s/.local/state/canhazgpu", home);
	else
		return err_usage(e, "no place for the pool: " SYSTEM_DIRECTORY
				    " does not exist, and HOME is not set (name a place with "
				    "--store)");
	if (directory)
		*ret_url = personal_store(directory);
	return 0;
}

bool store_is_named(const struct settings *s)
{
	return settings_is_set(s, "store") || redis_url_origin(s) != ORIGIN_DEFAULT;
}

/* The store that was named: a path becomes absolute, an address complete. */
static int complete(const struct settings *s, const char *url, bool beside, char **ret_url,
		    struct err *e)
{
	const char *file = url_file_path(url);
	AUTO_FREE char *path = NULL;

	if (redis_url_is(url))
		return redis_url_complete(s, url, beside, ret_url, e);
	if (!file) {
		*ret_url = mem_strdup(url);
		return 0;
	}
	path = file_absolute_path(file);
	*ret_url = mem_printf("%.*s%s", (int)(file - url), url, path);
	return 0;
}

int store_url_complete(const struct settings *s, const char *url, char **ret_url, struct err *e)
{
	return complete(s, url, true, ret_url, e);
}

int store_url_from(const struct settings *s, char **ret_url, struct err *e)
{
	enum setting_origin redis = redis_url_origin(s);

	/* Of equally strong ones the store counts: it is more specific. */
	if (settings_is_set(s, "store") && settings_origin(s, "store") >= redis)
		return complete(s, settings_text(s, "store"), false, ret_url, e);
	if (redis != ORIGIN_DEFAULT)
		return redis_url_from(s, ret_url, e);
	return default_store(ret_url, e);
}
