/* Which store the settings name, as a URL that says everything; see store_url.h. */
#include "cmd/store_url.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/url.h"
#include "cmd/redis_url.h"

/* The installed pool where its directory exists, else one of this account alone. */
static int default_store(char **ret_url, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct stat st;

	if (stat(SYSTEM_DIRECTORY, &st) == 0 && S_ISDIR(st.st_mode))
		*ret_url = mem_strdup("sqlite:" SYSTEM_DIRECTORY "/canhazgpu.db");
	else if (privilege_is_installed())
		return err_set(
			e, ENOENT,
			SYSTEM_DIRECTORY
			" is missing; it holds this host's pool: create it with 'systemd-tmpfiles "
			"--create', or install canhazgpu again");
	else if (state && *state == '/')
		*ret_url = mem_printf("sqlite:%s/canhazgpu/canhazgpu.db", state);
	else if (home && *home == '/')
		*ret_url = mem_printf("sqlite:%s/.local/state/canhazgpu/canhazgpu.db", home);
	else
		return err_usage(e, "no place for the pool: " SYSTEM_DIRECTORY
				    " does not exist, and HOME is not set (name a place with "
				    "--store)");
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
