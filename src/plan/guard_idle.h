/* The part of a pass that is about reserved GPUs that are idle. See guard.h. */
#ifndef PLAN_GUARD_IDLE_H
#define PLAN_GUARD_IDLE_H

#include "plan/guard_steps.h"

void guard_idle(struct guarding *g);

#endif
