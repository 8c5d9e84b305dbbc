/* One look at the GPUs, laid over the state as it was then. Private to src/pool: reserve.c and
   wait.c decide on it. */
#ifndef POOL_SCAN_CACHE_H
#define POOL_SCAN_CACHE_H

#include "pool/observe.h"
#include "pool/pool.h"

struct scan_cache {
	struct pool_state state;
	struct observation seen;
	int64_t taken_ns; /* monotonic; 0: no look was taken */
};

void scan_cache_clear(struct scan_cache *l);

/* Reads the pool, and scans. No lock is held across it. -ENOENT where there is no pool. */
int scan_cache_take(struct pool *p, struct scan_cache *l, struct err *e);

/* Whether the pool was not made anew since the look: the slots are the same GPUs. */
bool scan_cache_fits(const struct scan_cache *l, const struct pool_state *state);

/* What the plan has granted, with what the driver calls the GPUs. Takes the reservation. */
void scan_cache_grant(const struct scan_cache *l, struct plan *plan, struct pool_grant *ret_grant);

#endif
