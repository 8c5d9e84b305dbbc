/* Longer manual reservations. */
#ifndef PLAN_EXTEND_H
#define PLAN_EXTEND_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* What `extend` asks for. */
struct plan_extension {
	struct plan_actor actor;
	const int *ids; /* ascending; NULL: all manual reservations of the actor */
	size_t ids_count;
	int64_t duration_ns; /* added to each expiry */
	bool force;          /* administrators only: also what others wait for */
};

/*
 * Cleans up, then lengthens manual reservations: all of them or none. -EBUSY where somebody waits
 * for one of their GPUs; -EINVAL for a run, which has no expiry, and for a reservation of which not
 * all GPUs are named: it has one expiry. -EPERM, -ENOENT as in plan_release; -ENOENT, too, where
 * there is nothing to lengthen. -ERANGE beyond the longest duration that a new one may have.
 */
int plan_extend(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_extension *extension, struct plan *p, struct err *e);

#endif
