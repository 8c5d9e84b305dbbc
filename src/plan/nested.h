/* A run within a run: its request may be for GPUs that the run around it holds already. */
#ifndef PLAN_NESTED_H
#define PLAN_NESTED_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * `outer_id`: the reservation that the requesting process runs under. Where the request is for GPUs
 * of that reservation (by their ids; or for as many as it has, and the rest of the pool is too
 * small), p->granted is that reservation with these GPUs alone, and nothing changes in the pool.
 * Where it is for other GPUs, or the reservation is not the actor's or gone, p->granted stays NULL:
 * it is a request like any other. -EBUSY where it can never be met before the run around it ends:
 * it would wait for itself.
 */
int plan_nested(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, const char *outer_id, struct plan *p,
		struct err *e);

#endif
