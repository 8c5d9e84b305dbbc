/* Creating the pool, or recreating it. */
#ifndef PLAN_INIT_H
#define PLAN_INIT_H

#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* Ends every reservation, cancels or drops every queue entry, and creates a pool of `count` GPUs.
   units: what they mean, `count` entries or NULL, borrowed by the plan. */
void plan_init(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const char *provider, const struct slot *units,
	       size_t count, struct plan *p);

#endif
