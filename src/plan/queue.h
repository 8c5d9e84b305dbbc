/*
 * The line: who waits, who is first for which GPU, and what a waiting request gets. Pure, like
 * plan.h, of which it is a part.
 *
 * First come, first served, for each GPU on its own: the first active entry that could use a GPU is
 * the only one that may have it. It collects its GPUs as they become free (reservations that carry
 * the entry's id in queue_id) until it has all that it asked for.
 */
#ifndef PLAN_QUEUE_H
#define PLAN_QUEUE_H

#include "plan/plan.h"

/* A waiting request shows life this often ... */
#define QUEUE_HEARTBEAT_NS (45 * NS_PER_SECOND)
/* ... and one that has this as the time when it gives up was cancelled: it is to leave by itself.
 */
#define QUEUE_CANCELLED_NS 1
/* So many requests of one account wait at most; administrators are not bound. */
#define QUEUE_ACCOUNT_MAX 256

enum waiter_state {
	WAITER_ACTIVE,
	/* Its process is stopped and has shown no life for QUEUE_HEARTBEAT_LIMIT_NS, or it is
	   about to leave, or not possible at present: it keeps its place, but nothing is kept for
	   it. */
	WAITER_ABSENT,
	WAITER_DEAD,
};

/* The state of the i-th queue entry. */
enum waiter_state plan_waiter_state(const struct pool_state *state, const struct plan_facts *facts,
				    size_t i);

/* Whether enough GPUs are there for it, whoever has them. Another program, a pool that has become
   smaller, or GPUs that go out of service can leave one that nothing satisfies (any more). Another
   program's, which names no process, has GPUs out of service, too: to that program they are like
   all others. */
bool plan_entry_is_possible(const struct pool_state *state, const struct plan_facts *facts,
			    const struct queue_entry *q);

/* When the entry last showed life; when it joined if it never did. (A time to come, from before the
   clock was set back, is no sign.) */
int64_t plan_entry_last_heartbeat_ns(const struct queue_entry *q, int64_t now_ns);

/* Whether it was cancelled from elsewhere. */
bool plan_is_cancelled(const struct queue_entry *q);

/* The place of the entry of that id in the state's queue; queue_count where there is none. */
size_t plan_queue_find(const struct pool_state *state, const char *id);

/* The place of the only entry whose id begins with the text; ids are long to type. -ENOENT. */
int plan_queue_match(const struct pool_state *state, const char *text, size_t *ret_place,
		     struct err *e);

/* Whether the entry could use that GPU at all. */
bool plan_entry_wants(const struct queue_entry *q, int gpu);

/* How many GPUs the entry asks for. */
size_t plan_entry_count(const struct queue_entry *q);

/*
 * The first active entry among the first `places` of the queue that could use the GPU: nobody
 * behind it gets it. NULL: nobody waits for it. With places = queue_count: who gets it next.
 */
const struct queue_entry *plan_first_for(const struct pool_state *state,
					 const struct plan_facts *facts, int gpu, size_t places);

/*
 * What keeps the GPUs that the entry at that place of the queue (queue_count: one that wants any)
 * could use and has not got: "GPU 0 (alice), GPU 3 (in use without reservation)". Other people's
 * text, not yet made printable. The caller frees it.
 */
char *plan_awaits(const struct pool_state *state, const struct plan_facts *facts, size_t place);

/* A request that may wait: who it is in the line. */
struct plan_wait {
	const char *entry_id; /* UUID of its queue entry, which may not be in the queue (yet) */
	const char *part_id;  /* a fresh UUID for what it may collect now */
	int64_t enqueued_ns;  /* when it joined; TIME_NONE: joins now */
	int64_t give_up_ns;   /* TIME_NONE: waits as long as it takes */
	bool heartbeat;       /* is due */
};

/*
 * Cleans up, then grants the request if all it asks for is there (p->granted; its entry is dropped
 * in the same commit), or makes it wait: it joins the line, collects what is free for it, or shows
 * life (p->granted is NULL, p->changes may be empty). -ERANGE when the pool can never satisfy it
 * (or, before it has joined, has too few GPUs in service), -EDQUOT when the host's rules forbid it
 * or QUEUE_ACCOUNT_MAX of the account wait already, -ECANCELED when its entry was cancelled.
 */
int plan_wait(const struct pool_state *state, const struct plan_facts *facts,
	      const struct plan_request *request, const struct plan_wait *wait, struct plan *p,
	      struct err *e);

/*
 * Whether a look at the GPUs could give the request something: GPUs that nobody holds, that nobody
 * before it could use, and that it lacks. Without any there is no need to ask the driver.
 */
bool plan_wait_has_prospects(const struct pool_state *state, const struct plan_facts *facts,
			     const struct plan_request *request, const struct plan_wait *wait);

/* Takes the request out of the line, and gives back what it has collected. */
void plan_leave(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		struct plan *p);

/* Whether the actor may cancel it: its own, and an administrator anybody's. */
bool plan_may_cancel(const struct plan_actor *actor, const struct queue_entry *q);

/*
 * Cancels the entry of that id (or of the only one that begins with it): what it has collected is
 * given back at once, and its process, which sees it, leaves. -ENOENT; -EPERM unless it is the
 * actor's or the actor is an administrator. Several can go into one plan; the same one twice is a
 * usage error. *ret_entry points into the state.
 */
int plan_cancel(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_actor *actor, const char *id, struct plan *p,
		const struct queue_entry **ret_entry, struct err *e);

#endif
