/*
 * The commands as Slurm answers them: each is a row of src/cmd/engine.c. They see Slurm through
 * src/slurm, and show what it says with the tables and documents of the pool.
 */
#ifndef CMD_SLURM_SLURM_H
#define CMD_SLURM_SLURM_H

#include "base/finding.h"
#include "cmd/command.h"

int slurm_cancel(const struct invocation *in, struct err *e);
int slurm_queue(const struct invocation *in, struct err *e);
int slurm_release(const struct invocation *in, struct err *e);
int slurm_reserve(const struct invocation *in, struct err *e);
int slurm_run(const struct invocation *in, struct err *e);
int slurm_status(const struct invocation *in, struct err *e);

/* The option --slurm: a row of the tables of `run` and `reserve`. */
#define SLURM_OPTION                                                                          \
	{                                                                                     \
		.name = "slurm", .type = OPTION_TEXT, .argument = "ARGS", .takes_rest = true, \
		.help = "With the engine slurm: options for srun or salloc, up to '--'"       \
	}

#endif
