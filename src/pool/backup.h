/* Backups: a whole pool as a file, and back. Called by src/cmd/backup.c and src/cmd/restore.c. */
#ifndef POOL_BACKUP_H
#define POOL_BACKUP_H

#include "base/image.h"
#include "pool/pool.h"

/*
 * Everything that the pool holds, as of one moment, while it is in use; checked, so that a damaged
 * pool does not take the place of a good backup. *ret_unreadable: usage records and waiting
 * requests that a Redis store holds and nobody can read. The caller clears *ret_image.
 */
int pool_backup(struct pool *p, struct image *ret_image, size_t *ret_unreadable, struct err *e);

/*
 * Puts a backup in the place of the pool. -EEXIST where there is a pool, unless `replace`; -EPERM
 * in the pool of all users, unless the actor is an administrator: what is in a backup may be
 * forged. `name` is for errors. What runs meanwhile goes on: supervisors restore reservations that
 * the backup does not have yet, and whoever holds what has ended is found dead.
 */
int pool_restore_backup(struct pool *p, const struct plan_actor *actor, const struct image *image,
			const char *name, bool replace, struct image_contents *ret_contents,
			struct err *e);

/* Whether that is a file of the pool itself, where no backup may be written. */
bool pool_has_file(const struct pool *p, const char *path);

/* The store of the pool, as people may see it. */
const char *pool_store_shown(const struct pool *p);

#endif
