/* What the tables of the plan's tests begin with: the time it is, and who holds what. */
#ifndef PLAN_WORLD_H
#define PLAN_WORLD_H

#include "plan/plan.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define MINUTE (60 * NS_PER_SECOND)
#define HOUR NS_PER_HOUR

/* Adds a reservation of GPUs first..first+count-1 by account "u<uid>", an hour old: a run whose
   supervisor was heard of just now, or one by hand for an hour yet. The state owns it. */
struct reservation *world_hold(struct pool_state *state, uid_t uid, enum reservation_type type,
			       int first, int count);

#endif
