/*
 * When waiting requests will start, as far as can be foreseen, and who gets a GPU that becomes
 * free. For `queue`, `release`, the progress of a waiting request, the web page, and backfill.
 */
#ifndef PLAN_SCHEDULE_H
#define PLAN_SCHEDULE_H

#include "plan/changes.h"
#include "plan/facts.h"

/* What is expected. Arrays are as long as the state's. */
struct plan_outlook {
	const int64_t *ends_ns;    /* per reservation: when it ends; TIME_NONE: nobody knows */
	const int64_t *lengths_ns; /* per queue entry: how long it will hold its GPUs; 0: unknown */
};

/*
 * The expected start of the first `places` queue entries, by the rules of queue.h: each in its
 * turn gets the GPUs it asked for, or those that are free soonest, and none before everybody ahead
 * who could use that GPU has started or given up. One at its account's limit gets them when enough
 * of what the account holds has ended, and takes nothing from the others meanwhile. TIME_NONE where
 * it depends on something unknown, and for other entries that are not active. Free GPUs that
 * facts->use shows busy or unknown count as busy without a known end (without facts->use: as idle).
 */
void plan_schedule(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_outlook *outlook, size_t places, int64_t *ret_starts_ns);

/*
 * The time before which each of the first `places` entries surely does not start (INT64_MAX: not
 * active): like plan_schedule, but whoever has announced no end, or is ended by the plan, is gone
 * now, and an entry ahead leaves all GPUs to the next one as soon as it could start.
 */
void plan_earliest_starts(const struct pool_state *state, const struct plan_facts *facts,
			  const struct plan *p, size_t places, int64_t *ret_starts_ns);

/* Who gets GPUs that become free: `count` of `gpus`. */
struct plan_next_in_line {
	const struct queue_entry *entry;
	size_t count;
	int *gpus; /* ascending; which of them is open where there are more than count */
	size_t gpus_count;
};

/* Who gets these GPUs (ascending), which are being released, in the order of the queue. Returns how
   many successors there are; the caller frees *ret_successors by plan_next_in_line_free. */
size_t plan_next_in_line(const struct pool_state *state, const struct plan_facts *facts,
			 const int *gpus, size_t gpus_count,
			 struct plan_next_in_line **ret_successors);
void plan_next_in_line_free(struct plan_next_in_line *successors, size_t count);

#endif
