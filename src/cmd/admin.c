/* canhazgpu admin: makes the pool of this host. */
#include "cmd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/admin_confirm.h"
#include "cmd/context.h"
#include "cmd/request.h"
#include "cmd/store_url.h"

/* Where the other program keeps its pool, unless told otherwise. A server that does not answer must
   not keep `admin` waiting. */
#define USUAL_REDIS "redis://localhost:6379/0"
#define USUAL_REDIS_LIMIT "?timeout=100ms"

/* A host that has a pool in Redis must not get a second one by accident: each would hand out the
   same GPUs. */
static int admin_check_redis(const struct settings *s, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *url = NULL, *redis = NULL;
	struct pool_config config = {0};
	struct err refused = {0};
	size_t count = 0;
	int r;

	if (store_is_named(s))
		return 0;
	config.store_url = redis = mem_strdup(USUAL_REDIS USUAL_REDIS_LIMIT);
	r = pool_open(&config, &pool, NULL);
	if (r == 0)
		r = pool_count(pool, &count, &refused);
	if (r == -EACCES)
		fprintf(stderr,
			"Warning: cannot check whether there already is a GPU pool in Redis on "
			"this host (%s)\n",
			refused.text);
	if (r < 0)
		return 0;
	r = store_url_from(s, &url, e);
	if (r < 0)
		return r;
	return err_set(e, EEXIST,
		       "a GPU pool with %zu GPUs is already in Redis on this host: choose it with "
		       "--store " USUAL_REDIS ", or create another with --store %s",
		       count, url);
}

/* GPUs that are still reserved go out of service when the reservation ends. */
static void print_drained(const int *ids, size_t count, const int *changed, size_t changed_count,
			  bool drain)
{
	AUTO_FREE char *list = str_from_ids(changed, changed_count);
	AUTO_FREE char *all = str_from_ids(ids, count);

	if (!changed_count)
		printf("GPU(s) %s %s\n", all,
		       drain ? "are already out of service" : "are already in service");
	else if (drain)
		printf("Drained %zu GPU(s): %s (existing reservations continue to their end)\n",
		       changed_count, list);
	else
		printf("Put %zu GPU(s) back into service: %s\n", changed_count, list);
}

/* Options that each do one thing to a pool that is there. */
static const struct action {
	const char *key, *pair;
} actions[] = {
	{"admin.drain", "--drain and --undrain"},
	{"admin.undrain", "--drain and --undrain"},
	{"admin.ignore-process", "--ignore-process and --no-ignore-process"},
	{"admin.no-ignore-process", "--ignore-process and --no-ignore-process"},
	{"admin.refresh", "--refresh"},
};

/* The one of them that is given; NULL: none is, and a pool is to be made. */
static int find_action(const struct settings *s, const char **ret_key, struct err *e)
{
	bool more = settings_origin(s, "admin.force") == ORIGIN_FLAG ||
		    settings_origin(s, "admin.yes") == ORIGIN_FLAG ||
		    settings_origin(s, "admin.gpus") == ORIGIN_FLAG ||
		    settings_origin(s, "admin.provider") == ORIGIN_FLAG;
	const struct action *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!settings_is_set(s, actions[i].key))
			continue;
		more |= found != NULL;
		found = found ? found : &actions[i];
	}
	if (found && more)
		return err_usage(e, "%s cannot be used with other options", found->pair);
	if (settings_is_set(s, "admin.note") && (!found || strcmp(found->key, "admin.drain") != 0))
		return err_usage(e, "--note says why GPUs are drained: use it with --drain");
	*ret_key = found ? found->key : NULL;
	return 0;
}

static int admin_ignore(const struct invocation *in, bool ignore, struct err *e)
{
	pid_t pid = (pid_t)settings_int(in->settings, ignore ? "admin.ignore-process"
							     : "admin.no-ignore-process");
	AUTO(ignored_process_clear) struct ignored_process process = {.name = NULL};
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL, *name = NULL;
	struct plan_actor actor = actor_get(in, &account);
	int r = pool_open_from(in, &pool, e);

	if (r == 0)
		r = ignore ? pool_ignore(pool, &actor, pid, &process, e)
			   : pool_count_again(pool, &actor, pid, e);
	if (r < 0)
		return r;
	name = text_shown(process.name);
	if (ignore)
		printf("Ignoring process %d (%s): its %lld MB do not count as use until it ends\n",
		       (int)pid, name, (long long)process.memory_mb);
	else
		printf("Process %d counts as use again\n", (int)pid);
	return 0;
}

static int admin_drain(const struct invocation *in, bool drain, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	AUTO_FREE int *ids = NULL, *changed = NULL;
	struct plan_actor actor = actor_get(in, &account);
	const char *note = settings_text(in->settings, "admin.note");
	size_t count = 0, changed_count = 0;
	int r = request_check_note(note, e);

	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = gpu_ids_get(in, pool, drain ? "admin.drain" : "admin.undrain", &ids, &count, e);
	if (r == 0)
		r = pool_drain(pool, &actor, ids, count, drain, note, &changed, &changed_count, e);
	if (r == 0)
		print_drained(ids, count, changed, changed_count, drain);
	return r;
}

