/*
 * canhazgpu run: reserves GPUs and becomes the command. This process is replaced by exec, so the
 * command has its pid, terminal, process group and exit status; the supervisor releases the GPUs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "cmd/command.h"
#include "cmd/context.h"
#include "cmd/request.h"
#include "cmd/supervised.h"
#include "cmd/wait.h"
#include "host/command.h"
#include "host/process.h"
#include "host/tree.h"

/* The variables that make the command use these GPUs and no others. */
static void run_environment(const struct pool_grant *grant)
{
	for (size_t i = 0; i < grant->variables_count; i++) {
		const struct pool_variable *v = &grant->variables[i];

		if (v->value)
			setenv(v->name, v->value, 1);
		else
			unsetenv(v->name);
	}
	setenv(HOST_TREE_MARKER, grant->reservation->id, 1);
}

/* Becomes the command; comes back only if that fails. */
static int run_exec(char *path, char **words, struct err *e)
{
	AUTO_FREE char **shell = NULL;
	char sh[] = "sh";
	size_t count = 0;

	int r = privilege_drop(e);

	if (r < 0)
		return r;
	execv(path, words);
	if (errno == ENOEXEC) {
		/* A script without #!: as execvp and the shells do. */
		while (words[count])
			count++;
		shell = mem_alloc(count + 2, sizeof(char *));
		shell[0] = sh;
		shell[1] = path;
		memcpy(shell + 2, words + 1, count * sizeof(char *));
		execv("/bin/sh", shell);
	}
	err_sys(e, errno, "%s", path);
	return err_exit_status(e, errno == ENOENT ? EXIT_STATUS_NOT_FOUND
						  : EXIT_STATUS_NOT_EXECUTABLE);
}

static int run_reserve(const struct invocation *in, struct plan_request *request,
		       struct pool_grant *grant, struct err *e)
{
	AUTO(supervised_clear) struct supervised supervised = SUPERVISED_NONE;
	struct process_ref self;
	int r = supervised_open(in, &supervised, e);

	if (r == 0)
		r = host_process_ref(getpid(), &self, e);
	if (r < 0)
		return r;
	supervised.orders.timeout_ns = request->duration_ns;
	request->holder = supervised_holder(&supervised, &self);
	r = reserve_or_wait(in, supervised.pool, request, grant, e);
	return r < 0 ? r : supervised_begin(&supervised, &request->actor, grant->reservation, e);
}

static int run_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO_FREE char *account = NULL, *path = NULL, *list = NULL;
	AUTO_FREE int *ids = NULL;
	char id[ID_SIZE];
	struct plan_request request = {
		.actor = actor_get(in, &account),
		.type = RESERVATION_RUN,
		.duration_ns = settings_duration_ns(in->settings, "run.timeout"),
		.grace_ns = settings_duration_ns(in->settings, "run.grace"),
		.id = id,
	};
	int r;

	if (!in->words_count)
		return err_usage(e, "no command given: canhazgpu run %s", in->command->usage);
	id_new(id);
	r = request_fill(in, &request, &ids, e);
	if (r == 0)
		r = host_command_find(in->words[0], &path, e);
	if (r == 0)
		r = run_reserve(in, &request, &grant, e);
	holder_clear(&request.holder);
	if (r < 0)
		return r;
	list = str_from_ids(grant.reservation->gpus, grant.reservation->gpus_count);
	fprintf(stderr, "Reserved %zu GPU(s): %s for command execution\n",
		grant.reservation->gpus_count, list);
	run_environment(&grant);
	return run_exec(path, in->words, e);
}

static const struct option_spec run_options[] = {
	REQUEST_OPTION_GPUS,
	REQUEST_OPTION_GPU_IDS,
	{.name = "timeout",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .help = "Maximum time to run command before killing it: 30s, 30m, 2h, 1d, 0.5h "
		 "(default: none)"},
	WAIT_OPTIONS,
	REQUEST_OPTION_NOTE,
	REQUEST_OPTION_USER,
	{.name = "on-lost",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "warn|kill",
	 .fallback = "warn",
	 .help = "What to do with the command when its reservation is taken away"},
	{.name = "heartbeat",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "60s",
	 /* Others take a holder that they cannot see for dead after HEARTBEAT_LIMIT_NS. */
	 .min = 100 * NS_PER_MS,
	 .max = HEARTBEAT_INTERVAL_NS,
	 .not_on_command_line = true,
	 .help = "How often the reservation is renewed"},
	{.name = "grace",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "30s",
	 .not_on_command_line = true,
	 .help = "How long a command that is over its --timeout gets to end after SIGINT"},
	{.name = NULL},
};

const struct command cmd_run = {
	.name = "run",
	.summary = "Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set",
	.usage = "[OPTIONS] -- COMMAND [ARGS]...",
	.description =
		"The command replaces this process: same pid, terminal, signals and exit status. Its GPUs "
		"are released\nwhen it ends, or when the last process that it started and that still uses "
		"them does.\n\nExamples:\n  canhazgpu run -- python train.py\n  canhazgpu run --gpus 2 "
		"--timeout 2h -- python -m torch.distributed.launch train.py\n  canhazgpu run --gpu-ids "
		"1,3 -- python train.py",
	.options = run_options,
	.stop_at_word = true,
	.words_max = -1,
	.run = run_run,
};
