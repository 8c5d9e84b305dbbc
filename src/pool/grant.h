/* What a grant gives its holder: names and variables. Private to src/pool. */
#ifndef POOL_GRANT_H
#define POOL_GRANT_H

#include "pool/observe.h"
#include "pool/pool.h"

/* Fills in all but the reservation, which is there, by a scan of that provider's GPUs. */
void grant_name_gpus(struct pool_grant *g, const struct observation *o, const char *provider);

#endif
