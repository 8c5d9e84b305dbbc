/*
 * A plan: the changes that a decision consists of. Every decision adds to one; src/pool commits it.
 *
 * Changes point into the state that they were decided on, and to copies that the plan owns: the
 * plan is to be cleared before the state.
 */
#ifndef PLAN_CHANGES_H
#define PLAN_CHANGES_H

#include "base/change.h"
#include "plan/facts.h"
#include "plan/request.h"

struct plan {
	struct change *changes;
	size_t changes_count;
	struct reservation *granted;   /* the new reservation; NULL: none */
	char *asked;                   /* what that was asked for, in words; NULL: not granted */
	struct reservation *collected; /* plan_wait: what the request collects now */
	int *affected_gpus; /* plan_release: those that it ends; plan_drain: those that it changes;
			       ids, ascending */
	size_t affected_gpus_count;
	const struct reservation **extended; /* plan_extend: as they are from now on */
	size_t extended_count;
	void **owned; /* freed with the plan */
	size_t owned_count;
};

void plan_clear(struct plan *p);

/* Adds a change of that kind, and returns it for the caller to fill (valid until the next one). */
struct change *plan_add(struct plan *p, enum change_kind kind);

/* Keeps an allocation until the plan is cleared; returns it. */
void *plan_own(struct plan *p, void *memory);

/* Lists a GPU in p->affected_gpus. */
void plan_note_affected(struct plan *p, int id);

/* ---- reservations ---- */

/* Adds the grant of `gpus` (owned by the plan from now on) as the reservation `id`, which the
   caller puts into p->granted or p->collected. */
struct reservation *plan_grant(struct plan *p, const struct plan_request *request, const char *id,
			       int *gpus, size_t count, const struct plan_facts *facts);

/* Ends a reservation on `gpus`, some or all of its own. Returns the change (valid until the next
   one). */
struct change_end *plan_end(struct plan *p, const struct reservation *r, const int *gpus,
			    size_t count, int64_t end_ns, enum end_reason reason,
			    const char *actor);

/* Releases those GPUs of r that are among ids (ascending), and lists them as affected; `actor`: who
   does that to a reservation of somebody else, or NULL. */
void plan_release_part(struct plan *p, const struct reservation *r, const int *ids,
		       size_t ids_count, int64_t now_ns, const char *actor);

/* Adds the change that stores a reservation again, quietly or not; the copy is the caller's to
   alter. */
struct reservation *plan_renew_copy(struct plan *p, const struct reservation *r, bool quiet);

/* Gives a run reservation a new heartbeat and, unless they are NULL, other processes as its command
   and its supervisor. */
void plan_renew(struct plan *p, const struct reservation *r, int64_t now_ns,
		const struct process_ref *command, const struct process_ref *supervisor);

/* Gives what is collected for a waiting request a new heartbeat or expiry. */
void plan_renew_part(struct plan *p, const struct reservation *r, int64_t duration_ns,
		     int64_t now_ns);

/* Whether the plan ends that reservation on that GPU, or on any of its GPUs. */
bool plan_ends(const struct plan *p, const struct reservation *r, int gpu);
bool plan_ends_any(const struct plan *p, const struct reservation *r);

/* ---- events, marks, activity ---- */

/* Adds an event for the caller to fill, with memory that the plan owns (plan_own). It is committed
   with the plan, and wakes nobody by itself. */
struct event *plan_add_event(struct plan *p, enum event_kind kind, int64_t now_ns);

/* The change that stores a mark, new (a zeroed one with that key, since now) or altered, as seen
   now; the copy is the caller's to alter, with memory that the plan owns. */
struct mark *plan_put_mark(struct plan *p, const struct pool_state *state,
			   const struct plan_facts *facts, const char *key);

/* Removes the mark of that key, if there is one. */
void plan_drop_mark(struct plan *p, const struct pool_state *state, const char *key);

/* The key of the mark that says how far the events have been told: what was there at seen_ns was.
 */
#define PLAN_TOLD "told"

/* The key of the mark of a manual reservation that ends soon, of which its holder was told: this
   before the reservation's id (plan/guard.h). */
#define PLAN_EXPIRING "expiring "

/* The key of the mark of a manual reservation of which its account wants to be told: this before
   the reservation's id. Its text is the channel, "" for the usual ones. */
#define PLAN_WISH "notify "

/* Stores that mark for what is granted, where the request says so, and forgets others as
   plan_forget_wishes does. */
void plan_put_wish(struct plan *p, const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_request *request);

/* An event is told for so long, at most. */
#define PLAN_TOLD_NS NS_PER_HOUR

/* Removes the marks with that beginning whose reservation was found to be gone (acted_ns) so long
   ago: until then its end may still have to be told. */
void plan_forget_wishes(struct plan *p, const struct pool_state *state,
			const struct plan_facts *facts);

/* Stores what the reservation of that slot has done there, quietly. */
void plan_put_activity(struct plan *p, const struct slot *slot, const struct activity *activity);

/* ---- queue entries ---- */

/* The change that stores an entry, quietly or not, added unless the plan has one already; the copy
   is the caller's to alter. */
struct queue_entry *plan_put_copy(struct plan *p, const struct queue_entry *q, bool quiet);

/* Marks an entry as cancelled: its process sees that, and leaves. */
void plan_cancel_entry(struct plan *p, const struct queue_entry *q);

void plan_drop(struct plan *p, const struct queue_entry *q);

/* Whether the plan takes an entry out of the queue. */
bool plan_drops(const struct plan *p, const struct queue_entry *q);

/* Whether the plan stores or drops the entry. */
bool plan_changes_entry(const struct plan *p, const struct queue_entry *q);

#endif
