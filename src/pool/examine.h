/*
 * What `canhazgpu doctor` wants to know of a pool: its store, the driver and its GPUs, and who
 * holds and waits. Called by src/cmd/doctor.c.
 */
#ifndef POOL_EXAMINE_H
#define POOL_EXAMINE_H

#include "base/finding.h"
#include "pool/observe.h"
#include "pool/pool.h"

/*
 * Looks at everything, and goes on where something cannot be looked at: never fails, changes
 * nothing. Without a store_url (the settings name none) only the driver is looked at.
 */
void pool_examine(const struct pool_config *config, struct findings *f);

/* ---- the parts, for pool_examine and the tests ---- */

/* A pool and a scan of its GPUs, side by side. */
void examine_gpus(const struct pool_state *state, const struct observation *seen,
		  struct findings *f);

/* Times that are in the future: the clock was put back, or another host's is wrong. newest_end_ns:
   of the history. */
void examine_times(const struct pool_state *state, int64_t newest_end_ns, int64_t now_ns,
		   struct findings *f);

/* GPUs whose state is unreadable, and reservations whose supervisor has ended or stands still. */
void examine_reservations(const struct observer *o, const struct pool_state *state,
			  struct findings *f);

/* Waiting requests that are unreadable or stand still. */
void examine_queue(const struct observer *o, const struct pool_state *state, struct findings *f);

#endif
