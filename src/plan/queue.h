/*
 * The queue: the state of waiting requests, and which of them is first for which GPU.
 *
 * First come, first served, for each GPU on its own: the first active entry that could use a GPU is
 * the only one that may have it. It collects its GPUs as they become free (reservations that carry
 * the entry's id in queue_id) until it has all that it asked for.
 */
#ifndef PLAN_QUEUE_H
#define PLAN_QUEUE_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"

/* A waiting request renews its heartbeat this often. */
#define QUEUE_HEARTBEAT_NS (45 * NS_PER_SECOND)

/*
 * An entry that does not react to an offer (offer.h) in this time is passed over. Where nothing can
 * be known of its process, it has the longer time.
 */
#define OFFER_LIMIT_NS (4 * NS_PER_SECOND)
#define OFFER_LIMIT_UNSEEN_NS (120 * NS_PER_SECOND)

enum waiter_state {
	WAITER_ACTIVE,
	/* It keeps its place, but nothing is kept for it: its process is stopped, or has not
	   reacted to an offer, or says that it can take nothing; its account is at its limit of
	   GPUs; or it is about to leave, or is not possible at present. */
	WAITER_ABSENT,
	WAITER_DEAD,
};

/* The state of the i-th queue entry. */
enum waiter_state plan_waiter_state(const struct pool_state *state, const struct plan_facts *facts,
				    size_t i);

/* Whether the process of the i-th entry is out of sight and silent, and nothing but a second look
   is missing to its being dead (doubt.h). */
bool plan_waiter_is_suspect(const struct pool_state *state, const struct plan_facts *facts,
			    size_t i);

/* When the request of the entry arrived, as the clock that is set now would have shown it. */
int64_t plan_waits_since_ns(const struct queue_entry *q);

/* Whether GPUs are offered to it; and whether the time of that is one of the clock of these facts.
   That of another host, or of a time namespace, cannot be compared. */
bool plan_is_offered(const struct queue_entry *q, const struct plan_facts *facts);
bool plan_offer_is_ours(const struct queue_entry *q, const struct plan_facts *facts);

/* When the i-th entry is passed over unless it reacts, monotonic; INT64_MAX: nothing is offered, or
   by another clock: whoever has that passes it over, and the others do when it is silent. */
int64_t plan_offer_end_ns(const struct pool_state *state, const struct plan_facts *facts, size_t i);

/* Whether the entry says that it cannot take that GPU at present. */
bool plan_is_aside(const struct queue_entry *q, int gpu);

/*
 * How many GPUs an account holds, without what has ended or ends by p (NULL: nothing does), and how
 * many of them a supervisor is about to release (ret_ending may be NULL). What is collected counts
 * with the request that it is for.
 */
size_t plan_count_held(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan *p, struct quantity uid, const char *account,
		       size_t *ret_ending);

/* How many GPUs the requests of an account that are among the first `places` have collected. */
size_t plan_count_collected(const struct pool_state *state, const struct plan_facts *facts,
			    size_t places, struct quantity uid, const char *account);

/*
 * Whether the account of the i-th entry could hold its GPUs as well, and what its requests before
 * that one have collected: else each of many requests could keep GPUs from others. starting:
 * entries before it (per place) that are taken to hold all of theirs by then; NULL: none.
 */
bool plan_limit_allows(const struct pool_state *state, const struct plan_facts *facts, size_t i,
		       const bool *starting);

/* Whether nothing but its account's limit keeps the i-th entry from being active. */
bool plan_waits_for_limit(const struct pool_state *state, const struct plan_facts *facts, size_t i);

/* Whether r counts towards the limit that keeps the i-th entry waiting. */
bool plan_limit_rests_on(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			 const struct reservation *r);

/* Whether the entry is of that account. */
bool plan_entry_is_of(const struct queue_entry *q, struct quantity uid, const char *account);

/* Why others are served before the i-th entry, "its process is stopped"; NULL where they are not.
   Other people's text, not yet made printable. The caller frees it. */
char *plan_why_passed_over(const struct pool_state *state, const struct plan_facts *facts,
			   size_t i);

/* Whether the pool has enough GPUs in service for it, whoever holds them. An entry that names no
   process is of another program, which uses GPUs out of service like all others. */
bool plan_entry_is_possible(const struct pool_state *state, const struct plan_facts *facts,
			    const struct queue_entry *q);

/* The last heartbeat of an entry; when it joined if there was none. (A time to come, from before
   the clock was set back, is no heartbeat.) */
int64_t plan_entry_last_heartbeat_ns(const struct queue_entry *q, int64_t now_ns);

/* The place of the entry of that id in the state's queue; queue_count where there is none. */
size_t plan_queue_find(const struct pool_state *state, const char *id);

/* The place of the only entry whose id begins with the text; ids are long to type. -ENOENT. */
int plan_queue_match(const struct pool_state *state, const char *text, size_t *ret_place,
		     struct err *e);

/*
 * Whether the entry at that place is to let requests of other programs pass: it takes nothing at
 * present, and they take nothing before they are first in the line, whatever the one before them is
 * waiting for. It keeps its place for us: only those programs see it behind them.
 */
bool plan_should_let_pass(const struct pool_state *state, const struct plan_facts *facts,
			  size_t place);

/* Whether the entry could use that GPU at all. */
bool plan_entry_wants(const struct queue_entry *q, int gpu);

/* Whether it could have it next: it wants it, is active, and is not passed over for it; one of
   another program only if it is first in the line. */
bool plan_entry_is_candidate(const struct pool_state *state, const struct plan_facts *facts,
			     size_t i, int gpu);

/* How many GPUs the entry asks for. */
size_t plan_entry_count(const struct queue_entry *q);

/*
 * The first among the first `places` entries of the queue that could have the GPU: no entry behind
 * it gets it. NULL: nobody waits for it. With places = queue_count: who gets it next.
 */
const struct queue_entry *plan_first_for(const struct pool_state *state,
					 const struct plan_facts *facts, int gpu, size_t places);

/*
 * What keeps the GPUs that the entry at that place of the queue (queue_count: one that wants any)
 * could use and has not got: "alice 0-3, bob 4, in use without reservation 5". Other people's
 * text, not yet made printable. The caller frees it.
 */
char *plan_awaits(const struct pool_state *state, const struct plan_facts *facts, size_t place);

/* Whether r is what a request in the state's queue has collected so far. */
bool plan_is_collected(const struct pool_state *state, const struct reservation *r);

#endif
