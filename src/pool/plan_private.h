/* What the files of the plan share among themselves. */
#ifndef POOL_PLAN_PRIVATE_H
#define POOL_PLAN_PRIVATE_H

#include "pool/plan.h"

/* Adds a change of that kind and returns it (valid until the next one). */
struct change *plan_add(struct plan *p, enum change_kind kind);

/* True if the plan ends the reservation of that slot. */
bool plan_frees(const struct plan *p, const struct slot *slot);

/* -ERANGE where the pool has no GPU of that id. */
int plan_check_id(const struct pool_state *state, int id, struct err *e);

/* For qsort and bsearch over GPU ids. */
int plan_compare_ids(const void *a, const void *b);

#endif
