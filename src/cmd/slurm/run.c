/*
 * `run` on a cluster: srun runs the command on a node. This process stays as its parent, since srun
 * may end with 0 although nothing ran, keeps time in whole minutes, and turns SIGTERM into SIGKILL.
 */
#include "cmd/slurm/slurm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/privilege.h"
#include "cmd/notice.h"
#include "cmd/orders_fill.h"
#include "cmd/slurm/client.h"
#include "cmd/slurm/request.h"
#include "host/command.h"
#include "slurm/jobs.h"

struct started {
	size_t gpus;
	bool within;
};

/* The allocation that this command is to run in: the job around it, or a reservation by hand with
   enough GPUs, the smallest. 0: none. */
static int find_allocation(size_t gpus, const char *type, int64_t *ret_job, struct err *e)
{
	const char *around = getenv("SLURM_JOB_ID");
	AUTO_FREE struct slurm_held *held = NULL;
	size_t count, best = SIZE_MAX;
	int r;

	*ret_job = 0;
	if (around && (getenv("SLURM_JOB_GPUS") || getenv("SLURM_STEP_GPUS") ||
		       getenv("SLURM_GPUS_ON_NODE"))) {
		*ret_job = strtoll(around, NULL, 10);
		return slurm_check(e);
	}
	r = slurm_reservations(NULL, &held, &count, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (held[i].gpus >= gpus && (!type || !strcmp(held[i].type, type)) &&
		    (best == SIZE_MAX || held[i].gpus < held[best].gpus))
			best = i;
	}
	if (best != SIZE_MAX)
		*ret_job = held[best].id;
	return 0;
}

/* "17.0 n1 0,1": step, node, GPUs there. */
static void tell_started(const char *where, void *context)
{
	const struct started *s = context;
	char step[32] = "", node[256] = "", gpus[512] = "";

	if (sscanf(where, "%31s %255s %511s", step, node, gpus) < 2)
		return;
	step[strcspn(step, ".")] = '\0';
	notice("%s %zu GPU(s) on %s: [%s] %s (job %s)\n", s->within ? "Using" : "Reserved", s->gpus,
	       node, gpus, s->within ? "that you hold, until that ends" : "for command execution",
	       step);
}

/* The job's name: what runs, and something that no other job has. squeue takes a comma for the end
   of a name, and a character that is cut in two would be none: others are left out. */
static char *job_name(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *from = slash && slash[1] ? slash + 1 : command;
	char id[ID_SIZE], name[41];
	size_t length = 0;

	for (; *from && length < sizeof(name) - 1; from++) {
		if (strchr(PARSE_ALPHANUMERIC "_.-+", *from))
			name[length++] = *from;
	}
	id_new(id);
	return mem_printf("%.*s.%.8s", (int)length, name, id);
}

/* Whether standard error goes elsewhere or is changed, so that no mark can come that way: by
   --error, --output (which takes it along), --label, --pty, as short as srun understands them. */
static bool redirects_errors(const struct slurm_names *words)
{
	static const char *const begins[] = {"--er", "--ou", "--la", "--pt", "-e", "-o", "-l"};

	for (size_t i = 1; i < words->count; i++) {
		for (size_t b = 0; b < ARRAY_SIZE(begins); b++) {
			if (!strncmp(words->items[i], begins[b], strlen(begins[b])))
				return true;
		}
	}
	return false;
}

/* sh, so that a command that is not there ends with 127 or 126, as without Slurm. */
static void add_command(struct slurm_names *words, const char *mark, char *const *command)
{
	AUTO_FREE char *script = NULL;

	if (mark)
		script = mem_printf("echo \"%s $SLURM_JOB_ID.$SLURM_STEP_ID $SLURMD_NODENAME "
				    "${SLURM_STEP_GPUS:-$SLURM_JOB_GPUS}\" >&2; exec \"$@\"",
				    mark);
	else
		script = mem_strdup("exec \"$@\"");
	slurm_names_add(words, "sh");
	slurm_names_add(words, "-c");
	slurm_names_add(words, script);
	slurm_names_add(words, "canhazgpu");
	for (; *command; command++)
		slurm_names_add(words, *command);
}

