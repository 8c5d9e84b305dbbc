/* How src/pool changes the pool: load, decide, commit, and the same again where somebody else was
   faster. Private to src/pool. */
#ifndef POOL_TRANSACT_H
#define POOL_TRANSACT_H

#include "pool/observe.h"
#include "pool/pool.h"
#include "pool/scan_cache.h"
#include "store/store.h"

/* What one attempt has loaded and decided. */
struct attempt {
	struct pool_state state;
	struct liveness liveness;
	int64_t *last_use_ns;    /* per slot; NULL: nobody has asked */
	struct plan_facts facts; /* borrows from the rest */
	struct plan plan;
};

void attempt_clear(struct attempt *a);

/* Gathers the facts about the state that was loaded. Those of a scan (use, last_use_ns) stay NULL.
 */
void attempt_observe(struct pool *p, struct attempt *a);

/* The same for liveness that is there already, or that does not matter. The times of the state are
   moved to the clock of the facts: what it was set by since the load has not passed. */
void attempt_take_facts(struct pool *p, struct attempt *a);

/* store_load, with the times as this host's clock shows them now: see plan_rebase_state. */
int pool_load(struct pool *p, enum store_intent intent, struct pool_state *ret_state,
	      struct err *e);

struct transaction;

/*
 * Fills the plan for a state that was loaded for an update, or returns a negative errno to refuse.
 * Called again after a conflict, with an empty plan.
 */
typedef int pool_decide(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e);

/* Runs before each attempt, while nothing is locked, and may set t->cache. 0: go on; 1: there is
   nothing to commit; or a negative errno. */
typedef int pool_prepare(struct pool *p, struct transaction *t, struct err *e);

/* Called after a refusal with -EBUSY. May wait for what was in the way, and answers whether to try
   again. */
typedef bool pool_refused(struct pool *p, struct transaction *t, const struct attempt *a);

/* Who may do it, as to the host that is recorded as the pool's. */
enum transaction_host {
	HOST_MUST_MATCH, /* this host alone, which is recorded if it was not */
	HOST_ANY,        /* it concerns what this process has in the pool, or fills a new one */
	HOST_TAKES_OVER, /* the pool becomes this host's */
};

struct transaction {
	pool_decide *decide;
	void *argument;
	enum transaction_host host;

	/*
	 * For decisions that need to know what runs on the GPUs, else NULL: facts->use is of this
	 * scan. Without `prepare` it is taken before the first attempt, and again when it is too
	 * old. A scan that does not fit the loaded state is dropped: that attempt is a conflict.
	 */
	struct scan_cache *cache;
	/* With a cache: whose last use of each GPU facts->last_use_ns tells; NULL: nobody's. */
	const struct plan_actor *requester;
	const struct plan_actor *author; /* who does it, for the events; NULL: the requester, or
					    nobody in particular */
	bool without_events;   /* nothing happens: what has happened elsewhere is copied */
	pool_prepare *prepare; /* NULL: nothing to prepare */
	bool dry_run;          /* decides, and commits nothing */
	/* It needs to know of nobody whether he lives. `prepare` may change it. */
	bool without_liveness;

	/* Where set, a plan that is refused with -EBUSY holds the cleanup alone: that much is
	   recorded, if the store takes it. */
	pool_refused *refused;
};

/*
 * Runs the transaction. 0: committed, or there was nothing to change; 1: `prepare` said so; or a
 * negative errno: -EAGAIN after too many conflicts. An error that names its outcome as unknown may
 * have been applied (see store_commit). *attempt, zeroed by the caller, who also clears it, holds
 * what the last attempt has loaded and decided; NULL: the caller does not need it.
 */
int pool_transact(struct pool *p, struct transaction *t, struct attempt *attempt, struct err *e);

/* Commits what the attempt has decided, with the events that this makes. Every change of a pool
   goes through here. See store_commit. */
int pool_commit(struct pool *p, const struct transaction *t, struct attempt *a, struct err *e);

#endif
