/* A reservation that was lost with the data of the store. */
#ifndef PLAN_RESTORE_H
#define PLAN_RESTORE_H

#include "plan/changes.h"

/*
 * Whether a reservation that is not in the state any more can be granted there again: its GPUs are
 * free, and nobody has released one of them since it began. Then plan_restore does it. (The history
 * has to be asked, too: pool/restore.c.)
 */
bool plan_can_restore(const struct pool_state *state, const struct plan *p,
		      const struct reservation *mine);
void plan_restore(struct plan *p, const struct reservation *mine, int64_t now_ns);

#endif
