/* Recording what a scan shows of the use of reserved GPUs: plan/activity.h. */
#ifndef POOL_LOOK_H
#define POOL_LOOK_H

#include "pool/pool.h"

struct observation;
struct snapshot;

/*
 * Looks at the reserved GPUs and records it, if nobody else has done so for a while; a scan that
 * another process has just taken will do. For those who have no scan at hand.
 */
int pool_look(struct pool *p, struct err *e);

/* Whether that would ask the driver. */
bool pool_look_is_due(struct pool *p);

/* Records what the snapshot shows, if it says that this is due (look_due). */
int pool_look_snapshot(struct pool *p, const struct snapshot *s, struct err *e);

/* Whether others may rely on what this process sees: not where a program of a user's PATH has
   answered. */
bool pool_look_is_trusted(struct pool *p, const struct observation *seen);

#endif
