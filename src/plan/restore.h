/* A reservation that is not in the store any more, though its supervisor lives. */
#ifndef PLAN_RESTORE_H
#define PLAN_RESTORE_H

#include "plan/changes.h"

/* What the history tells of the end of a reservation. */
struct plan_past_end {
	bool decided;     /* somebody has released it */
	bool presumed;    /* it was taken for dead: stale, or its holder gone */
	int64_t until_ns; /* presumed: charged until then */
	bool shared;      /* in: as in the facts */
};

/* Adds what one usage record tells. */
void plan_note_past_end(struct plan_past_end *past, const struct reservation *mine,
			const struct usage_record *record);

/* Whether another program has stored another state over that of one of its GPUs since it began,
   without a record of its end: that program had read the state before. */
bool plan_was_overwritten(const struct pool_state *state, const struct reservation *mine,
			  const struct plan_past_end *past);

/*
 * Whether the reservation can be granted again: its GPUs are free, and nobody has decided that it
 * ends. Where the history has no end of it, it was lost with the data of the store: then nobody may
 * have released one of its GPUs since it began, but for another program, whose releases leave a
 * record of it. Where it was taken for dead, that was a mistake,
 * and it does not matter whether somebody has had them in between.
 */
bool plan_can_restore(const struct pool_state *state, const struct plan *p,
		      const struct reservation *mine, const struct plan_past_end *past);

/* Grants it again, as it was. What was charged already is not charged twice, nor is what others had
   in between: then it begins where that ended. */
void plan_restore(const struct pool_state *state, struct plan *p, const struct reservation *mine,
		  const struct plan_past_end *past, int64_t now_ns);

/* The first of its GPUs that somebody else has after the plan; NULL: nobody has any. */
const struct slot *plan_taken_slot(const struct pool_state *state, const struct plan *p,
				   const struct reservation *mine);

#endif
