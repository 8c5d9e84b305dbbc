/* The cluster as it is now, or as it was when Slurm last answered. */
#ifndef SLURM_READ_H
#define SLURM_READ_H

#include "slurm/cluster.h"

/* However many watch, Slurm is asked no more often. */
#define SLURM_POLL_NS (10 * NS_PER_SECOND)

/*
 * Asks squeue and sinfo at once. An answer that this account has had within max_age_ns will do. If
 * Slurm does not answer, the last answer counts, and *ret_warning says so with its age; else it is
 * NULL. An error: there is none. The caller clears and frees both.
 */
int slurm_read(int64_t max_age_ns, struct slurm_cluster *ret_cluster, char **ret_warning,
	       struct err *e);

#endif
