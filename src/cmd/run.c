/*
 * canhazgpu run: reserves GPUs and becomes the command. This process is replaced by exec, so the
 * command has its pid, terminal, process group and exit status; the supervisor releases the GPUs.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/command.h"
#include "cmd/container.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/notice.h"
#include "cmd/request.h"
#include "cmd/run_exec.h"
#include "cmd/slurm/slurm.h"
#include "cmd/supervised.h"
#include "cmd/telling.h"
#include "cmd/wait.h"
#include "host/cgroup.h"
#include "host/hangup.h"
#include "host/process.h"
#include "host/tree.h"
#include "supervise/init.h"

/* 1 where this is a run within a run, for GPUs that the run around it holds. */
static int run_join(const struct invocation *in, const struct plan_request *request,
		    struct pool_grant *grant, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	const char *outer = getenv(HOST_TREE_MARKER);
	int r;

	if (!outer || !*outer)
		return 0;
	r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_join(pool, request, outer, grant, e);
	if (r > 0 && settings_origin(in->settings, "run.timeout") == ORIGIN_FLAG)
		return err_usage(e, "--timeout does not work within the run that holds these GPUs: "
				    "set it there, or use timeout(1)");
	return r;
}

/* Stays as the parent of the command where it must; the child goes on. */
static int run_stay(int *ret_tell_fd, struct err *e)
{
	int status, r;

	if (!init_is_needed())
		return 0;
	r = init_fork(ret_tell_fd, &status, e);
	if (r > 0)
		exit(status);
	return r;
}

/* Hands over to the supervisor, and enters a control group of the run's own where there can be one.
 */
static int run_begin(struct supervised *s, const struct plan_request *request,
		     const struct reservation *granted, struct err *e)
{
	AUTO_FREE char *name = mem_printf("canhazgpu-%.8s", granted->id);
	int r;

	s->orders.cgroup = host_cgroup_make(name);
	r = supervised_begin(s, &request->actor, granted, e);
	if (s->orders.cgroup && (r < 0 || !host_cgroup_enter(s->orders.cgroup)))
		host_cgroup_remove(s->orders.cgroup);
	return r;
}

static int run_reserve(const struct invocation *in, struct plan_request *request,
		       struct container *container, struct pool_grant *grant, bool *ret_within,
		       struct err *e)
{
	AUTO(supervised_clear) struct supervised supervised = SUPERVISED_NONE;
	AUTO_CLOSE int tell_fd = -1;
	int64_t begun_ns = clock_monotonic_ns();
	const char *claim;
	struct process_ref self;
	int r = run_stay(&tell_fd, e);

	supervised.launch.tell_fd = tell_fd;
	if (r == 0)
		r = supervised_open(in, &supervised, e);
	if (r == 0)
		r = host_process_ref(getpid(), &self, e);
	if (r < 0)
		return r;
	request->holder = supervised_holder(&supervised, &self);
	request->duration_ns = supervised.orders.timeout_ns;
	claim = settings_text(in->settings, "run.claim");
	/* On GPUs that are reserved by hand it needs no reservation of its own. */
	r = claim ? pool_claim(supervised.pool, request, claim, grant, e)
		  : pool_join(supervised.pool, request, NULL, grant, e);
	supervised.orders.within = *ret_within = r > 0;
	if (r > 0)
		supervised.orders.until = UNTIL_COMMAND;
	if (r == 0 && !claim)
		r = reserve_or_wait(in, supervised.pool, &supervised, request, grant, e);
	if (r < 0)
		return r;
	supervised.orders.notify_waited = clock_monotonic_ns() - begun_ns >= REQUEST_WAITED_NS;
	container_prepare(container, in, grant, &supervised.orders);
	return run_begin(&supervised, request, grant->reservation, e);
}

/* The GPUs of a reservation are what they are. */
static int check_claim(const struct settings *s, struct err *e)
{
	static const char *const options[] = {"gpus",   "gpu-ids",   "type", "min-memory",
					      "linked", "same-numa", "wait"};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		AUTO_FREE char *key = mem_printf("run.%s", options[i]);

		if (settings_origin(s, key) == ORIGIN_FLAG)
			return err_usage(e,
					 "--claim takes the GPUs of a reservation: it cannot be "
					 "used with --%s",
					 options[i]);
	}
	return 0;
}

