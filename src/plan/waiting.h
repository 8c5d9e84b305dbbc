/* A request that may wait, on its way through the decision of plan_wait, and its entry in the
   queue. Private to plan/wait.c. */
#ifndef PLAN_WAITING_H
#define PLAN_WAITING_H

#include "base/topology.h"
#include "plan/candidates.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

struct waiting {
	const struct pool_state *state;
	const struct plan_facts *facts;
	const struct plan_request *request;
	const struct plan_wait *wait;
	const struct queue_entry *entry; /* NULL: not in the queue (yet, or it was lost) */
	bool joined;                     /* it is in the queue, or its entry was lost */
	size_t place;                    /* behind so many */
	bool possible;                   /* enough GPUs are in service at present */
	bool blocked;                    /* its account is at the limit of GPUs */
	struct candidate *all;           /* best first */
	size_t wanted;
	int *eligible; /* the GPUs of the kind that it is for, ascending; NULL: all, or unknown */
	size_t eligible_count;
	struct topology topology;
};

/* Renews the heartbeats of the entry and of what it has collected, by a quiet change. False where
   that is not all that its entry has to say. */
bool waiting_renew_entry(const struct waiting *w, struct plan *p);

/* Puts the request into the queue, or stores its entry where something about it is new. */
void waiting_put(const struct waiting *w, struct plan *p);

#endif
