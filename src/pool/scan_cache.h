/* A scan of the GPUs, matched to the pool's slots, that is kept while a request is decided. Private
   to src/pool: see transact.h and wait_private.h. */
#ifndef POOL_SCAN_CACHE_H
#define POOL_SCAN_CACHE_H

#include "pool/observe.h"
#include "pool/pool.h"

struct scan_cache {
	struct pool_state state; /* as loaded before the scan */
	struct observation observation;
	int64_t taken_ns; /* monotonic: when it had come back; 0: there is no scan */
};

void scan_cache_clear(struct scan_cache *cache);

/* Loads the pool, and scans (`wish`: see observe_gpus). Nothing is locked during the scan. -ENOENT
   where there is no pool. */
int scan_cache_take(struct pool *p, struct scan_cache *cache, const struct scan_wish *wish,
		    struct err *e);

/* Whether there is no scan, or one too old to decide a request on. */
bool scan_cache_is_old(const struct scan_cache *cache);

/* Whether the slots are still the GPUs that were scanned, and the same processes ignored: not so
   when the pool was recreated. */
bool scan_cache_fits(const struct scan_cache *cache, const struct pool_state *state);

/*
 * For a decision that rests on the scan: drops one that does not fit, with -EAGAIN. A GPU that was
 * idle then and has been released since becomes unknown: who had it may have left something on it.
 */
int scan_cache_check(struct scan_cache *cache, const struct pool_state *state, struct err *e);

/* Refuses, with the reason, where GPUs shall be named by number and numbers are not certain. */
int scan_cache_check_names(const struct scan_cache *cache, enum gpu_naming naming, struct err *e);
/* Whether that GPU has been released since the scan began, which says nothing of it then. */
bool scan_cache_is_outdated(const struct scan_cache *cache, const struct slot *slot);

/* What the plan has granted, with the driver's names for the GPUs. Takes the reservation. */
void scan_cache_grant(const struct scan_cache *cache, struct plan *plan,
		      struct pool_grant *ret_grant);

#endif
