/* From the settings to the pool; see context.h. */
#include "cmd/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/url.h"
#include "cmd/store_url.h"
#include "host/identity.h"
#include "host/process.h"
#include "pool/policy_settings.h"

int host_check(const struct invocation *in, struct err *e)
{
	if (!in->host_error)
		return 0;
	if (e)
		*e = *in->host_error;
	return -in->host_error->code;
}

/* Whether somebody other than the host's administrator has set it. */
static bool is_personal(const struct settings *s, const char *key)
{
	return settings_text(s, "config") || !settings_is_system(s, key);
}

static enum gpu_naming naming_from(const struct settings *s)
{
	const char *visible = settings_text(s, "run.visible");

	if (!strcmp(visible, "index"))
		return GPU_NAMING_INDEX;
	return !strcmp(visible, "uuid") ? GPU_NAMING_UUID : GPU_NAMING_AUTO;
}

static bool is_own_directory(const char *path)
{
	struct stat st;

	return path && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* Where processes share scans: on a host with the installed program all of them, else those of this
   account. Which directories can be trusted is decided when one is opened. */
static char *scan_directory(const char *store_url)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *file = store_url ? url_file_path(store_url) : NULL;
	AUTO_FREE char *directory = mem_strdup(file);
	gid_t group;

	if (privilege_shares(SYSTEM_DIRECTORY, &group) && privilege_is_of_program(group))
		return mem_strdup(SYSTEM_DIRECTORY);
	if (is_own_directory(runtime))
		return mem_strdup(runtime);
	if (directory && strrchr(directory, '/'))
		*strrchr(directory, '/') = '\0';
	return is_own_directory(directory) ? mem_steal(&directory) : NULL;
}

void pool_config_add_scan(const struct settings *s, struct pool_config *config)
{
	config->fake_state_path = file_absolute_path(settings_text(s, "fake.state"));
	config->memory_threshold_mb = settings_int(s, "memory.threshold");
	config->naming = naming_from(s);
	config->scan_limit_ns = settings_duration_ns(s, "gpu.timeout");
	config->scan_directory = scan_directory(config->store_url);
}

int pool_config_from(const struct invocation *in, struct pool_config *ret_config, struct err *e)
{
	const struct settings *s = in->settings;
	char *store_url = NULL;
	int r = host_check(in, e);

	if (r == 0)
		r = store_url_from(s, &store_url, e);
	if (r < 0)
		return r;
	*ret_config = (struct pool_config){
		.store_url = store_url,
		.history_keep_ns = settings_int(s, "history.days") * NS_PER_DAY,
		.history_set_by_user = is_personal(s, "history.days"),
		.events_keep_ns = settings_int(s, "events.days") * NS_PER_DAY,
		.events_set_by_user = is_personal(s, "events.days"),
		.backfill = settings_flag(s, "queue.backfill"),
		.backfill_set_by_user = is_personal(s, "queue.backfill"),
		.policy = pool_policy_from(s),
	};
	if (in->command->is_limited)
		pool_policy_limit(s, host_own_uid(), &ret_config->policy);
	pool_config_add_scan(s, ret_config);
	return 0;
}

int pool_open_from(const struct invocation *in, struct pool **ret_pool, struct err *e)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	int r = pool_config_from(in, &config, e);

	return r < 0 ? r : pool_open(&config, ret_pool, e);
}

int gpu_ids_get(const struct invocation *in, struct pool *pool, const char *key, int **ret_ids,
		size_t *ret_count, struct err *e)
{
	AUTO(gpu_list_clear) struct gpu_list list = {0};
	AUTO(pool_closep) struct pool *own = NULL;
	int r = 0;

	settings_gpus(in->settings, key, &list);
	if (list.names_count && !pool) {
		r = pool_open_from(in, &own, e);
		pool = own;
	}
	if (r == 0 && list.names_count)
		return pool_find_gpus(pool, &list, ret_ids, ret_count, e);
	*ret_ids = mem_steal(&list.ids);
	*ret_count = list.ids_count;
	return r;
}

/* Where the file cannot be read, only root is one (and the pool will say what is wrong). */
bool actor_is_administrator(const struct invocation *in)
{
	const char *group = in->host_error ? NULL : settings_text(in->settings, "admin.group");

	return host_own_uid() == 0 || (group && host_in_group(group));
}

struct plan_actor actor_get(const struct invocation *in, char **ret_account)
{
	*ret_account = host_account_name(host_own_uid());
	return (struct plan_actor){
		.uid = host_own_uid(),
		.account = *ret_account,
		.administrator = actor_is_administrator(in),
	};
}
