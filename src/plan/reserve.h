/* A reservation for a request that does not wait. */
#ifndef PLAN_RESERVE_H
#define PLAN_RESERVE_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Cleans up, then grants the request or refuses it: -EBUSY when GPUs are missing now (the text has
 * the numbers; the plan then holds the cleanup, and offers to those who come first), -ERANGE when
 * the pool can never satisfy it or has too few GPUs in service, -EDQUOT when the rules of the host
 * forbid it. Of the free and idle GPUs it picks those that the requester used most recently, then
 * those that nobody used for the longest time.
 */
int plan_reserve(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p, struct err *e);

#endif
