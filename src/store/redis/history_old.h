/*
 * Usage records of very old pools, which have a key for each. They are all read at once, and only
 * where the sorted set of history.c is absent.
 */
#ifndef STORE_REDIS_HISTORY_OLD_H
#define STORE_REDIS_HISTORY_OLD_H

#include "store/redis/redis.h"

struct redis_old_history {
	struct usage_record *records; /* by end, each once */
	size_t count;
};

/* Reads those that touch the period. The caller clears *ret_old, also after an error. */
int redis_old_history_read(struct redis_store *s, int64_t from_ns, int64_t to_ns,
			   struct redis_old_history *ret_old, struct err *e);
void redis_old_history_clear(struct redis_old_history *old);

#endif
