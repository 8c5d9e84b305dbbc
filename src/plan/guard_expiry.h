/* The part of a pass that is about manual reservations which end: before, and after. See guard.h.
 */
#ifndef PLAN_GUARD_EXPIRY_H
#define PLAN_GUARD_EXPIRY_H

#include "plan/guard_use.h"

/* Tells those whose reservation ends soon. */
void guard_expiring(struct guarding *g);

/* Lists processes that go on after the end of a reservation whose holder was warned of that. */
void guard_overstaying(struct guarding *g, struct guard_stops *stops);

#endif
