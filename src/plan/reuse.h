/* A request that is met by what its account holds already: `reserve --reuse`. */
#ifndef PLAN_REUSE_H
#define PLAN_REUSE_H

#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Finds a manual reservation of the actor that has the GPUs that the request is for: the ids that
 * it names, or as many as it asks for, of its kind where a scan tells (facts->gpus). The one that
 * ends last, if there are several. p->granted is a copy of it, and nothing changes in the pool;
 * NULL: there is none, and it is a request like any other.
 */
void plan_reuse(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, struct plan *p);

#endif
