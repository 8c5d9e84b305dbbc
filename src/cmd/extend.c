/* canhazgpu extend: lengthens reservations that were made by hand. */
#include "cmd/command.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/hosts.h"

static int extend_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_extended_clear) struct pool_extended extended = {0};
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	AUTO_FREE int *ids = NULL;
	struct plan_extension extension = {
		.actor = actor_get(in, &account),
		.duration_ns = settings_duration_ns(in->settings, "extend.duration"),
		.force = settings_flag(in->settings, "extend.force"),
	};
	char time[CLOCK_MINUTE_SIZE], more[CLOCK_DURATION_SIZE];
	int r;

	r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = gpu_ids_get(in, pool, "extend.gpu-ids", &ids, &extension.ids_count, e);
	extension.ids = ids;
	if (r == 0)
		r = pool_extend(pool, &extension, &extended, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < extended.count; i++) {
		const struct reservation *longer = extended.reservations[i];
		AUTO_FREE char *list = str_from_ids(longer->gpus, longer->gpus_count);

		printf("Extended GPU(s) %s to %s (%s more)\n", list,
		       clock_local_minute(longer->expiry_ns, time),
		       clock_duration(extension.duration_ns, more));
	}
	return 0;
}

static const struct option_spec extend_options[] = {
	{.name = "gpu-ids",
	 .letter = 'G',
	 .type = OPTION_GPUS,
	 .argument = "IDS",
	 .help = "Only the reservations of these GPUs (comma-separated, e.g., 1,3,5)"},
	{.name = "duration",
	 .letter = 'd',
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "8h",
	 .help = "How much longer to reserve: 30m, 2h, 1d, 0.5h, 1h30m"},
	{.name = "force",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .help = "Extend even if others are waiting for the GPUs (administrators only)"},
	HOST_OPTION("Extend on that host, by ssh"),
	{.name = NULL},
};

const struct command cmd_extend = {
	.name = "extend",
	.summary = "Extend manual reservations of the current user",
	.usage = "[--gpu-ids IDS] [[--duration] D] [--force] [--host HOST]",
	.description =
		"Adds the duration to the end of a reservation. Without --gpu-ids, either all\n"
		"your manual reservations are extended or none. GPUs that somebody is waiting\n"
		"for cannot be extended, nor can runs: they end when their command does.",
	.examples = "  canhazgpu extend 2h\n"
		    "  canhazgpu extend 30m --gpu-ids 1,3",
	.options = extend_options,
	.is_limited = true,
	.goes_elsewhere = true,
	.word_option = "duration",
	.run = extend_run,
};
