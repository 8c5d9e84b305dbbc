/* The cluster as it is now, or as it was when Slurm last answered. */
#ifndef SLURM_READ_H
#define SLURM_READ_H

#include "slurm/cluster.h"

/* However many processes of an account watch, Slurm is asked no more often. */
#define SLURM_POLL_NS (10 * NS_PER_SECOND)

/*
 * Asks squeue and sinfo at once. If Slurm does not answer, the last answer counts, and *ret_warning
 * says so with its age; else it is NULL. An error: there is none. The caller clears and frees both.
 */
int slurm_read(struct slurm_cluster *ret_cluster, char **ret_warning, struct err *e);

/*
 * The same for who asks again and again: an answer that this account has had within SLURM_POLL_NS
 * will do, and of several processes one asks. (What another account has been told is no help: it
 * could be forged, and Slurm shows each account what it may see.)
 */
int slurm_read_shared(struct slurm_cluster *ret_cluster, char **ret_warning, struct err *e);

#endif
