/* Copying a pool from one store to another. Called by src/cmd/migrate.c. */
#ifndef POOL_MIGRATE_H
#define POOL_MIGRATE_H

#include "pool/pool.h"

/* What was copied, or would be. */
struct migration {
	size_t gpus, reservations, waiting, records;
	size_t running;    /* of the reservations: of commands that run */
	size_t unreadable; /* usage records and waiting requests that could not be copied */
	char *from, *to;   /* the stores, fit to be shown */
};

/*
 * Copies GPUs, reservations, queue and history. -EEXIST unless the target is empty: two live pools
 * are never merged; -EPERM for the pool of the host, unless the actor is an administrator: what is
 * copied may be forged. With `dry` nothing is written. The source stays as it is. The caller clears
 * *ret_migration.
 */
int pool_migrate(const char *from_url, const char *to_url, const struct plan_actor *actor, bool dry,
		 struct migration *ret_migration, struct err *e);
void migration_clear(struct migration *m);

#endif
