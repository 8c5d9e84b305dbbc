/*
 * Asking Slurm: its own programs (squeue, sinfo, scontrol, scancel, salloc, sacct), each with a
 * time limit. Not its library: that changes with each release.
 *
 * They get this process's environment without what could change an answer: the variables of an
 * enclosing job, formats and filters of the user. Times come as seconds since 1970.
 */
#ifndef SLURM_CALL_H
#define SLURM_CALL_H

#include "host/child.h"

#include "base/err.h"

/* A controller that is dead or hangs is told within 3 s. */
#define SLURM_LIMIT_NS (2500 * NS_PER_MS)

struct slurm_call {
	const char *program;
	struct host_child child;
};

/* Starts a program. -ENOENT: it is not there. Afterwards slurm_finish. The arguments end with NULL.
 */
int slurm_start(char *const argv[], struct slurm_call *ret_call, struct err *e);

/* Waits until that time (monotonic) for what it prints, standard error as well, and for its exit
   status. The caller frees *ret_text. -ETIMEDOUT with a line that says so. */
int slurm_finish(struct slurm_call *call, int64_t deadline_ns, char **ret_text, int *ret_status,
		 struct err *e);

/* Both, within SLURM_LIMIT_NS. */
int slurm_ask(char *const argv[], char **ret_text, int *ret_status, struct err *e);

/* The same where any exit status but 0 is an error: its last line. ret_text may be NULL. */
int slurm_ask_well(char *const argv[], char **ret_text, struct err *e);

/* What a program says is wrong, without its name: the last line "NAME: error: ..." of its output,
   else the last line. The caller frees it. */
char *slurm_complaint(const char *text);

/* Whether an entry of the environment is a variable that belongs to an enclosing job, or changes
   what programs of Slurm do or print. */
bool slurm_is_own_variable(const char *entry);

/* Of these, whether it only says which account, partition or quality of service a user wants
   requests to be of. */
bool slurm_is_wish(const char *entry);

#endif
