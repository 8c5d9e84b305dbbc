/*
 * Single jobs: finding and ending them. These questions are asked in text, so they ask for fields
 * alone that Slurm makes itself: what users write could hold anything, newlines too.
 */
#ifndef SLURM_JOBS_H
#define SLURM_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "slurm/text.h"

/* What reservations are called in Slurm: by that name `release` and `run` find them. */
#define SLURM_RESERVATION_NAME "canhazgpu-reserve"

struct slurm_held {
	int64_t id;
	size_t gpus;
	char type[SLURM_TYPE_SIZE]; /* "": it was asked for none */
};

/* Running reservations of an account, by its number (NULL: one's own), the latest first. The caller
 * frees them. */
int slurm_reservations(const char *account, struct slurm_held **ret_held, size_t *ret_count,
		       struct err *e);

/* Whether Slurm answers, in time: srun and salloc would go on asking for many seconds. */
int slurm_check(struct err *e);

struct slurm_found {
	int64_t id;
	uid_t uid;
	bool pending;
	int64_t start_ns; /* of slurm_named alone; TIME_NONE: it does not run yet */
};

/* The jobs of this account with that name, pending or running, that were asked for by a process of
   that session (0: any), not long before that time. The caller frees them. */
int slurm_named(const char *name, pid_t session, int64_t since_ns, struct slurm_found **ret_found,
		size_t *ret_count, struct err *e);

/* The job of that id, as somebody has typed it. -ENOENT: there is none, or it has ended. */
int slurm_job_find(const char *id, struct slurm_found *ret_found, struct err *e);

/* The pending jobs of this account that ask for GPUs. The caller frees them. */
int slurm_pending(struct slurm_found **ret_found, size_t *ret_count, struct err *e);

/* Ends jobs, or takes them from the queue. */
int slurm_job_end(const int64_t *ids, size_t count, struct err *e);

#endif
