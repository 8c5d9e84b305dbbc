/* canhazgpu reserve: holds GPUs by hand for a while. */
#include "cmd/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/request.h"
#include "cmd/slurm/slurm.h"
#include "cmd/telling.h"
#include "cmd/wait.h"
#include "host/hangup.h"
#include "tell/self.h"

/* One line for a shell: "export NAME=VALUE", or "unset NAME". */
static void print_export(const struct pool_variable *v)
{
	struct str line = {0};

	str_addf(&line, "%s %s%s", v->value ? "export" : "unset", v->name, v->value ? "=" : "");
	if (v->value)
		str_add_shell_word(&line, v->value);
	printf("%s\n", str_text(&line));
	str_clear(&line);
}

/* What selects the GPUs where only one variable is set by it: numbers only if the environment has
   what makes them certain, or if these are demanded. */
static const char *short_names(const struct settings *s, const struct pool_grant *grant)
{
	if (!grant->mixed || !strcmp(settings_text(s, "run.visible"), "index"))
		return grant->visible;
	for (size_t i = 0; i < grant->variables_count; i++) {
		const struct pool_variable *v = &grant->variables[i];
		const char *present = getenv(v->name);

		if (v->fixed && !v->prefixed && (!present || strcmp(present, v->value) != 0))
			return grant->uuids;
	}
	return grant->visible;
}

/* What the command prints: for people, or with `to_export` lines for eval alone on standard output.
 */
static void print_reservation(const struct pool_grant *grant, const struct plan_request *request,
			      bool to_export)
{
	const struct reservation *r = grant->reservation;
	AUTO_FREE char *ids = str_from_ids(r->gpus, r->gpus_count);
	FILE *out = to_export ? stderr : stdout;
	char time[CLOCK_DURATION_SIZE], end[CLOCK_MINUTE_SIZE];

	if (!strcmp(r->id, request->id))
		fprintf(out, "Reserved %zu GPU(s): %s for %s\n", r->gpus_count, ids,
			clock_duration(request->duration_ns, time));
	else
		fprintf(out, "Using %zu GPU(s): %s, which you hold%s%s\n", r->gpus_count, ids,
			r->expiry_ns == TIME_NONE ? "" : " until ",
			r->expiry_ns == TIME_NONE ? "" : clock_local_minute(r->expiry_ns, end));
	if (!to_export)
		printf("To use them, run:\n");
	for (size_t i = 0; i < grant->variables_count; i++) {
		if (!to_export)
			printf("  ");
		print_export(&grant->variables[i]);
	}
}

/* Where the output goes to `eval`, which succeeds on nothing: it has to fail as well. */
static void reserve_failed(const struct settings *s, char *const *arguments)
{
	bool to_export = s && settings_flag(s, "reserve.export");

	/* Behind a mistake in the command line options are not read any more; it may be in this
	   one: "--export=x", "--exprot". */
	for (; arguments && *arguments && strcmp(*arguments, "--") != 0; arguments++)
		to_export |= !strncmp(*arguments, "--exp", strlen("--exp"));
	if (to_export)
		fputs("false\n", stdout);
	fflush(stdout);
}

/* 1: what the account holds will do. A request that does not wait finds that out itself. */
static int reuse(const struct invocation *in, struct pool *pool, const struct plan_request *request,
		 struct pool_grant *grant, struct err *e)
{
	if (!request->reuse)
		return 0;
	if (request->force || request->linked || request->same_numa)
		return err_usage(e, "--reuse cannot be used with --force, --linked or --same-numa");
	return settings_text(in->settings, "reserve.wait")
		       ? pool_join(pool, request, NULL, grant, e)
		       : 0;
}

/* The request has waited, and its account wants to be told. */
static void tell_of_grant(const struct invocation *in, const struct plan_request *request,
			  const struct reservation *r)
{
	AUTO_FREE char *ids = str_join_ranges(r->gpus, r->gpus_count), *text = NULL;
	char end[CLOCK_MINUTE_SIZE];
	struct event event = {.time_ns = r->start_ns,
			      .kind = EVENT_GRANTED,
			      .account = r->account,
			      .user = r->user,
			      .uid = r->uid,
			      .gpus = r->gpus,
			      .gpus_count = r->gpus_count,
			      .reservation_id = (char *)(uintptr_t)r->id};

	text = mem_printf("GPU%s %s %s reserved for you until %s", str_plural(r->gpus_count), ids,
			  r->gpus_count == 1 ? "is" : "are", clock_local_minute(r->expiry_ns, end));
	event.reason = text;
	tell_self(&event, NULL, request->notify, settings_text(in->settings, "tell.sendmail"));
}

