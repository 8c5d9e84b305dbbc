/* What the files of the plan share among themselves. */
#ifndef PLAN_PRIVATE_H
#define PLAN_PRIVATE_H

#include "plan/limits.h"
#include "plan/plan.h"
#include "plan/queue.h"

/* Adds a change of that kind and returns it (valid until the next one). */
struct change *plan_add(struct plan *p, enum change_kind kind);

/* Keeps an allocation until the plan is cleared; returns it. */
void *plan_own(struct plan *p, void *memory);

/* Adds the change that stores a reservation anew, as a sign of life that wakes nobody; the copy is
   the caller's to alter. */
struct reservation *plan_renew_copy(struct plan *p, const struct reservation *r);

/* Gives what is collected for a waiting request a new heartbeat and expiry. */
void plan_renew_part(struct plan *p, const struct reservation *r, int64_t duration_ns,
		     int64_t now_ns);

/* True if the plan ends that reservation on that GPU. */
bool plan_ends(const struct plan *p, const struct reservation *r, int gpu);

/* Lists a GPU in p->affected_gpus. */
void plan_note_affected(struct plan *p, int id);

/* Ends those GPUs of r that are among ids; `actor`: who does that to somebody else's, or NULL. */
void plan_release_part(struct plan *p, const struct reservation *r, const int *ids,
		       size_t ids_count, int64_t now_ns, const char *actor);

/* Each id must be a GPU that is reserved after the cleanup, by the actor (administrators: by
   anybody), and
   not collected for a request that waits. */
int plan_check_held(const struct pool_state *state, const struct plan *p,
		    const struct plan_actor *actor, const int *ids, size_t ids_count,
		    struct err *e);

/* -ERANGE where the pool has no GPU of that id. */
int plan_check_id(const struct pool_state *state, int id, struct err *e);

/* For qsort and bsearch over GPU ids. */
int plan_compare_ids(const void *a, const void *b);

/* ---- queue.c ---- */

/* plan_cleanup without the entry `self` (NULL: none), whose process is the one that decides. */
void plan_cleanup_except(const struct pool_state *state, const struct plan_facts *facts,
			 const char *self, struct plan *p);

/* The part of it that is about the queue: drops the dead, and gives back what was collected for
   them, for the absent, and for those who have to give way. */
void plan_cleanup_queue(const struct pool_state *state, const struct plan_facts *facts,
			const char *self, struct plan *p);

/* Ends, without a record, what was collected for an entry. */
void plan_give_back(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		    struct plan *p);

/* Takes of what is collected for an entry the GPUs that `which` (per slot) names, and tells it. */
void plan_take_away(const struct pool_state *state, const struct queue_entry *q, const bool *which,
		    int64_t now_ns, struct plan *p);

/* Whether the plan stores or drops the entry. */
bool plan_changes_entry(const struct plan *p, const struct queue_entry *q);

/* Adds the change that stores an entry anew; the copy is the caller's to alter. */
struct queue_entry *plan_put_copy(struct plan *p, const struct queue_entry *q);

/* Tells the process of an entry to leave. */
void plan_mark_cancelled(const struct queue_entry *q, struct plan *p);

/* Whether the entry is the actor's. */
bool plan_owns_entry(const struct plan_actor *actor, const struct queue_entry *q);

/* ---- reserve.c ---- */

/* How the decision sees one slot, after the cleanup. */
struct candidate {
	int id;
	bool own;           /* collected for the request itself */
	bool withheld;      /* out of service: nobody is given it */
	bool reserved;      /* by somebody else */
	bool awaited;       /* somebody who came before could use it */
	bool idle, unknown; /* neither reserved nor withheld: idle, busy, or unknown */
	bool unreadable;    /* its state is, so that it may be reserved: not even by force */
	bool backfill;      /* somebody waits for it, but cannot use it before it is back */
	const struct reservation *lent; /* that was collected for whom; NULL: it is free */
	int64_t mine_ns;                /* when the requester last used it */
	int64_t released_ns;            /* when anybody last did */
};

/*
 * All slots as the plan leaves them, for a request behind the first `places` of the queue; `self`:
 * the entry of the request, or NULL. The caller frees the array, which is in the order of ids.
 */
struct candidate *plan_candidates(const struct pool_state *state, const struct plan_facts *facts,
				  const struct plan *p, size_t places, const char *self);

/* For qsort: best first. */
int plan_compare_candidates(const void *left, const void *right);

/* Whether the request may have it now. */
bool plan_is_available(const struct candidate *c, const struct plan_request *request);

/* Refuses what this pool can never satisfy. */
int plan_check_request(const struct pool_state *state, const struct plan_request *request,
		       struct err *e);

/* Refuses for a GPU that was asked for by id; `force`: whatever runs there. */
int plan_refuse_id(const struct pool_state *state, const struct plan_facts *facts,
		   const struct candidate *c, bool force, struct err *e);

/* How many GPUs the request asks for. */
size_t plan_request_count(const struct plan_request *request);

/* Adds the grant of `gpus` (owned by the plan from now on) as the reservation `id`. */
struct reservation *plan_grant(struct plan *p, const struct plan_request *request, const char *id,
			       int *gpus, size_t count, int64_t now_ns);

/* ---- schedule.c ---- */

/*
 * Before when each of the first `places` entries surely does not start (INT64_MAX: not active):
 * like plan_schedule, but whoever has announced no end, or is ended by the plan, is gone now, and
 * an entry ahead leaves all GPUs to the next one as soon as it could start.
 */
void plan_earliest_starts(const struct pool_state *state, const struct plan_facts *facts,
			  const struct plan *p, size_t places, int64_t *ret_starts_ns);

/* ---- backfill.c ---- */

/* When the request's reservation would be over, if that is known and backfill is on. */
bool plan_backfill_end(const struct plan_request *request, int64_t now_ns, int64_t *ret_end_ns);

/* Marks those candidates (in the order of ids) that the request may have for it ends in time. */
void plan_backfill(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_request *request, const struct plan *p, size_t places,
		   struct candidate *all);

/* Takes what of the GPUs (ascending) is collected for others away from them. */
void plan_backfill_take(const struct pool_state *state, const int *gpus, size_t count,
			int64_t now_ns, struct plan *p);

#endif
