/* Which GPUs are free for a request, which of them come first, and why others are not free. */
#ifndef PLAN_CANDIDATES_H
#define PLAN_CANDIDATES_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* How a decision sees one slot, after the cleanup. */
struct candidate {
	int id;
	bool own;           /* collected for the request itself */
	bool instance;      /* a MIG instance */
	bool unsuited;      /* of another kind than the request is for */
	bool withheld;      /* out of service: nobody is given it */
	bool reserved;      /* by somebody else */
	bool awaited;       /* an earlier request could use it */
	bool idle, unknown; /* neither reserved nor withheld: idle, busy, or unknown */
	bool unsettled;     /* free, but not to be had for a moment (settle.h) */
	bool faulty;        /* unknown, since its driver says that it cannot be used */
	bool barred;        /* its state is unreadable, or it is missing or faulty: not even by
			       force */
	bool backfill;      /* others wait for it, but cannot use it before it is back */
	const struct reservation *lent; /* backfill: collected for one of them; NULL: it is free */
	int64_t mine_ns;                /* when the requester last used it */
	int64_t released_ns;            /* when anybody last did */
};

/*
 * All slots as the plan leaves them, for a request behind the first `places` of the queue; `self`:
 * the entry of the request, or NULL. The caller frees the array, which is in the order of ids.
 */
struct candidate *plan_candidates(const struct pool_state *state, const struct plan_facts *facts,
				  const struct plan *p, size_t places, const char *self);

/* For qsort: best first. */
int plan_compare_candidates(const void *left, const void *right);

/* Whether the request may have it now. */
bool plan_is_available(const struct candidate *c, const struct plan_request *request);

/* Refuses for a GPU that the actor has asked for by id; `force`: whatever runs there. -EBUSY. */
int plan_refuse_id(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_actor *actor, const struct candidate *c, bool force,
		   struct err *e);

/* Refuses for want of GPUs, with the numbers of this very decision. -EBUSY. */
int plan_refuse_count(const struct plan_request *request, const struct candidate *all, size_t count,
		      struct err *e);

#endif
