/*
 * GPUs that another program may still be freeing.
 *
 * On a store that other programs write to, too, one of them may find the same reservation expired
 * or silent, and free its GPUs: it reads, and a moment later it writes what it made of that,
 * without looking again. A grant in between would be overwritten, and the GPU be given to the next
 * one as well. So the end is committed alone, and such a GPU is granted when whoever has read the
 * state before has also written.
 */
#ifndef PLAN_SETTLE_H
#define PLAN_SETTLE_H

#include "plan/changes.h"
#include "plan/facts.h"

/* Longer than that takes: docs/redis.md has what was measured. */
#define SETTLE_NS (500 * NS_PER_MS)

/* Whether other programs end the reservation, too: it is past its expiry, silent, or was collected
   for a request that is. */
bool plan_others_may_end(const struct pool_state *state, const struct plan_facts *facts,
			 const struct reservation *r);

/*
 * For how much longer the GPU, if it is free after p (NULL: as it is), is not to be granted; 0: it
 * is settled. It is not where the plan ends what others may end, or somebody did a moment ago; nor
 * where another program has freed it a moment ago, which can have been either.
 */
int64_t plan_unsettled_ns(const struct pool_state *state, const struct plan_facts *facts,
			  const struct plan *p, size_t gpu);

/* Notes in the plan's ends which of them others may be about to store, too. */
void plan_note_lapsed(const struct pool_state *state, const struct plan_facts *facts,
		      struct plan *p);

#endif
