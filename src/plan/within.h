/* A run on GPUs that its account has reserved by hand: plan_within. */
#ifndef PLAN_WITHIN_H
#define PLAN_WITHIN_H

#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Where a run names GPUs that its actor holds by hand, p->granted is what it may use: these GPUs,
 * under the id of the request, until the first of the manual reservations ends. Nothing changes in
 * the pool, where they stay manual reservations. Where it names no GPUs, or others as well,
 * p->granted stays NULL: it is a request like any other.
 */
void plan_within(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p);

/* Of those GPUs, how many the actor holds by hand; *ret_end_ns: when the first of them ends;
   TIME_NONE: no end, or none are held. */
size_t plan_count_manual(const struct pool_state *state, int64_t now_ns,
			 const struct plan_actor *actor, const int *ids, size_t count,
			 int64_t *ret_end_ns);

#endif
