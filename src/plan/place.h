/*
 * Where the GPUs of a request are to be: among those that the GPUs' own links connect (--linked),
 * or of one NUMA node (--same-numa). As a demand, the request gets no others; as a wish, it comes
 * before what the requester used last.
 *
 * A group is what a demand leaves together: GPUs, each of which is linked to another one of them,
 * or which are of one node. What a request for several gets is always one connected part of it.
 */
#ifndef PLAN_PLACE_H
#define PLAN_PLACE_H

#include "base/err.h"
#include "base/topology.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* How the GPUs of the pool are linked, by slot, as recorded. Nothing recorded: a topology of no
   GPUs. The caller clears it. */
void plan_topology(const struct pool_state *state, struct topology *ret);

/* Records what a scan shows, if it shows anything. Borrows the text. */
void plan_record_topology(const char *text, struct plan *p);

/* Whether the request is for several GPUs that must be together. */
bool plan_demands_place(const struct plan_request *request);

/* Whether the demand lets these two be together. */
bool plan_may_join(const struct topology *t, const struct plan_request *request, size_t a,
		   size_t b);

/* For each slot, the number of its group in ret_groups, counted from 1; 0: it is not among `these`
   (NULL: all are). */
void plan_find_groups(const struct topology *t, const struct plan_request *request,
		      const bool *these, int *ret_groups);

/* For each slot, the number of its island in ret_islands, counted from 0 in the order of the slots:
   GPUs that their own links connect. -1: it has no such link. Returns how many there are. */
size_t plan_find_islands(const struct topology *t, int *ret_islands);

/*
 * The ids of `base` (all slots where it is NULL), ascending, that are in service and in a group of
 * enough GPUs for the request. The caller frees them.
 */
int *plan_place_eligible(const struct topology *t, const struct pool_state *state,
			 const struct plan_facts *facts, const struct plan_request *request,
			 const int *base, size_t base_count, size_t *ret_count);

/* Keeps of the ids those that are together with `gpu`, which is one of them. */
void plan_keep_group(const struct topology *t, const struct plan_request *request, int gpu,
		     int *ids, size_t *count);

/* Refuses, -ERANGE, a demand that the pool cannot meet, whoever holds its GPUs now, or of which it
   knows nothing. */
int plan_check_place(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, struct err *e);

/* "linked ", "linked same-node ", or "", for messages. Static. */
const char *plan_place_text(const struct plan_request *request);

#endif
