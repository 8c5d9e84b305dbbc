/*
 * Offers: how a request that cannot take its GPUs is kept from holding them back from others.
 *
 * Whoever decides with a scan, and sees a GPU idle that an earlier entry could have, offers it:
 * the entry is stored with the time of that (struct offer), which wakes its process. That takes the
 * GPU, or puts itself aside for it, with the reason (plan_answer); others are served then. If it
 * does neither within OFFER_LIMIT_NS, it is absent until it does (plan_waiter_state). It always
 * keeps its place.
 *
 * Used by plan_reserve, plan_wait and plan_adopt.
 */
#ifndef PLAN_OFFER_H
#define PLAN_OFFER_H

#include "plan/candidates.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* Offers each GPU that the request has not got for others' sake to the first of those others; the
   request is behind the first `places` of the queue. */
void plan_offer(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, const struct candidate *all, size_t places,
		struct plan *p);

/* Whether a scan might show such a GPU: one that nobody holds, and that has not been offered yet.
 */
bool plan_could_offer(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, const struct candidate *all,
		      size_t places);

/*
 * What the entry answers, after its decision: which GPUs it cannot take although it could have
 * them, and why. `blocked`: its account is at its limit, so that it cannot. The memory of
 * *ret_answer is the plan's; true where others have to know.
 */
bool plan_answer(const struct pool_state *state, const struct plan_facts *facts,
		 const struct queue_entry *q, const struct candidate *all, bool blocked,
		 struct plan *p, struct offer *ret_answer);

/* The GPUs have a new holder: those who were aside for them can have them again after it. */
void plan_end_aside(const struct pool_state *state, const int *gpus, size_t count, struct plan *p);

#endif
