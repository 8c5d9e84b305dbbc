/* The part of plan/events.h that is about what administrators change. */
#ifndef PLAN_EVENTS_ADMIN_H
#define PLAN_EVENTS_ADMIN_H

#include "plan/events_making.h"

/* Adds the event of a change of the pool itself, or of its GPUs, where it is one. */
void events_of_administrator(struct events_making *m, const struct change *c);

#endif
