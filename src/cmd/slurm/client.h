/*
 * srun or salloc at work: started as a child, which is told to give up if this process dies; what
 * it says of itself is understood and not shown; signals and time limits go to the command as they
 * would without Slurm.
 *
 * srun can end with 0 although nothing ran. So the command's shell first writes a line to standard
 * error with a word that nobody knows (`mark`): srun passes it on, and here it is taken out. With a
 * terminal of its own (--pty) a command has no such channel: there srun's errors count.
 */
#ifndef CMD_SLURM_CLIENT_H
#define CMD_SLURM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct slurm_client {
	const char *path; /* of srun or salloc */
	char *const *argv, *const *environment;
	const char *mark; /* NULL: no line comes */
	const char *name; /* of the job; NULL: it is not ours alone */
	bool reserves;    /* salloc: the job outlives it, and others have its name, too */
	bool terminal;    /* it has the terminal of this process, with which Ctrl-C reaches it */
	bool waits;       /* it may be pending: say so */
	size_t gpus;      /* how many it waits for */
	int64_t wait_ns;  /* how long it may be pending; 0: as long as it takes */
	int64_t timeout_ns, grace_ns; /* of the command; 0: none */
	int timeout_signal;
	int64_t warn_before_ns; /* 0: no warning */
	int warn_signal;
	/* Called when the command runs; the rest of the line behind the mark. */
	void (*started)(const char *where, void *context);
	void *context;

	/* How it went. */
	int64_t job_id;   /* 0: unknown */
	bool has_started; /* the command has run, or for salloc: there is an allocation */
	char *complaint;  /* what it says is wrong; NULL: nothing */
	bool gave_up;     /* wait_ns was over */
	int ended_by;     /* the signal that took the request back; 0: none */

	/* While it runs. */
	pid_t pid;
	int errors_fd, input_fd;
	int64_t begun_ns;      /* when it was started, by the clock of the system */
	struct str line;       /* of standard error, while it may be one of srun's own */
	bool in_line;          /* the command is in the middle of a line */
	int64_t started_ns;    /* monotonic */
	int64_t interrupt_ns;  /* of the last Ctrl-C */
	int64_t taken_back_ns; /* since when the request is not wanted any more; 0: it is */
	int stage;             /* of the time limit */
	char *step;            /* "17.0"; NULL: unknown */
};

/* Runs it to its end; *ret_status is its exit status, of a signal 128 more. */
int slurm_client_run(struct slurm_client *c, int *ret_status, struct err *e);

/* Why there was nothing to run on: what the client has said, in the words of `run` for the time of
   --wait and for GPUs that are not free. 0: it has said nothing. */
int slurm_client_refused(const struct slurm_client *c, struct err *e);

/* Ends this process by the signal that has taken the request back, if one has. */
void slurm_client_end_by_signal(const struct slurm_client *c);
void slurm_client_clear(struct slurm_client *c);

#endif
