/* What has ended without anybody's command, and what follows from that. Most decisions begin with
   it, so that nothing leaks that was left behind. */
#ifndef PLAN_CLEANUP_H
#define PLAN_CLEANUP_H

#include "plan/changes.h"
#include "plan/facts.h"

/*
 * Adds the end of every reservation that has ended: manual past its expiry, run whose holder is
 * gone or whose supervisor is stopped after the command's end, run that two looks have found silent
 * for plan_silence_limit_ns (doubt.h; the first one is recorded). Drops waiting requests that are
 * dead, and gives back what was collected for them.
 */
void plan_cleanup(const struct pool_state *state, const struct plan_facts *facts, struct plan *p);

/* The same without the entry `self` (NULL: none), whose process is the one that decides. */
void plan_cleanup_except(const struct pool_state *state, const struct plan_facts *facts,
			 const char *self, struct plan *p);

/* The same for the i-th reservation alone: adds its end if it has ended, and says whether it has.
   Not for what is collected for a waiting request, which is given back when that request leaves. */
bool plan_cleanup_reservation(const struct pool_state *state, const struct plan_facts *facts,
			      size_t i, struct plan *p);

/* Ends, without a usage record, what was collected for an entry on the GPUs that `which` (per slot)
   names; NULL: all of it. */
void plan_give_back(const struct pool_state *state, const char *entry_id, const bool *which,
		    int64_t now_ns, struct plan *p);

/* Cancels the request at that place of the queue: what it has collected goes to others at once, and
   its process leaves when it sees the mark. */
void plan_take_out(const struct pool_state *state, const struct plan_facts *facts, size_t place,
		   struct plan *p);

/* Ends what is collected for an entry on the GPUs that `which` (per slot) names, and takes them
   from the entry's own list. */
void plan_take_away(const struct pool_state *state, const struct queue_entry *q, const bool *which,
		    int64_t now_ns, struct plan *p);

/*
 * Each id must be a GPU that is still reserved after the cleanup in p (-ERANGE, -ENOENT), by a
 * reservation that the actor may alter (-EPERM), and not collected for a waiting request (-EBUSY).
 */
int plan_check_held(const struct pool_state *state, const struct plan *p,
		    const struct plan_actor *actor, const int *ids, size_t ids_count,
		    struct err *e);

#endif
