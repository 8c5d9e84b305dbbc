/* Which GPU of a scan a slot of the pool means. */
#ifndef PLAN_MATCH_H
#define PLAN_MATCH_H

#include "base/err.h"
#include "base/nouns.h"
#include "base/parse.h"

/* What a number without a recorded UUID means: nothing unless it is certain to mean what it did
   before, or, because an administrator says so, what the driver calls by it now. */
enum match_numbers { MATCH_CERTAIN, MATCH_AS_LISTED };

/*
 * Finds the GPU of each slot, slots_count entries: by the UUID that is recorded, since the driver's
 * numbers move when a card fails; a slot without one by its number. No two slots mean the same GPU,
 * whatever the driver says: a UUID that two GPUs have names none, and what a UUID has found is not
 * found again by number. NULL where there is none, with the reason in ret_problems (all NULL
 * before; the caller frees them).
 *
 * A card that vanishes moves the numbers of those behind it. So a number is certain only while the
 * driver lists as many cards as the pool has, with all that are recorded in their places.
 */
void plan_match_gpus(const struct pool_state *state, const struct scan *scan,
		     enum match_numbers numbers, struct gpu **ret_gpus, char **ret_problems);

/* The numbers of the MIG instances that the GPU of that UUID is divided into, as far as the pool
   has any: "GPU 3", "GPUs 3, 4". The caller frees it; NULL: none. */
char *plan_instances_text(const struct pool_state *state, const char *uuid);

/* What to record of a GPU, so that it is found again: its UUID, or NULL where it has none, or not
   one of its own. */
const char *plan_own_uuid(const struct scan *scan, const struct gpu *gpu);

/*
 * The ids of the GPUs that a user names: by number, by UUID, or by how only one UUID begins. The
 * UUIDs are the recorded ones, and those of `gpus`, one per slot, as plan_match_gpus found them
 * (NULL: there is no scan). -ENOENT, or a usage error. Ascending; the caller frees *ret_ids.
 */
int plan_find_gpus(const struct pool_state *state, struct gpu *const *gpus,
		   const struct gpu_list *list, int **ret_ids, size_t *ret_count, struct err *e);

#endif
