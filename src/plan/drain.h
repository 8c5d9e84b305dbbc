/* Taking GPUs out of service, and putting them back. */
#ifndef PLAN_DRAIN_H
#define PLAN_DRAIN_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Takes GPUs out of service, or (drain: false) puts them back. What is reserved there stays. `note`
 * says why; NULL: not said. One that is out of service already gets a new note where there is one.
 * -ERANGE for an id that the pool has not. Those that are so already are left as they are;
 * p->affected_gpus are the others. The caller has made sure that the actor may.
 */
int plan_drain(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const int *ids, size_t ids_count, bool drain,
	       const char *note, struct plan *p, struct err *e);

#endif
