/* A cluster as a snapshot, which every table, document and page of the pool can show. Pure. */
#ifndef SLURM_SNAPSHOT_H
#define SLURM_SNAPSHOT_H

#include "pool/snapshot.h"
#include "slurm/cluster.h"

/*
 * GPUs are numbered through, node by node; `cluster` of the snapshot has their names. Jobs are
 * reservations, pending ones queue entries, by their ids. What really runs is not known.
 */
void slurm_snapshot(const struct slurm_cluster *c, int64_t now_ns, struct snapshot *ret_snapshot);

#endif
