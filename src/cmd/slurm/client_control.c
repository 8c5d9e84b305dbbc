/* Signals and time limits of the command; see client_control.h. */
#include "cmd/slurm/client_control.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/slurm/client_errors.h"
#include "slurm/call.h"

/* A second Ctrl-C within this time ends the command at once, as with srun. */
#define IMPATIENT_NS NS_PER_SECOND

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

/* Takes a request back that its client may have left in the queue. */
void slurm_client_take_back(const struct slurm_client *c)
{
	AUTO_FREE char *which = c->name ? mem_printf("--name=%s", c->name) : NULL;

	if (which)
		(void)slurm_ask_well(
			(char *const[]){(char[]){"scancel"}, (char[]){"--me"}, which, NULL}, NULL,
			NULL);
}

/* Whether the job runs, of a command whose begin nobody tells us. */
void slurm_client_ask_started(struct slurm_client *c)
{
	AUTO_FREE char *which = c->name ? mem_printf("--name=%s", c->name) : NULL;
	AUTO_FREE char *text = NULL;
	long long id, start;

	if (!which ||
	    slurm_ask_well((char *const[]){(char[]){"squeue"}, (char[]){"--me"},
					   (char[]){"--noheader"}, (char[]){"--states=RUNNING"},
					   which, (char[]){"--format=%A %S"}, NULL},
			   &text, NULL) < 0)
		return;
	if (sscanf(text, "%lld %lld", &id, &start) != 2)
		return;
	c->job_id = id;
	slurm_client_begin(c, "");
	c->started_ns -= clock_now_ns() - start * NS_PER_SECOND;
}

void slurm_client_take_signal(struct slurm_client *c, int signal)
{
	int64_t now_ns = clock_monotonic_ns();

	if (slurm_client_is_silent(c) && !c->has_started)
		slurm_client_ask_started(c);
	/* Not begun: it is a request, which srun takes back. */
	if (!c->has_started) {
		c->ended_by = c->ended_by ? c->ended_by : signal;
		kill(c->pid, SIGTERM);
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

	if (!c->has_started) {
		if (!c->wait_ns || c->gave_up)
			return INT64_MAX;
		if (now_ns < begun_ns + c->wait_ns)
			return begun_ns + c->wait_ns;
		if (slurm_client_is_silent(c))
			slurm_client_ask_started(c);
		if (!c->has_started) {
			c->gave_up = true;
			kill(c->pid, SIGTERM);
		}
		return INT64_MAX;
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
