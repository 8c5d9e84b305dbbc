/*
 * Which of the GPUs that a request may have it gets. Private to plan.
 *
 * They come in the order of plan_compare_candidates: what the requester used last goes first.
 * Among those that are equally good in this respect, a request for several gets those that are
 * linked best: whose worst link is best, then whose links are best together; then those that are
 * linked least to other GPUs that are free, so that small requests fill the island that is fuller,
 * and whole ones stay free; then the least recently used.
 *
 * The search grows a set from each GPU in turn by what fits best: never more than some millions of
 * steps, for as many GPUs as a pool may have. Where no topology is recorded the order decides
 * alone.
 */
#ifndef PLAN_PICK_H
#define PLAN_PICK_H

#include "base/topology.h"
#include "plan/candidates.h"

/*
 * Adds to `chosen` (per candidate; may begin with some) GPUs that are `offered` (per candidate),
 * until there are `wanted`; `all` is sorted, best first. Returns how many there are then: fewer
 * where there are no more, or where a demand (plan_demands_place) leaves no more together. A demand
 * begins with none chosen, and gets as many as possible, of those as many `own` as possible.
 */
size_t plan_pick(const struct topology *t, const struct plan_request *request,
		 const struct candidate *all, size_t count, const bool *offered, bool *chosen,
		 size_t wanted);

#endif
