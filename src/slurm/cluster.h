/*
 * A cluster as Slurm tells it: its nodes with GPUs, and the jobs that have or want some. Read from
 * the JSON of squeue and sinfo, whose shape changes from release to release (22.05, 23.11, 24.05
 * and later are known). All texts are other people's.
 */
#ifndef SLURM_CLUSTER_H
#define SLURM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/nouns.h"
#include "slurm/text.h"

struct slurm_node {
	char *name;
	struct slurm_gpus gpus; /* what it has */
	struct slurm_gpus used; /* what is allocated there, as far as the node's entry tells */
	char *out;    /* why no new job gets it: "down", "drained"; NULL: it is in service */
	char *reason; /* the administrator's, or Slurm's own; NULL: none */
	struct quantity idle_cpus;
};

/* GPUs of a job on one node. */
struct slurm_share {
	char *node;
	struct slurm_gpus gpus;
};

struct slurm_job {
	int64_t id;
	char *user; /* account of the system */
	struct quantity uid;
	char *name, *comment, *partition;
	char *reason; /* why it waits: "Priority"; NULL: none */
	bool pending; /* else it holds what `shares` says */
	bool is_batch;
	bool has_command; /* an allocation alone has none */
	int64_t priority;
	int64_t submit_ns, start_ns, end_ns; /* TIME_NONE: unknown, or none */
	size_t wanted;                       /* GPUs that it asks for ... */
	char type[SLURM_TYPE_SIZE];          /* ... of that type; "": of any */
	struct slurm_share *shares;
	size_t shares_count;
};

struct slurm_cluster {
	char *version; /* "22.05.8"; NULL: not told */
	int64_t taken_ns;
	struct slurm_node *nodes; /* those with GPUs, by name */
	size_t nodes_count;
	struct slurm_job
		*jobs; /* pending ones first by priority; those without GPUs are left out */
	size_t jobs_count;
};

/* Reads the answers of `squeue --json` and `sinfo --json`. What goes before or behind the document
   (warnings of the programs) does not matter. One with errors is an error, whatever else is in it.
   The caller clears *ret_cluster. */
int slurm_cluster_read(const char *squeue, const char *sinfo, struct slurm_cluster *ret_cluster,
		       struct err *e);
/* The jobs alone. */
int slurm_jobs_read(const char *squeue, struct slurm_cluster *ret_cluster, struct err *e);
void slurm_cluster_clear(struct slurm_cluster *c);

#endif