static int reserve_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	AUTO_FREE int *ids = NULL;
	char id[ID_SIZE];
	struct plan_request request = {
		.actor = actor_get(in, &account),
		.type = RESERVATION_MANUAL,
		.duration_ns = settings_duration_ns(in->settings, "reserve.duration"),
		.force = settings_flag(in->settings, "reserve.force"),
		.reuse = settings_flag(in->settings, "reserve.reuse"),
		.notify = request_notify(in),
		.id = id,
	};
	int64_t begun_ns = clock_monotonic_ns();
	bool to_export = settings_flag(in->settings, "reserve.export");
	bool only_id = settings_flag(in->settings, "reserve.id");
	int r;

	if (to_export + only_id + settings_flag(in->settings, "reserve.short") > 1)
		return err_usage(e, "--export, --short and --id: only one of them at a time");
	/* A reader that is gone must not end this before the GPUs are given back. */
	signal(SIGPIPE, SIG_IGN);
	host_hangup_watch();
	id_new(id);
	r = request_fill(in, &request, &ids, e);
	if (r == 0)
		r = request_fill_kind(in, &request, e);
	if (r == 0)
		tell_warn(in, request.notify);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = reuse(in, pool, &request, &grant, e);
	if (r == 0)
		r = reserve_or_wait(in, pool, NULL, &request, &grant, e);
	holder_clear(&request.holder);
	if (r < 0)
		return r;
	warn_of_instances(&grant);
	if (request.notify && clock_monotonic_ns() - begun_ns >= REQUEST_WAITED_NS)
		tell_of_grant(in, &request, grant.reservation);
	if (only_id)
		printf("%s\n", grant.reservation->id);
	else if (settings_flag(in->settings, "reserve.short"))
		printf("%s\n", short_names(in->settings, &grant));
	else
		print_reservation(&grant, &request, to_export);
	if (fflush(stdout) == 0)
		return 0;
	/* Nobody has been told which GPUs they are. */
	r = err_sys(e, errno, "cannot write the output");
	pool_end(pool, &request.actor, id, clock_boot_ns(), NULL);
	return r;
}

static const struct option_spec reserve_options[] = {
	REQUEST_OPTION_GPUS,
	REQUEST_OPTION_GPU_IDS,
	REQUEST_OPTION_TYPE,
	REQUEST_OPTION_MIN_MEMORY,
	REQUEST_OPTION_LINKED,
	REQUEST_OPTION_SAME_NUMA,
	{.name = "duration",
	 .letter = 'd',
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "8h",
	 .help = "Duration to reserve GPUs: 30m, 2h, 1d, 0.5h, 1h30m"},
	WAIT_OPTIONS,
	REQUEST_OPTION_NOTIFY,
	REQUEST_OPTION_NOTE,
	REQUEST_OPTION_USER,
	SLURM_OPTION,
	HOST_OPTION("Reserve on that host, by ssh"),
	{.name = "force",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .help = "Also take GPUs that are in use without a reservation"},
	{.name = "reuse",
	 .type = OPTION_FLAG,
	 .help = "Reserve only if you hold no such reservation; otherwise use that one, as it is"},
	{.name = "short",
	 .type = OPTION_FLAG,
	 .help = "Print only what belongs into CUDA_VISIBLE_DEVICES, for scripts"},
	{.name = "id",
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Print only the id of the reservation, for scripts"},
	{.name = "export",
	 .type = OPTION_FLAG,
	 .help = "Print 'export NAME=VALUE' lines for eval, and everything else on standard error"},
	{.name = NULL},
};

const struct command cmd_reserve = {
	.name = "reserve",
	.summary = "Reserve GPUs manually for a specified duration",
	.usage =
		"[[--gpus] N] [--gpu-ids IDS] [--type NAME] [--min-memory SIZE] [--linked[=WHAT]] [--same-numa[=WHAT]] [--duration D] [--wait [D] | --nonblock] [--note TEXT] "
		"[--notify[=CHANNEL]] [--user NAME] [--force] [--host HOST] [--reuse] [--short | --id | --export] [--slurm ARGS...]",
	.description =
		"Reserves the GPUs until the duration ends or you release them with 'canhazgpu\n"
		"release'. Unlike 'run', this does not set CUDA_VISIBLE_DEVICES for you: the\n"
		"output shows how. In a shell, use\n"
		"  eval \"$(canhazgpu reserve --export)\"",
	.examples = "  eval \"$(canhazgpu reserve --gpus 2 --duration 4h --export)\"\n"
		    "  canhazgpu reserve --wait 30m --note \"notebook\"",
	.options = reserve_options,
	.is_limited = true,
	.goes_elsewhere = true,
	.word_option = "gpus",
	.failed = reserve_failed,
	.run = reserve_run,
};
