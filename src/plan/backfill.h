/*
 * Backfill: a request that ends before those ahead of it can start may have GPUs that they wait
 * for, where the pool is set up so (queue.backfill). backfill.c has the proof.
 */
#ifndef PLAN_BACKFILL_H
#define PLAN_BACKFILL_H

#include "plan/candidates.h"

/* Marks those candidates (in the order of ids) that the request may have because it ends in time.
 */
void plan_backfill(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_request *request, const struct plan *p, size_t places,
		   struct candidate *all);

/* Takes those of the GPUs (ascending) away from waiting requests that are collected for them. */
void plan_backfill_take(const struct pool_state *state, const int *gpus, size_t count,
			int64_t now_ns, struct plan *p);

#endif
