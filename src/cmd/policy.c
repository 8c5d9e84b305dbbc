/*
 * What the host's administrator has decided: the settings that count only in the system's
 * configuration file, whatever file --config names, and who the administrators are. Called by
 * context.c for every command that works on the pool.
 */
#include "cmd/command.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"

/* Most hosts have no such file: then nothing has to be declared and read for each command. */
static bool host_has_file(void)
{
	return access(SETTINGS_SYSTEM_FILE, F_OK) == 0 || errno != ENOENT;
}

int settings_of_host(struct settings **ret_settings, struct err *e)
{
	AUTO(settings_freep) struct settings *s = settings_new();
	int r;

	commands_declare(s);
	/* Without a home: only the file of the host counts. */
	r = settings_load_default_files(s, NULL, e);
	if (r == 0)
		*ret_settings = mem_steal(&s);
	return r;
}

int64_t history_of_host_ns(void)
{
	AUTO(settings_freep) struct settings *s = NULL;

	return settings_of_host(&s, NULL) < 0 ? 0 : settings_int(s, "history.days") * NS_PER_DAY;
}

int policy_of_host(struct plan_policy *ret_policy, struct err *e)
{
	AUTO(settings_freep) struct settings *s = NULL;
	int r;

	*ret_policy = (struct plan_policy){0};
	if (!host_has_file())
		return 0;
	r = settings_of_host(&s, e);
	if (r < 0)
		return r;
	*ret_policy = (struct plan_policy){
		.max_gpus = (int)settings_int(s, "policy.max-gpus"),
		.max_duration_ns = settings_duration_ns(s, "policy.max-duration"),
		.max_wait_ns = settings_duration_ns(s, "policy.max-wait"),
		.note_required = settings_flag(s, "policy.require-note"),
		.admin_group = mem_strdup(settings_text(s, "admin.group")),
	};
	ret_policy->excluded = settings_ids(s, "pool.exclude", &ret_policy->excluded_count);
	return 0;
}

/* Where the file cannot be read, nobody but root is one (and the pool will say what is wrong). */
static bool is_administrator(void)
{
	AUTO(settings_freep) struct settings *s = NULL;
	const char *group;

	if (getuid() == 0)
		return true;
	if (!host_has_file() || settings_of_host(&s, NULL) < 0)
		return false;
	group = settings_text(s, "admin.group");
	return group && host_in_group(group);
}

struct plan_actor actor_get(char **ret_account)
{
	*ret_account = host_account_name(getuid());
	return (struct plan_actor){
		.uid = getuid(),
		.account = *ret_account,
		.administrator = is_administrator(),
	};
}