static int run_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO_FREE char *account = NULL, *path = NULL, *list = NULL;
	AUTO(container_clear) struct container container = {0};
	AUTO_FREE int *ids = NULL;
	const char *verb = "Reserved", *what = "for command execution";
	bool claims = settings_is_set(in->settings, "run.claim"), within = false;
	char id[ID_SIZE];
	struct plan_request request = {
		.actor = actor_get(in, &account),
		.type = RESERVATION_RUN,
		.grace_ns = settings_duration_ns(in->settings, "run.grace"),
		.id = id,
	};
	int r;

	host_hangup_watch();
	if (!in->words_count)
		return err_usage(e, "no command given: canhazgpu run %s", in->command->usage);
	id_new(id);
	r = request_fill(in, &request, &ids, e);
	if (r == 0)
		r = request_fill_kind(in, &request, e);
	if (r == 0)
		r = run_find(in, &path, e);
	if (r == 0)
		r = container_check(in, &container, e);
	if (r == 0)
		tell_warn(in, request_notify(in));
	if (r == 0 && claims)
		r = check_claim(in->settings, e);
	else if (r == 0)
		r = run_join(in, &request, &grant, e);
	if (r > 0) {
		what = "of the enclosing run";
		container_prepare(&container, in, &grant, NULL);
	} else if (r == 0) {
		r = run_reserve(in, &request, &container, &grant, &within, e);
	}
	holder_clear(&request.holder);
	if (r < 0)
		return r;
	if (within)
		what = "that you hold by hand, until that ends";
	if (r > 0 || within)
		verb = "Using";
	list = str_from_ids(grant.reservation->gpus, grant.reservation->gpus_count);
	notice("%s %zu GPU(s): %s %s\n", verb, grant.reservation->gpus_count, list, what);
	if (r == 0)
		request_tell_limit(in, &request);
	warn_of_instances(&grant);
	return run_exec(path, container.words ? container.words : in->words, &grant, e);
}

static const struct option_spec run_options[] = {
	REQUEST_OPTION_GPUS,
	REQUEST_OPTION_GPU_IDS,
	REQUEST_OPTION_TYPE,
	REQUEST_OPTION_MIN_MEMORY,
	REQUEST_OPTION_LINKED,
	REQUEST_OPTION_SAME_NUMA,
	{.name = "timeout",
	 .letter = 't',
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .help = "Maximum time to run command before killing it: 30s, 30m, 2h, 1d, 0.5h "
		 "(default: none)"},
	WAIT_OPTIONS,
	REQUEST_OPTION_NOTIFY,
	REQUEST_OPTION_NOTE,
	REQUEST_OPTION_USER,
	SLURM_OPTION,
	HOST_OPTION("Run it on that host, by ssh; any: the one that has the GPUs"),
	{.name = "claim",
	 .type = OPTION_TEXT,
	 .argument = "ID",
	 .not_configurable = true,
	 .help = "Take over your manual reservation with this id: its GPUs become those of the run"},
	{.name = "on-lost",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "warn|kill",
	 .fallback = "warn",
	 .help = "What to do with the command if its reservation is taken away"},
	{.name = "container",
	 .type = OPTION_FLAG,
	 .help = "Hand the GPUs to the container that the command starts: docker, podman or nerdctl "
		 "run, apptainer exec"},
	{.name = "heartbeat",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "60s",
	 /* Others take a holder that they cannot see for dead after HEARTBEAT_LIMIT_NS. */
	 .min = 100 * NS_PER_MS,
	 .max = HEARTBEAT_INTERVAL_NS,
	 .not_on_command_line = true,
	 .help = "How often to renew the reservation"},
	{.name = "grace",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "30s",
	 .not_on_command_line = true,
	 .help = "How long a command that reached its --timeout has to end before SIGKILL"},
	{.name = "timeout-signal",
	 .type = OPTION_TEXT,
	 .argument = "SIGNAL",
	 .fallback = "INT",
	 .not_on_command_line = true,
	 .help = "Signal that stops a command that reached its --timeout"},
	{.name = "signal-before",
	 .type = OPTION_TEXT,
	 .argument = "D[:SIGNAL]",
	 .help = "Signal the command this long before --timeout, to write a checkpoint (default "
		 "signal: USR1)"},
	{.name = "until",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "command|gpus|tree",
	 .fallback = "gpus",
	 .help = "Keep the GPUs until the command ends, its processes no longer use them, or all of "
		 "its processes have ended"},
	{.name = "linger",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "2m",
	 .min = NS_PER_MS,
	 .max = NS_PER_SECOND * 3600 * 24,
	 .not_on_command_line = true,
	 .help = "How long processes that outlive the command keep GPUs that they do not use"},
	{.name = NULL},
};

const struct command cmd_run = {
	.name = "run",
	.summary = "Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set",
	.usage = "[OPTIONS] -- COMMAND [ARGS]...",
	.description = "The command replaces this process: same pid, terminal, signals and exit\n"
		       "status. Its GPUs are released when it has ended and no process that it\n"
		       "started uses them any more.",
	.more_help = pool_variables_help,
	.examples = "  canhazgpu run --gpus 2 --timeout 2h -- python train.py\n"
		    "  canhazgpu run --wait --type h100 -- python train.py",
	.options = run_options,
	.stop_at_word = true,
	.words_max = -1,
	.is_limited = true,
	.goes_elsewhere = true,
	.run = run_run,
};
