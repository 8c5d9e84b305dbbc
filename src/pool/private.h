/* What the files of src/pool share among themselves. */
#ifndef POOL_PRIVATE_H
#define POOL_PRIVATE_H

#include "pool/observe.h"
#include "pool/pool.h"
#include "store/store.h"

struct pool {
	struct pool_config config;
	struct store *store;
	struct observer observer;
};

/* Ends what is over and records it. */
int pool_cleanup(struct pool *p, struct err *e);

#endif
