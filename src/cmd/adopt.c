/*
 * canhazgpu adopt: makes a reservation for processes that already run. A supervisor keeps it as
 * long as they live, as for a run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/adoptees.h"
#include "cmd/command.h"
#include "cmd/context.h"
#include "cmd/request.h"
#include "cmd/supervised.h"

static int adopt_reserve(const struct invocation *in, const struct adoptees *a,
			 struct plan_request *request, struct pool_grant *grant, struct err *e)
{
	AUTO(supervised_clear) struct supervised supervised = SUPERVISED_NONE;
	struct orders *orders = &supervised.orders;
	int r = supervised_open(in, &supervised, e);

	if (r < 0)
		return r;
	orders->adopted = mem_alloc(a->count, sizeof(*a->processes));
	orders->adopted_count = a->count;
	memcpy(orders->adopted, a->processes, a->count * sizeof(*a->processes));
	request->holder = supervised_holder(&supervised, &a->processes[0]);
	request->duration_ns = orders->timeout_ns;
	r = pool_adopt(supervised.pool, request, a->processes, a->count, grant, e);
	return r < 0 ? r : supervised_begin(&supervised, &request->actor, grant->reservation, e);
}

static void print_adopted(const struct adoptees *a, const struct reservation *r)
{
	AUTO_FREE char *list = str_from_ids(r->gpus, r->gpus_count);
	AUTO(str_clear) struct str pids = {0};

	for (size_t i = 0; i < a->count; i++)
		str_addf(&pids, "%s%d", i ? ", " : "", (int)a->processes[i].pid);
	printf("Adopted PID %s on %zu GPU(s): %s\n", str_text(&pids), r->gpus_count, list);
}

static int adopt_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO(adoptees_clear) struct adoptees adoptees = {0};
	AUTO_FREE int *ids = NULL;
	AUTO_FREE char *name = NULL;
	struct plan_actor caller;
	char id[ID_SIZE];
	struct plan_request request = {
		.type = RESERVATION_RUN,
		.force = settings_flag(in->settings, "adopt.force"),
		.id = id,
	};
	int r;

	id_new(id);
	r = request_fill(in, &request, &ids, e);
	for (int i = 0; r == 0 && i < in->words_count; i++)
		r = adoptees_add(&adoptees, in->words[i], e);
	if (r < 0)
		return r;
	/* For the account of the processes, but as the caller may: limits do not bind root. */
	caller = actor_get(in, &name);
	request.actor = (struct plan_actor){.uid = adoptees.uid,
					    .account = adoptees.account,
					    .administrator = plan_is_administrator(&caller)};
	r = adopt_reserve(in, &adoptees, &request, &grant, e);
	holder_clear(&request.holder);
	if (r < 0)
		return r;
	print_adopted(&adoptees, grant.reservation);
	request_tell_limit(in, &request);
	return 0;
}

static const struct option_spec adopt_options[] = {
	{.name = "gpus",
	 .letter = 'g',
	 .type = OPTION_INT,
	 .argument = "N",
	 .min = 1,
	 .max = POOL_GPUS_MAX,
	 .help = "Number of GPUs that they must be using (default: however many they use)"},
	{.name = "gpu-ids",
	 .letter = 'G',
	 .type = OPTION_GPUS,
	 .argument = "IDS",
	 .help = "Exactly these GPUs (comma-separated, e.g., 1,3,5)"},
	REQUEST_OPTION_NOTE,
	REQUEST_OPTION_USER,
	{.name = "on-lost",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "warn|kill",
	 .fallback = "warn",
	 .help = "What to do with the processes if the reservation is taken away"},
	{.name = "force",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .help = "Also take GPUs that somebody else uses without a reservation"},
	{.name = NULL},
};

const struct command cmd_adopt = {
	.name = "adopt",
	.summary = "Reserve GPUs for processes that are already running",
	.usage =
		"PID... [--gpus N] [--gpu-ids IDS] [--note TEXT] [--user NAME] [--on-lost WHAT] [--force]",
	.description =
		"Makes a reservation for the processes and their descendants as if 'canhazgpu\n"
		"run' had started them. It covers the GPUs that they use, or those that\n"
		"--gpu-ids names, and ends when all of these PIDs have ended and none of their\n"
		"descendants uses the GPUs any more. You can adopt your own processes, root\n"
		"anybody's; the reservation belongs to their account. Manual reservations of\n"
		"that account on the same GPUs end.",
	.examples = "  canhazgpu adopt 4711\n"
		    "  canhazgpu adopt 4711 4712 --note \"started without a reservation\"",
	.options = adopt_options,
	.words_min = 1,
	.words_max = -1,
	.is_limited = true,
	.run = adopt_run,
};
