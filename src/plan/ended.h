/* Which reservations have ended without anybody's command: the cleanup records that, and nothing
   counts them any more before it has. */
#ifndef PLAN_ENDED_H
#define PLAN_ENDED_H

#include "plan/facts.h"

/* Whether a reservation has ended, why, and since when. `life` counts for run only. */
bool plan_has_ended(const struct reservation *r, enum holder_life life,
		    const struct plan_facts *facts, enum end_reason *ret_reason,
		    int64_t *ret_end_ns);

/* Whether nothing but a second look is missing to the end of a run reservation; *ret_doubted: the
   first one is recorded already. */
bool plan_is_suspect(const struct reservation *r, enum holder_life life,
		     const struct plan_facts *facts, bool *ret_doubted);

/*
 * How long a run may be silent; INT64_MAX: as long as it likes. Where the command has ended, its
 * supervisor releases it, or names what goes on, within seconds: one that has not by the time of
 * the next heartbeat is frozen, or cut off from the store.
 */
int64_t plan_silence_limit_ns(enum holder_life life);

/* The last heartbeat of a run reservation; its start if there was none. (A start to come, from
   before the clock was set back, is no heartbeat.) */
int64_t plan_last_heartbeat_ns(const struct reservation *r, int64_t now_ns);

#endif
