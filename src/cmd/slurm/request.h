/* The arguments that srun and salloc have in common, from the options of `run` and `reserve`. */
#ifndef CMD_SLURM_REQUEST_H
#define CMD_SLURM_REQUEST_H

#include "cmd/command.h"
#include "slurm/text.h"

/*
 * Adds the GPUs, and unless they come out of an allocation that is there already (in_allocation)
 * one node, the note, the time limit in whole minutes (0: Slurm's own), whether it may wait, and
 * slurm.args; last --slurm, which may overrule what comes before. The words are added to *words.
 */
int slurm_request(const struct invocation *in, int64_t limit_ns, bool in_allocation,
		  struct slurm_names *words, struct err *e);

/* How many GPUs are asked for. */
int slurm_request_gpus(const struct invocation *in);

/* --wait: whether, and for how long at most (0: as long as it takes). */
bool slurm_request_waits(const struct invocation *in, int64_t *ret_limit_ns);

/* The environment for srun or salloc: what this process was given, without the variables of an
   enclosing job, and of options but those of slurm_is_wish. environment_clear it. */
struct environment slurm_environment(void);

/* As an array for execve, borrowed from the words, of which the first is the program's path: in the
   array only its name, by which it speaks of itself. The caller frees the array. */
char **slurm_argv(const struct slurm_names *words);

#endif
