/* Signals and time limits of the command; see client_control.h. */
#include "cmd/slurm/client_control.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/notice.h"
#include "cmd/slurm/client_errors.h"
#include "slurm/call.h"
#include "slurm/jobs.h"

/* A second Ctrl-C within this time ends the command at once, as with srun. */
#define IMPATIENT_NS NS_PER_SECOND

/* A client that cannot take its request back, as Slurm does not answer, would try for minutes. */
#define TAKE_BACK_NS (5 * NS_PER_SECOND)

enum { STAGE_RUNNING, STAGE_WARNED, STAGE_STOPPED, STAGE_KILLED };

/* Signals the command: by its step, by the job's name, or where neither is known by srun, which
   passes most signals on, and ends the command at SIGTERM. */
static void signal_command(const struct slurm_client *c, int signal)
{
	AUTO_FREE char *which = c->step   ? mem_strdup(c->step)
				: c->name ? mem_printf("--name=%s", c->name)
					  : NULL;
	AUTO_FREE char *what = mem_printf("--signal=%d", signal);

	if (!which || slurm_ask_well((char *const[]){(char[]){"scancel"}, (char[]){"--me"}, what,
						     which, NULL},
				     NULL, NULL) < 0)
		kill(c->pid, signal == SIGKILL || signal == SIGINT ? SIGTERM : signal);
}

/* Its jobs: none other has the name of a run, and a reservation was asked for in a session of its
   own. */
static int find_jobs(const struct slurm_client *c, struct slurm_found **ret_found,
		     size_t *ret_count, struct err *e)
{
	return slurm_named(c->name, c->reserves ? c->pid : 0, c->begun_ns, ret_found, ret_count, e);
}

/* Whether the job runs, of a command whose begin nobody tells us. */
void slurm_client_ask_started(struct slurm_client *c)
{
	AUTO_FREE struct slurm_found *found = NULL;
	size_t count;

	if (!c->name || find_jobs(c, &found, &count, NULL) < 0 || !count ||
	    found[0].start_ns == TIME_NONE)
		return;
	c->job_id = found[0].id;
	slurm_client_begin(c, "");
	c->started_ns -= clock_now_ns() - found[0].start_ns;
}

/* A step in somebody's allocation, whose client was killed: nothing else would end it. */
static void end_step(const struct slurm_client *c, int status)
{
	if (!WIFEXITED(status) && c->step)
		(void)slurm_ask_well((char *const[]){(char[]){"scancel"}, c->step, NULL}, NULL,
				     NULL);
}

/* Whether there may be a job that we do not know of, or that nobody waits for. */
static bool is_in_doubt(const struct slurm_client *c, int status)
{
	bool unwanted = c->ended_by || c->gave_up;

	if (!WIFEXITED(status) || (c->reserves && (unwanted || WEXITSTATUS(status) != 0)))
		return true;
	/* Without a mark a command that was short has ended, and not begun. */
	return !c->has_started && (!slurm_client_is_silent(c) || c->complaint || unwanted);
}

static int settle_jobs(struct slurm_client *c, int status, size_t *ret_count, struct err *e)
{
	AUTO_FREE struct slurm_found *found = NULL;
	AUTO_FREE int64_t *ids = NULL;
	int r = find_jobs(c, &found, ret_count, e);

	if (r < 0)
		return r;
	if (c->reserves && *ret_count == 1 && !found[0].pending && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0 && !c->ended_by && !c->gave_up) {
		c->job_id = found[0].id;
		slurm_client_begin(c, "");
		return 0;
	}
	ids = mem_alloc(*ret_count + 1, sizeof(*ids));
	for (size_t i = 0; i < *ret_count; i++)
		ids[i] = found[i].id;
	r = slurm_job_end(ids, *ret_count, e);
	if (r == 0 && c->reserves)
		c->has_started = false;
	return r;
}

void slurm_client_settle(struct slurm_client *c, int status)
{
	/* Of one that was killed the request may still be on its way. */
	const struct timespec pause = {.tv_nsec = 300 * NS_PER_MS};
	struct err e = {0};
	size_t count = 0;
	int r = 0;

	if (!c->name) {
		end_step(c, status);
		return;
	}
	if (!is_in_doubt(c, status))
		return;
	r = settle_jobs(c, status, &count, &e);
	if (r == 0 && !count && !WIFEXITED(status)) {
		nanosleep(&pause, NULL);
		r = settle_jobs(c, status, &count, &e);
	}
	if (r < 0 && c->reserves)
		notice("Warning: %s; if it has got the request, 'canhazgpu queue' or 'status' "
		       "shows it, and 'canhazgpu cancel ID' takes it back\n",
		       e.text);
	else if (r < 0)
		notice("Warning: %s; if it has got the request, 'scancel --me --name=%s' takes it "
		       "back\n",
		       e.text, c->name);
}

/* srun and salloc take it back themselves, if they are given the time. */
static void take_back(struct slurm_client *c)
{
	c->taken_back_ns = c->taken_back_ns ? c->taken_back_ns : clock_monotonic_ns();
	kill(c->pid, SIGTERM);
}

void slurm_client_take_signal(struct slurm_client *c, int signal)
{
	int64_t now_ns = clock_monotonic_ns();

	if (slurm_client_is_silent(c) && !c->has_started)
		slurm_client_ask_started(c);
	/* Not begun: it is a request, which srun takes back. */
	if (!c->has_started || c->reserves) {
		c->ended_by = c->ended_by ? c->ended_by : signal;
		take_back(c);
		return;
	}
	if (signal == SIGINT && c->interrupt_ns && now_ns - c->interrupt_ns < IMPATIENT_NS) {
		kill(c->pid, SIGTERM);
		return;
	}
	if (signal == SIGINT)
		c->interrupt_ns = now_ns;
	signal_command(c, signal);
}

/* When something is to be done next, and that what is due is done. */
int64_t slurm_client_keep_time(struct slurm_client *c, int64_t begun_ns)
{
	int64_t now_ns = clock_monotonic_ns(), next_ns;

	if (c->taken_back_ns) {
		if (now_ns < c->taken_back_ns + TAKE_BACK_NS)
			return c->taken_back_ns + TAKE_BACK_NS;
		kill(c->pid, SIGKILL);
		return INT64_MAX;
	}
	if (!c->has_started) {
		if (!c->wait_ns)
			return INT64_MAX;
		if (now_ns < begun_ns + c->wait_ns)
			return begun_ns + c->wait_ns;
		if (slurm_client_is_silent(c))
			slurm_client_ask_started(c);
		if (!c->has_started) {
			c->gave_up = true;
			take_back(c);
		}
		return now_ns;
	}
	if (!c->timeout_ns)
		return INT64_MAX;
	for (;;) {
		next_ns = c->started_ns + c->timeout_ns;
		if (c->stage == STAGE_RUNNING)
			next_ns -= c->warn_before_ns;
		else if (c->stage == STAGE_STOPPED)
			next_ns += c->grace_ns;
		if (c->stage == STAGE_KILLED)
			return INT64_MAX;
		if (now_ns < next_ns)
			return next_ns;
		if (c->stage == STAGE_RUNNING && c->warn_before_ns)
			signal_command(c, c->warn_signal);
		else if (c->stage == STAGE_WARNED)
			signal_command(c, c->timeout_signal);
		else if (c->stage == STAGE_STOPPED)
			signal_command(c, SIGKILL);
		c->stage++;
	}
}
