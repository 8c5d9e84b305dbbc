/* What commands share: the pool that the settings name, who calls, and requests for GPUs. */
#include "cmd/cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"

/* Where the installed program keeps the pool of the host; see docs/architecture.md. */
#define SYSTEM_DIRECTORY "/var/lib/canhazgpu"

/* The installed pool where its directory exists, else one of this account alone. */
static int default_store(char **ret_url, struct err *e)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");
	struct stat st;

	if (stat(SYSTEM_DIRECTORY, &st) == 0 && S_ISDIR(st.st_mode))
		*ret_url = mem_strdup("sqlite:" SYSTEM_DIRECTORY "/canhazgpu.db");
	else if (state && *state == '/')
		*ret_url = mem_printf("sqlite:%s/canhazgpu/canhazgpu.db", state);
	else if (home && *home == '/')
		*ret_url = mem_printf("sqlite:%s/.local/state/canhazgpu/canhazgpu.db", home);
	else
		return err_usage(e, "no place for the pool: neither " SYSTEM_DIRECTORY
				    " nor HOME is there (name one with --store)");
	return 0;
}

/* The path as it is seen from any directory: the supervisor works in /. */
static char *absolute_path(const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (!path || *path == '/')
		return mem_strdup(path);
	cwd = getcwd(NULL, 0);
	return cwd ? mem_printf("%s/%s", cwd, path) : mem_strdup(path);
}

/* Makes the path in "sqlite:pool.db" absolute; other URLs stay as they are. */
static char *absolute_url(const char *url)
{
	static const char scheme[] = "sqlite:";
	AUTO_FREE char *path = NULL;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || !url[sizeof(scheme) - 1])
		return mem_strdup(url);
	path = absolute_path(url + sizeof(scheme) - 1);
	return mem_printf("%s%s", scheme, path);
}

int pool_config_from(const struct settings *s, struct pool_config *ret_config, struct err *e)
{
	const char *store = settings_text(s, "store");
	struct pool_config config = {0};

	if (store) {
		config.store_url = absolute_url(store);
	} else {
		int r = default_store(&config.store_url, e);

		if (r < 0)
			return r;
	}
	config.fake_state_path = absolute_path(settings_text(s, "fake.state"));
	config.memory_threshold_mb = settings_int(s, "memory.threshold");
	config.history_keep_ns = settings_int(s, "history.days") * NS_PER_DAY;
	*ret_config = config;
	return 0;
}

int pool_open_from(const struct settings *s, struct pool **ret_pool, struct err *e)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	int r = pool_config_from(s, &config, e);

	return r < 0 ? r : pool_open(&config, ret_pool, e);
}

struct plan_actor actor_get(char **ret_account)
{
	*ret_account = host_account_name(getuid());
	return (struct plan_actor){.uid = getuid(), .account = *ret_account};
}

/* A setting of this very command. */
static const char *own_key(const struct invocation *in, const char *name, char key[64])
{
	snprintf(key, 64, "%s.%s", in->command->name, name);
	return key;
}

static int check_length(const char *what, const char *text, size_t max, struct err *e)
{
	if (text && strlen(text) > max)
		return err_usage(e, "%s is %zu bytes long (at most %zu)", what, strlen(text), max);
	return 0;
}

int request_fill(const struct invocation *in, struct plan_request *request, int **ret_ids,
		 struct err *e)
{
	char key[64];
	int r;

	request->count = (int)settings_int(in->settings, own_key(in, "gpus", key));
	*ret_ids = settings_ids(in->settings, own_key(in, "gpu-ids", key), &request->ids_count);
	request->ids = *ret_ids;
	request->note = settings_text(in->settings, own_key(in, "note", key));
	request->user = settings_text(in->settings, own_key(in, "user", key));
	if (request->ids && request->count != 1 && (size_t)request->count != request->ids_count)
		return err_usage(e, "--gpus %d does not match the %zu GPU IDs of --gpu-ids",
				 request->count, request->ids_count);
	r = check_length("--note", request->note, NOTE_MAX, e);
	if (r == 0)
		r = check_length("--user", request->user, USER_MAX, e);
	if (r == 0 && request->user && !*request->user)
		r = err_usage(e, "--user needs a name");
	return r;
}

bool color_wanted(const struct settings *s, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fd) && !settings_flag(s, "no-color") && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}
