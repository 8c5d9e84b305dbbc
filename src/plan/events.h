/*
 * Events: what the changes of a plan mean for people. Made in the one place where plans are
 * committed, from the state and the facts that the plan was decided on.
 */
#ifndef PLAN_EVENTS_H
#define PLAN_EVENTS_H

#include "plan/changes.h"
#include "plan/facts.h"

/*
 * Adds an event for each change of the plan that people may want to know of. Heartbeats, checks and
 * activity are none. What the plan itself has said already (plan_add_event: of the same kind, about
 * the same reservation or entry) is not said twice. `author`: the account that commits; NULL: it
 * only cleans up.
 */
void plan_add_events(const struct pool_state *state, const struct plan_facts *facts,
		     const char *author, struct plan *p);

/* The event of a request that was not met; nothing else is to be committed. `why`: the error that
   the caller was shown. */
void plan_add_refusal(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, enum event_kind kind, const char *why,
		      struct plan *p);

#endif
