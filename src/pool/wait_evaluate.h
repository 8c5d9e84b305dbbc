/*
 * What a waiting request does next. Pure: no I/O, no clock. Private to src/pool: wait_step.c does
 * what the evaluation says, tests/unit/test_wait_evaluate.c has a table of cases.
 */
#ifndef POOL_WAIT_EVALUATE_H
#define POOL_WAIT_EVALUATE_H

#include "plan/plan.h"

/* A request with so many rivals before it has nothing to expect yet: it only keeps its place. */
#define WAIT_FAR_RANK 8

/* The time until the next step, if nothing else happens; and where changes of the pool may go
   unnoticed: for the first in the queue, and as much more for each further one. */
#define WAIT_BACKSTOP_NS QUEUE_HEARTBEAT_NS
#define WAIT_BACKSTOP_SILENT_NS NS_PER_SECOND

/*
 * GPUs that nobody holds belong to the first request, which takes them at once. One behind it looks
 * after so long whether it has, times its rank, and then less and less often: to offer those that
 * are idle (plan/offer.h).
 */
#define WAIT_WATCH_FIRST_NS (250 * NS_PER_MS)
#define WAIT_WATCH_LAST_NS (20 * NS_PER_SECOND)

enum wait_action {
	WAIT_SLEEP,   /* nothing can be had at present */
	WAIT_SCAN,    /* GPUs might be had: scan them, and evaluate again */
	WAIT_COLLECT, /* join the queue, take some GPUs, or renew the entry: decide and commit */
	WAIT_GRANT,   /* all GPUs that it asks for are there: decide and commit */
	WAIT_GRANTED, /* that has been committed already, though its answer was lost */
};

/* The last scan of the GPUs. */
struct wait_scan {
	const enum gpu_use *use; /* per slot; NULL: there is none that fits the state */
	struct gpu *const *gpus; /* per slot, likewise */
	bool is_new;             /* taken for this evaluation: counts, however long it took */
	int64_t taken_ns;        /* monotonic */
	int64_t pause_ns;        /* until the next one, if nothing else happens */
	uint64_t prospects;      /* wait_prospects when it was taken */
};

/* Watching those before it. */
struct wait_watch {
	int64_t due_ns;     /* monotonic: the next scan for that; INT64_MAX: nothing to watch */
	int64_t pause_ns;   /* until the one after that */
	uint64_t prospects; /* when it was set */
	bool follows;       /* it has offered GPUs: if they are declined, it goes on at once */
};

/* All that an evaluation rests on. */
struct wait_situation {
	const struct pool_state *state;
	const struct plan_facts *facts; /* without what a scan shows */
	const struct plan_request *request;
	const struct plan_wait *wait;
	struct wait_scan scan;
	struct wait_watch watch;
	bool far;         /* too far behind, with nothing due: not worth a decision */
	bool is_watching; /* commits wake the request, though not those of other programs */
	int64_t now_ns;   /* monotonic, as the next two */
	int64_t next_heartbeat_ns;
	int64_t deadline_ns; /* INT64_MAX: none */
};

struct wait_evaluation {
	enum wait_action action;
	bool uses_scan;     /* WAIT_COLLECT, WAIT_GRANT: decide with the scan */
	uint64_t prospects; /* of the state */
	size_t rank;        /* rivals before it: see struct wait_rivals */
	struct wait_watch watch;
	/* WAIT_SLEEP: the next step at the latest, at the earlier of two times. */
	int64_t until_ns;      /* monotonic */
	int64_t wall_until_ns; /* wall clock: an expiry, a missed heartbeat; INT64_MAX: none */
};

/* Evaluates the situation. Refused like plan_wait: -ECANCELED, -ERANGE, -EDQUOT ... */
int wait_evaluate(const struct wait_situation *s, struct wait_evaluation *ret_evaluation,
		  struct err *e);

/* A hash of the GPUs that a scan could win: where it changes, an old scan counts no more. */
uint64_t wait_prospects(const struct pool_state *state, const struct plan_policy *policy);

/*
 * How many active requests compete with another one for the GPU where they are fewest, of those
 * that it wants: others can wait in any number for GPUs that it does not need.
 */
struct wait_rivals {
	size_t fewest;
	size_t all;   /* that compete for every GPU */
	size_t *some; /* per slot: further ones */
};

void wait_rivals_init(struct wait_rivals *r, const struct pool_state *state);
void wait_rivals_clear(struct wait_rivals *r);

/* Counts the i-th request, which is before the one at that place. One that waits for the same
   account to be under its limit competes for every GPU. */
void wait_rivals_add(struct wait_rivals *r, const struct pool_state *state,
		     const struct plan_facts *facts, size_t i, size_t place);

/* Whether the request at that place (queue_count: a new one) is the next to get that GPU, once it
   is free; or has its account under its limit again then. */
bool wait_is_next_for(const struct pool_state *state, const struct plan_facts *facts, size_t place,
		      int gpu);

/* What can be seen of the holder of a reservation of the state. */
enum holder_life wait_holder_life(const struct pool_state *state, const struct plan_facts *facts,
				  const struct reservation *r);

#endif
