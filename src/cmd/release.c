/* canhazgpu release: gives GPUs back. */
#include "cmd/command.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/output.h"
#include "cmd/telling.h"
#include "host/process.h"

/* "GPU 1 goes to bob (request 1a2b3c4d)" */
static void print_successor(const struct next_in_line *successor)
{
	AUTO_FREE char *user = text_shown(successor->user);
	AUTO(str_clear) struct str gpus = {0};
	bool several = successor->gpus_count > 1;

	for (size_t i = 0; i < successor->gpus_count; i++)
		str_addf(&gpus, "%s%d", i ? ", " : "", successor->gpus[i]);
	if (successor->count < successor->gpus_count)
		fprintf(stderr, "%zu of ", successor->count);
	fprintf(stderr, "GPU%s %s %s to %s (request %.8s)\n", several ? "s" : "", str_text(&gpus),
		successor->count > 1 ? "go" : "goes", user ? user : "unknown", successor->entry_id);
}

/* Whose reservations are meant, where --user or --all say it. */
static int release_account(const struct settings *s, struct plan_account *ret_account,
			   struct err *e)
{
	struct plan_account account = {.name = settings_text(s, "release.user")};
	bool ids = settings_origin(s, "release.gpu-ids") == ORIGIN_FLAG;
	bool id = settings_is_set(s, "release.id");
	uid_t uid;

	account.everybody = settings_flag(s, "release.all");
	if (account.everybody + ids + id + (account.name != NULL) > 1)
		return err_usage(e, "only one of --gpu-ids, --id, --user and --all can be used");
	if (settings_flag(s, "release.cancel") && !account.everybody && !account.name)
		return err_usage(e, "--cancel can be used with --user or --all; 'canhazgpu cancel "
				    "ID' cancels one request");
	if (account.name && host_account_find(account.name, &uid) == 0)
		account.uid = quantity_of((int64_t)uid);
	*ret_account = account;
	return 0;
}

/* Whether any request is meant, too. */
static void print_nothing(const struct plan_account *account, bool requests)
{
	const char *what = requests ? "reserved GPUs or waiting requests" : "reserved GPUs";

	AUTO_FREE char *name = text_shown(account->name);

	if (account->everybody)
		printf("No %s found\n", what);
	else if (name)
		printf("No %s found for %s\n", what, name);
	else
		printf("No manually reserved GPUs found for current user\n");
}

static void print_released(const struct pool_released *released, const struct plan_account *account,
			   bool requests)
{
	AUTO_FREE char *list = str_from_ids(released->gpus, released->gpus_count);

	if (released->gpus_count)
		printf("Released %zu GPU(s): %s\n", released->gpus_count, list);
	print_cancelled(released->cancelled, released->cancelled_count);
	if (!released->gpus_count && !released->cancelled_count)
		print_nothing(account, requests);
}

static int release_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	bool requests = settings_flag(in->settings, "release.cancel");
	AUTO_FREE char *name = NULL;
	AUTO(pool_released_clear) struct pool_released released = {0};
	AUTO_FREE int *ids = NULL;
	struct plan_actor actor = actor_get(in, &name);
	struct plan_account account = {0};
	const char *id = settings_text(in->settings, "release.id");
	size_t count = 0;
	int r = release_account(in->settings, &account, e);

	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = gpu_ids_get(in, pool, "release.gpu-ids", &ids, &count, e);
	if (r < 0)
		return r;
	if (account.everybody || account.name)
		r = pool_release_account(pool, &actor, &account, requests, &released, e);
	else if (id)
		r = pool_release_id(pool, &actor, id, &released, e);
	else
		r = pool_release(pool, &actor, ids, count, &released, e);
	if (r < 0)
		return r;
	tell_others(in, pool);
	print_released(&released, &account, requests);
	/* The two may go to one place, and are told in this order. (main tells whether the output
	   could be written, and why not, where nothing was flushed before.) */
	if (released.successors_count)
		fflush(stdout);
	for (size_t i = 0; i < released.successors_count; i++)
		print_successor(&released.successors[i]);
	return 0;
}

static const struct option_spec release_options[] = {
	{.name = "gpu-ids",
	 .letter = 'G',
	 .type = OPTION_GPUS,
	 .argument = "IDS",
	 .help = "Specific GPU IDs to release (comma-separated, e.g., 1,3,5)"},
	{.name = "id",
	 .type = OPTION_TEXT,
	 .argument = "ID",
	 .not_configurable = true,
	 .help = "Release the reservation with this id, as 'reserve --id' prints it"},
	{.name = "user",
	 .letter = 'u',
	 .type = OPTION_TEXT,
	 .argument = "NAME",
	 .not_configurable = true,
	 .help = "Release all that this account (not a display name) holds, including runs "
		 "(other accounts: administrators only)"},
	{.name = "cancel",
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "With --user or --all: also cancel the waiting requests"},
	{.name = "all",
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Release everybody's reservations (administrators only)"},
	HOST_OPTION("Release on that host, by ssh"),
	{.name = NULL},
};

const struct command cmd_release = {
	.name = "release",
	.summary = "Release manually reserved GPUs held by the current user",
	.usage =
		"[[--gpu-ids] IDS | --id ID | --user NAME [--cancel] | --all [--cancel]] [--host HOST]",
	.description =
		"Without options, releases all your manual reservations. With --gpu-ids,\n"
		"releases exactly those GPUs, including those of a 'canhazgpu run'; if you do\n"
		"not hold one of them, none is released. If requests are waiting for the GPUs,\n"
		"it says which of them get the GPUs. Root, and the group that admin.group\n"
		"names, may release anybody's.",
	.examples = "  canhazgpu release\n"
		    "  canhazgpu release 1,3",
	.options = release_options,
	.word_option = "gpu-ids",
	.goes_elsewhere = true,
	.run = release_run,
};
