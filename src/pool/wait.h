/*
 * Waiting in the queue for GPUs: for `run --wait` and `reserve --wait`; and, at the end, what other
 * commands do with waiting requests.
 *
 *     pool_wait_begin(pool, &request, limit_ns, &wait);
 *     while ((r = pool_wait_step(wait, &grant, e)) == 0) {
 *         ... show pool_wait_standing(wait) ...
 *         if (pool_wait_sleep(wait, signal_fd, INT64_MAX, &step) > 0)
 *             break;                                      // a signal
 *     }
 *     pool_wait_end(wait);                                // leaves the queue unless granted
 */
#ifndef POOL_WAIT_H
#define POOL_WAIT_H

#include "pool/pool.h"

struct pool_wait;

/* How a request stands at the moment. Texts and arrays are owned by the wait, until its next step.
 */
struct pool_standing {
	bool joined;          /* it is in the queue */
	const char *entry_id; /* of its queue entry: for `queue` and `cancel` */
	size_t place;         /* 1: the first */
	size_t waiting;       /* requests in the queue, this one included */
	size_t wanted;        /* GPUs */
	const int *collected; /* those that it holds already */
	size_t collected_count;
	const char *awaits; /* "alice 0-3, bob 4, in use without reservation 5"; "" nothing */
	/* When it is expected to start: clock_boot_ns, since the wall clock can be set until then;
	   TIME_NONE: unknown. */
	int64_t starts_boot_ns;
	const char *passed_over; /* why others are served before it; NULL: they are not */
	const char *trouble;     /* why the store does not answer at present; NULL: it does */
};

/*
 * Begins to wait for what the request asks. The caller keeps pool and request while it waits.
 * request->holder.command must be the calling process, for both types. limit_ns: 0 for no limit.
 */
void pool_wait_begin(struct pool *p, const struct plan_request *request, int64_t limit_ns,
		     struct pool_wait **ret_wait);

/* Names a descriptor (of a signalfd) that ends the scan of a step once it is readable: a driver may
   take long. The step then goes on as without a driver. */
void pool_wait_interrupt(struct pool_wait *w, int fd);

/*
 * After pool_reconfigure: the next step decides by it. The request is as at the beginning, but for
 * what the settings say of its actor and its duration; limit_ns counts from the beginning.
 */
void pool_wait_change(struct pool_wait *w, const struct plan_request *request, int64_t limit_ns);

/*
 * Takes the GPUs that can be had. 1: granted, the caller clears *ret_grant. 0: it has to wait; the
 * request is in the queue. -ETIME: the limit was reached. -ECANCELED: cancelled from elsewhere.
 * -ERANGE, -ENOENT, ...: it will never be granted. A store that does not answer once the request is
 * in the queue is no error, but the standing's trouble.
 */
int pool_wait_step(struct pool_wait *w, struct pool_grant *ret_grant, struct err *e);

const struct pool_standing *pool_wait_standing(const struct pool_wait *w);

/*
 * Sleeps until something has happened that may matter: a commit, the end of a holder or of a
 * process on a GPU, an expiry, the limit; or until `tick_ns` have passed (for a clock on the
 * terminal; INT64_MAX: none). 1: interrupt_fd is readable. 0: time for another step, or only the
 * tick: *ret_step tells.
 */
int pool_wait_sleep(struct pool_wait *w, int interrupt_fd, int64_t tick_ns, bool *ret_step);

/* Unless the request was granted, leaves the queue and gives back what was collected. Frees. NULL
   is harmless; returns NULL. */
struct pool_wait *pool_wait_end(struct pool_wait *w);
void pool_wait_endp(struct pool_wait **w); /* for AUTO(pool_wait_endp) */

/* A waiting request. */
struct pool_request {
	char id[ID_SIZE];
};

/* Those that the actor may cancel, or with NULL all of them, in queue order. The caller frees
 *ret_requests. -ENOENT where there is no pool. */
int pool_requests(struct pool *p, const struct plan_actor *actor,
		  struct pool_request **ret_requests, size_t *ret_count, struct err *e);

/* Cancels waiting requests, all or none: see plan_cancel. The caller frees *ret_cancelled, which
   has `count` elements. */
int pool_cancel(struct pool *p, const struct plan_actor *actor, char *const *ids, size_t count,
		struct pool_cancelled **ret_cancelled, struct err *e);

#endif
