/*
 * What was reserved and what is: the usage history behind a state, and the reservations of that
 * state, each handed to a function that adds it up. Private to src/pool, for report.c and
 * timeline.c.
 */
#ifndef POOL_PAST_H
#define POOL_PAST_H

#include "pool/pool.h"

/* `sum` is the caller's. */
typedef void past_add(const struct usage_record *record, void *sum);
typedef void past_add_running(const struct pool_state *state, const struct reservation *r,
			      int64_t end_ns, void *sum);

/*
 * Hands over the records of a period (without reason and actor), but for those of reservations that
 * the state shows as running: they ended since it was read. Read the state before: what ends in
 * between is in both then, and told apart; the other way round it would be in neither.
 */
int past_read(struct pool *p, const struct pool_state *state, int64_t from_ns, int64_t to_ns,
	      past_add *add, void *sum, struct err *e);

/*
 * Hands over what the state shows as reserved, until now_ns; what has ended only until then.
 * Returns whether anything has ended.
 */
bool past_read_running(struct pool *p, const struct pool_state *state, int64_t now_ns,
		       past_add_running *add, void *sum);

#endif
