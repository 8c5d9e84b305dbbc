/* What a grant gives its holder: names and variables. Private to src/pool. */
#ifndef POOL_GRANT_H
#define POOL_GRANT_H

#include "pool/pool.h"
#include "pool/scan_cache.h"

/* Fills in all but the reservation, which is there, by a scan of its GPUs. */
void grant_name_gpus(struct pool_grant *g, const struct scan_cache *cache);

#endif
