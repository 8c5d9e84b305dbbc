/*
 * What reservations do with their GPUs. There is no daemon that watches: whoever scans the GPUs
 * anyway compares what it sees with what the one before saw, and records that now and then
 * (pool/look.c).
 *
 * A GPU is active at a look where the driver says that it is busy, or was since the last look;
 * where the memory in use has changed; or where it has taken more energy than its power at both
 * looks explains. It is idle where the driver says that it is not busy, and there is no such sign.
 * What a driver does not tell is unknown, which is never idle: so is the time between two looks
 * that are far apart, before a reboot, and of another card.
 */
#ifndef PLAN_ACTIVITY_H
#define PLAN_ACTIVITY_H

#include "plan/changes.h"
#include "plan/facts.h"

/* Looks are recorded so far apart, a little less than heartbeats; what a look would hide from the
   next one is recorded at once. */
#define ACTIVITY_LOOK_NS (50 * NS_PER_SECOND)
/* What happened between two looks that are further apart is not known ... */
#define ACTIVITY_GAP_NS (150 * NS_PER_SECOND)
/* ... or so far, where the driver counts energy: in more time a burst would be too small a part. */
#define ACTIVITY_COUNTED_GAP_NS (600 * NS_PER_SECOND)
/* A GPU that is idle for so long is said to be, unless the policy has another time. */
#define ACTIVITY_IDLE_NS (600 * NS_PER_SECOND)

/* Whether a look would be recorded whatever it shows: whether a scan for its sake is worth while.
 */
bool plan_look_is_due(const struct pool_state *state, const struct plan_facts *facts);

enum activity_state { ACTIVITY_UNKNOWN, ACTIVITY_ACTIVE, ACTIVITY_IDLE };

/* What it was at the last look, unless that is too long ago to tell. *ret_since_ns: since when it
   is known to be idle; else TIME_NONE. */
enum activity_state plan_activity(const struct activity *a, int64_t now_ns, int64_t *ret_since_ns);

/*
 * Looks at every reserved GPU as a scan that began at taken_ns (by the wall clock) shows it: `gpus`
 * per slot, NULL where it does not. Adds to the plan, quietly, what is to be recorded, with the
 * events of GPUs that have become idle or active; nothing where it is not time yet. *ret, as long
 * as the state's slots, is what is known with that look (zeroed: nothing, or not reserved); NULL:
 * the caller does not ask.
 */
void plan_look(const struct pool_state *state, const struct plan_facts *facts,
	       struct gpu *const *gpus, int64_t taken_ns, struct plan *p, struct activity *ret);

#endif
