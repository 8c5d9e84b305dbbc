/* Who had which GPU when: see stats/timeline.h. For the web page and its metrics. */
#ifndef POOL_TIMELINE_H
#define POOL_TIMELINE_H

#include "pool/pool.h"
#include "stats/timeline.h"

/* Reads the pool. Needs no driver. The caller clears *ret_timeline. */
int pool_timeline(struct pool *p, int64_t from_ns, int64_t to_ns, struct timeline *ret_timeline,
		  struct err *e);

/* The same with a state that has just been read, like a snapshot's. */
int pool_timeline_of(struct pool *p, const struct pool_state *state, int64_t from_ns, int64_t to_ns,
		     struct timeline *ret_timeline, struct err *e);

#endif
