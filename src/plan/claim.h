/* A run that takes over what was reserved by hand: `run --claim`. */
#ifndef PLAN_CLAIM_H
#define PLAN_CLAIM_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Ends the actor's manual reservation of that id, and grants all its GPUs to the request, in one
 * commit: nobody else can have them in between, whoever waits. -ENOENT where the actor has none (it
 * may have expired).
 */
int plan_claim(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_request *request, const char *id, struct plan *p, struct err *e);

#endif
