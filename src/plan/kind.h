/* GPUs of one kind: requests for a model (--type), or for a size of memory (--min-memory). */
#ifndef PLAN_KIND_H
#define PLAN_KIND_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Whether each word of `type` is a word of a model's name, in any case: "h100" and "80gb h100" are
 * in "NVIDIA H100 80GB HBM3", "l4" is not in "NVIDIA L40S". Words are of letters, digits, '.' and
 * '+', as in "1g.10gb". NULL type: every name has it.
 */
bool plan_name_has_type(const char *name, const char *type);

/* Whether the request is for GPUs of some kind, and not all are of it: one for several is for whole
   GPUs, unless its type is one of MIG instances. */
bool plan_asks_for_kind(const struct pool_state *state, const struct plan_request *request);

/* Whether the GPU of that slot is of the kind, by what a scan shows; *ret_known: it shows enough.
 */
bool plan_is_of_kind(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, int gpu, bool *ret_known);

/*
 * The ids of the GPUs of that kind, ascending: by the scan, and of what that does not show as
 * `entry` says, the request's own in the queue (NULL: it has none, and they may be of it). NULL:
 * the request is for any GPU or for certain ones, or nobody knows yet. The caller frees them.
 */
int *plan_find_eligible(const struct pool_state *state, const struct plan_facts *facts,
			const struct plan_request *request, const struct queue_entry *entry,
			size_t *ret_count);

/* "of type 'h100' with at least 40000 MB", or "". The caller frees it. */
char *plan_kind_text(const char *type, int64_t min_memory_mb);

/* Refuses, -ERANGE, where the pool has not as many GPUs of the kind in service as the request is
   for, whoever holds them now; or where those that it names are of another kind. One that `waits`
   finds out later what the driver does not tell now. */
int plan_check_kind(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_request *request, bool waits, struct err *e);

#endif
