/* canhazgpu release: gives GPUs back. */
#include "cmd/cmd.h"

#include <stdlib.h>

#include "base/mem.h"
#include "pool/describe.h"

static int release_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL, *list = NULL;
	AUTO_FREE int *ids = NULL, *freed = NULL;
	struct plan_actor actor = actor_get(&account);
	size_t count = 0, freed_count = 0;
	int r;

	ids = settings_ids(in->settings, "release.gpu-ids", &count);
	r = pool_open_from(in->settings, &pool, e);
	if (r == 0)
		r = pool_release(pool, &actor, ids, count, &freed, &freed_count, e);
	if (r < 0)
		return r;
	if (!freed_count) {
		printf("No manually reserved GPUs found for current user\n");
		return 0;
	}
	list = describe_ids(freed, freed_count);
	printf("Released %zu GPU(s): %s\n", freed_count, list);
	return 0;
}

static const struct option_spec release_options[] = {
	{.name = "gpu-ids",
	 .letter = 'G',
	 .type = OPTION_IDS,
	 .argument = "IDS",
	 .help = "Specific GPU IDs to release (comma-separated, e.g., 1,3,5)"},
	{.name = NULL},
};

const struct command cmd_release = {
	.name = "release",
	.summary = "Release manually reserved GPUs held by the current user",
	.usage = "[--gpu-ids IDS]",
	.description =
		"Without options, releases all GPUs that you hold by 'canhazgpu reserve'. With --gpu-ids, "
		"releases exactly\nthose, also ones of a 'canhazgpu run'; a GPU that you do not hold is an "
		"error, and then none is released.",
	.options = release_options,
	.run = release_run,
};
