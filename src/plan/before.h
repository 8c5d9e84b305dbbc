/* The state that something was decided on, in short: what is kept with an event. */
#ifndef PLAN_BEFORE_H
#define PLAN_BEFORE_H

#include "plan/facts.h"

/* The longest state text, in bytes. */
#define PLAN_STATE_TEXT_MAX 2000

/*
 * The state in short, for event.before: lines of a word, GPUs as ranges, and text:
 *
 *     asked 2 GPUs of type h100
 *     free 0-1,5
 *     held 2-3 run 1a2b3c4d alice
 *     held 4 manual 5e6f7a8b bob
 *     kept 6 9c0d1e2f carol             collected for the waiting request of that id
 *     drained 7 root
 *     used 8 uses 500 MB ...            in use without a reservation, missing or faulty
 *     unreadable 9
 *     unknown 0-1                       free, but nobody has looked at them
 *     waits 9c0d1e2f carol 4            a waiting request, in order of arrival, and how many it
 *                                       wants, or which ("=2-3"); and why others go first, if so
 *     more 12                           so many lines are left out
 *
 * `asked` may be NULL. The caller frees it.
 */
char *plan_state_text(const struct pool_state *state, const struct plan_facts *facts,
		      const char *asked);

#endif
