/* GPUs out of service: drained by an administrator (in the store), known to be gone, or kept out of
   the pool by the system's configuration file. Nobody is given one; what is reserved there goes on.
 */
#ifndef PLAN_WITHHELD_H
#define PLAN_WITHHELD_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/request.h"

bool plan_is_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu);

/* Why: "drained by root", "retired", "kept out by pool.exclude". NULL: it is in service. The caller
 * frees it.
 */
char *plan_why_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu);

/* Whether the pool has enough GPUs in service for a request, whoever holds them now. */
bool plan_is_in_service(const struct pool_state *state, const struct plan_policy *policy,
			const int *ids, size_t count);

/* How many of these GPUs are in service. */
size_t plan_count_in_service(const struct pool_state *state, const struct plan_policy *policy,
			     const int *ids, size_t count);

/* Refuses with the numbers where it has not: -ERANGE. */
int plan_check_service(const struct pool_state *state, const struct plan_policy *policy,
		       const struct plan_request *request, struct err *e);

#endif
