/* A reservation for processes that run already. */
#ifndef PLAN_ADOPT_H
#define PLAN_ADOPT_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* Who is on a GPU, as `adopt` sees it. */
enum adopted_use {
	ADOPTED_NONE,   /* not the processes to adopt */
	ADOPTED_ALONE,  /* they, and at most others of the same account */
	ADOPTED_SHARED, /* they, and somebody else */
};

/*
 * Cleans up, then grants GPUs to processes that run already: request->ids, or those that the
 * processes use (request->count of them; 0: however many). `adopted` has one value per slot. A GPU
 * that they keep busy is theirs though others wait for it: nobody could have it now. What the actor
 * has reserved there by hand ends. Refused: -EBUSY for GPUs of others, and without request->force
 * for those that somebody else uses; -ENOENT where the processes use none, -EINVAL where they do
 * not use so many.
 */
int plan_adopt(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_request *request, const enum adopted_use *adopted, struct plan *p,
	       struct err *e);

#endif