static int fill_words(const struct invocation *in, const struct orders *o, int64_t allocation,
		      const char *name, struct slurm_names *words, bool *terminal, char **mark,
		      struct err *e)
{
	/* Slurm's own limit is only for planning, and for what outlives ours. */
	int64_t limit_ns = o->timeout_ns ? o->timeout_ns + o->grace_ns + 60 * NS_PER_SECOND : 0;
	AUTO_FREE char *path = NULL, *job = NULL, *named = NULL;
	int r = host_command_locate("srun", &path, NULL);

	if (r < 0)
		return err_set(e, ENOENT,
			       "srun is not there: this host has no client programs of "
			       "Slurm in PATH (engine: slurm)");
	slurm_names_add(words, path);
	r = slurm_request(in, limit_ns, allocation != 0, words, e);
	if (r < 0)
		return r;
	*terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (*terminal || redirects_errors(words)) {
		free(*mark);
		*mark = NULL;
	}
	if (*terminal)
		slurm_names_add(words, "--pty");
	job = mem_printf("--jobid=%lld", (long long)allocation);
	named = mem_printf("--job-name=%s", name);
	if (allocation) {
		slurm_names_add(words, "--overlap");
		slurm_names_add(words, job);
	}
	slurm_names_add(words, named);
	add_command(words, *mark, in->words);
	return 0;
}

/* Why the command has not run. */
static int not_run(const struct slurm_client *c, int status, struct err *e)
{
	int r = slurm_client_refused(c, e);

	return r < 0 ? r
		     : err_set(e, EIO,
			       "the command has not run: srun ended with status %d, without a "
			       "reason",
			       status);
}

int slurm_run(const struct invocation *in, struct err *e)
{
	AUTO(slurm_client_clear) struct slurm_client c = {.errors_fd = -1, .input_fd = -1};
	AUTO(slurm_names_clear) struct slurm_names words = {0};
	AUTO(environment_clear) struct environment env = {0};
	AUTO(orders_clear) struct orders orders = {0};
	AUTO_FREE char *name = NULL, *mark = NULL;
	AUTO_FREE char **argv = NULL;
	char id[ID_SIZE];
	int64_t allocation = 0;
	struct started started = {.gpus = (size_t)slurm_request_gpus(in)};
	int status = 0, r;

	if (!in->words_count)
		return err_usage(e, "no command given: canhazgpu run %s", in->command->usage);
	r = orders_fill(in, &orders, e);
	if (r == 0)
		r = privilege_drop(e);
	if (r == 0)
		r = find_allocation(started.gpus, settings_text(in->settings, "run.type"),
				    &allocation, e);
	if (r < 0)
		return r;
	id_new(id);
	mark = mem_printf("canhazgpu:%s", id);
	name = job_name(in->words[0]);
	r = fill_words(in, &orders, allocation, name, &words, &c.terminal, &mark, e);
	if (r < 0)
		return r;
	env = slurm_environment();
	argv = slurm_argv(&words);
	started.within = allocation != 0;
	c.path = words.items[0];
	c.argv = argv;
	c.environment = env.entries;
	c.mark = mark;
	c.name = allocation ? NULL : name;
	c.gpus = started.gpus;
	c.waits = slurm_request_waits(in, &c.wait_ns);
	c.timeout_ns = orders.timeout_ns;
	c.grace_ns = orders.grace_ns;
	c.timeout_signal = orders.stop_signal;
	c.warn_before_ns = orders.warn_before_ns;
	c.warn_signal = orders.warn_signal;
	c.started = tell_started;
	c.context = &started;
	/* In an allocation it begins at once. */
	if (allocation && !mark) {
		c.has_started = true;
		c.started_ns = clock_monotonic_ns();
	}
	r = slurm_client_run(&c, &status, e);
	if (r < 0)
		return r;
	slurm_client_end_by_signal(&c);
	/* Without a mark only srun's own errors tell that nothing ran. */
	if (c.gave_up || (mark ? !c.has_started : c.complaint != NULL))
		return not_run(&c, status, e);
	fflush(stdout);
	exit(status);
}
