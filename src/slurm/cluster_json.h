/*
 * Members of Slurm's JSON, some of which come in more than one shape, and the parts of a cluster
 * that are read from it. Private to slurm/cluster*.c.
 */
#ifndef SLURM_CLUSTER_JSON_H
#define SLURM_CLUSTER_JSON_H

#include <jansson.h>

#include "slurm/cluster.h"

/* A text of its own; NULL for none, and for an empty one. */
char *slurm_json_text(const json_t *object, const char *name);

/* 5, or since 23.02 {"set": true, "infinite": false, "number": 5}. */
struct quantity slurm_json_number(const json_t *object, const char *name);

/* TIME_NONE: there is none, or no clock's. */
int64_t slurm_json_time(const json_t *object, const char *name);

/* "RUNNING", or since 23.11 ["RUNNING"]. */
bool slurm_json_has_state(const json_t *value, const char *state);

/* Adds what the document of sinfo tells of nodes, or that of squeue of jobs, in order. */
void slurm_cluster_add_nodes(struct slurm_cluster *c, const json_t *document);
void slurm_cluster_add_jobs(struct slurm_cluster *c, const json_t *document);

void slurm_job_clear(struct slurm_job *job);

#endif
