/* Slurm's reasons in words. */
#ifndef SLURM_WORDS_H
#define SLURM_WORDS_H

#include "slurm/cluster.h"

/* What a pending job waits for: "GPUs, CPUs or memory that others have". The caller frees it. */
char *slurm_reason(const char *reason);

/* The sentences of `queue --explain` for a pending job; other people's text, not yet made
   printable. The caller frees it. */
char *slurm_explain(const struct slurm_cluster *c, const struct slurm_job *job, int64_t now_ns);

#endif
