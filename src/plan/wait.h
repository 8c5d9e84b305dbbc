/* A reservation for a request that may wait for it. */
#ifndef PLAN_WAIT_H
#define PLAN_WAIT_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* So many requests of one account wait at most; administrators are not bound. */
#define QUEUE_ACCOUNT_MAX 256

/*
 * Cleans up, then grants the request if all it asks for is there (p->granted; its entry is dropped
 * in the same commit), or makes it wait: it joins the queue, collects what is free for it, or
 * renews its heartbeat (p->granted is NULL, p->changes may be empty). -ERANGE when the pool can
 * never satisfy it (or, before it has joined, has too few GPUs in service), -EDQUOT when the rules
 * of the host forbid it or QUEUE_ACCOUNT_MAX of the account wait already, -ECANCELED when its entry
 * was cancelled.
 */
int plan_wait(const struct pool_state *state, const struct plan_facts *facts,
	      const struct plan_request *request, const struct plan_wait *wait, struct plan *p,
	      struct err *e);

/*
 * Whether a scan of the GPUs could give the request something: GPUs that nobody holds, that nobody
 * before it could use, and that it lacks. Without any there is no need to ask the driver.
 */
bool plan_wait_has_prospects(const struct pool_state *state, const struct plan_facts *facts,
			     const struct plan_request *request, const struct plan_wait *wait);

/* Whether a scan might show a GPU that could be offered to somebody before it: free, and not taken.
 */
bool plan_wait_could_offer(const struct pool_state *state, const struct plan_facts *facts,
			   const struct plan_request *request, const struct plan_wait *wait);

/*
 * Renews the heartbeats of the entry and of what it has collected, which nobody is woken by. That
 * takes no look at anybody else, so the facts need no liveness. False where its entry has to say
 * more than that, or is not there: that is for plan_wait.
 */
bool plan_wait_renew(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, const struct plan_wait *wait,
		     struct plan *p);

/* Takes the request out of the queue, and gives back what it has collected. */
void plan_leave(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		struct plan *p);

#endif
