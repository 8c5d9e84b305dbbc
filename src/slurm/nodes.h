/* What Slurm cannot tell: what really runs on the GPUs, from `canhazgpu web` of each node. */
#ifndef SLURM_NODES_H
#define SLURM_NODES_H

#include <jansson.h>

#include "pool/snapshot.h"

/*
 * Asks the nodes of a snapshot that `hosts` (as the configuration has it) names with a url, all at
 * once and for at most SLURM_LIMIT_NS, and completes their GPUs. Of one that does not answer the
 * use stays unknown, and the GPUs say why. `hosts` may be NULL. None is asked where Slurm has not
 * answered (the snapshot has a warning).
 */
void slurm_nodes_ask(const char *hosts, struct snapshot *s);

/*
 * Completes the GPUs of one node by its status, other people's text. The device numbers tell which
 * is which: Slurm counts GPUs in the order of their device files. Where they are not told, or the
 * node has other GPUs than Slurm says, none is matched. Pure.
 */
void slurm_nodes_join(struct snapshot *s, const char *node, const json_t *rows);

#endif