static void print_ids(const char *what, const int *ids, size_t count, const char *more)
{
	AUTO_FREE char *list = str_from_ids(ids, count);

	if (count)
		printf("%s %zu GPU(s): %s%s\n", what, count, list, more);
}

static int admin_refresh(const struct invocation *in, struct err *e)
{
	AUTO(pool_refreshed_clear) struct pool_refreshed done = {0};
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	struct plan_actor actor = actor_get(in, &account);
	int r = pool_open_from(in, &pool, e);

	if (r == 0)
		r = pool_refresh(pool, &actor, &done, e);
	if (r < 0)
		return r;
	print_ids("Added", done.added, done.added_count, "");
	print_ids("Brought back", done.back, done.back_count, "");
	print_ids("Retired", done.gone, done.gone_count,
		  " (gone, or divided; existing reservations continue to their end)");
	print_ids("Kept", done.doubtful, done.doubtful_count,
		  " (not seen, but the driver cannot show all GPUs now)");
	if (done.recorded)
		printf("Updated what is recorded of %zu GPU(s)\n", done.recorded);
	if (done.left_out)
		printf("Left out %zu GPU(s) that are not known for certain (no UUID of their own, "
		       "a number of the pool without one, or perhaps in MIG mode)\n",
		       done.left_out);
	if (!done.added_count && !done.back_count && !done.gone_count && !done.recorded)
		printf("Nothing to change: the pool has the GPUs that the driver shows\n");
	return 0;
}

static int admin_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	struct pool_admin_request request = {
		.actor = actor_get(in, &account),
		.provider = settings_text(in->settings, "admin.provider"),
		.count = (int)settings_int(in->settings, "admin.gpus"),
		.force = settings_flag(in->settings, "admin.force"),
	};
	const char *action = NULL;
	int count = 0, r = find_action(in->settings, &action, e);

	if (r < 0)
		return r;
	if (action && strstr(action, "drain"))
		return admin_drain(in, !strcmp(action, "admin.drain"), e);
	if (action && !strcmp(action, "admin.refresh"))
		return admin_refresh(in, e);
	if (action)
		return admin_ignore(in, !strcmp(action, "admin.ignore-process"), e);
	r = admin_check_redis(in->settings, e);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0 && request.force)
		r = pool_admin_check(pool, &request, e);
	if (r == 0 && request.force)
		r = admin_confirm(in, pool, e);
	if (r == 0)
		r = pool_admin(pool, &request, &count, e);
	if (r == 0)
		printf("Initialized %d GPUs (IDs 0 to %d)\n", count, count - 1);
	return r;
}

static const struct option_spec admin_options[] = {
	{.name = "gpus",
	 .letter = 'g',
	 .type = OPTION_INT,
	 .argument = "N",
	 .min = 1,
	 .max = POOL_GPUS_MAX,
	 .help = "Number of GPUs available on this machine (default: all the provider reports)"},
	{.name = "provider",
	 .type = OPTION_CHOICE,
	 .argument = "NAME",
	 .list_choices = pool_providers,
	 .help = "Where the GPU data comes from (default: detected)"},
	{.name = "force",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .help = "Force reinitialization even if already initialized; clears all reservations"},
	{.name = "yes",
	 .letter = 'y',
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Do not ask before --force ends reservations"},
	{.name = "refresh",
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Give numbers to GPUs and MIG instances that are new, and retire those that are "
		 "gone"},
	{.name = "drain",
	 .type = OPTION_GPUS,
	 .argument = "IDS",
	 .not_configurable = true,
	 .help = "Take these GPUs out of service: no new reservations, existing ones continue"},
	{.name = "undrain",
	 .type = OPTION_GPUS,
	 .argument = "IDS",
	 .not_configurable = true,
	 .help = "Put these GPUs back into service"},
	{.name = "note",
	 .letter = 'n',
	 .type = OPTION_TEXT,
	 .argument = "TEXT",
	 .not_configurable = true,
	 .help = "Why the GPUs of --drain are out of service, for everybody to see"},
	{.name = "ignore-process",
	 .type = OPTION_INT,
	 .argument = "PID",
	 .min = 1,
	 .max = INT32_MAX,
	 .not_configurable = true,
	 .help = "Do not count what this process has on the GPUs as use, until it ends"},
	{.name = "no-ignore-process",
	 .type = OPTION_INT,
	 .argument = "PID",
	 .min = 1,
	 .max = INT32_MAX,
	 .not_configurable = true,
	 .help = "Count it again"},
	{.name = NULL},
};

const struct command cmd_admin = {
	.name = "admin",
	.summary = "Initialize GPU pool for this machine",
	.usage =
		"[--gpus N] [--provider nvidia|amd|fake] [--force] [--yes] | --refresh |"
		" --drain IDS [--note TEXT] | --undrain IDS | --ignore-process PID | --no-ignore-process PID",
	.description =
		"Creates the pool that all other commands work on. With --force an existing\n"
		"pool is recreated: all reservations and the queue are cleared, the usage\n"
		"history stays. --refresh keeps them. All options but --gpus and --provider are\n"
		"for root, the administrators' group (admin.group) and the owner of a personal\n"
		"pool.",
	.examples = "  sudo canhazgpu admin\n"
		    "  sudo canhazgpu admin --drain 3 --note \"fan, ticket 17\"",
	.options = admin_options,
	.run = admin_run,
};
