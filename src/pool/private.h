/* What the files of src/pool share among themselves. */
#ifndef POOL_PRIVATE_H
#define POOL_PRIVATE_H

#include "pool/observe.h"
#include "pool/pool.h"
#include "stats/past_runs.h"
#include "store/store.h"

struct pool {
	struct pool_config config;
	struct store *store;
	struct observer observer;
	struct past_runs past; /* as forecast.c has read it last */
	int64_t past_read_ns;  /* monotonic; 0: not yet */
};

/*
 * Decides on a state that was loaded for an update: fills the plan, or returns a negative errno to
 * refuse. Called again where the store changed before the plan was committed; argument is its own.
 */
typedef int pool_decide(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e);

/* Loads, decides, commits, and again where somebody else was faster. The facts lack what takes a
   look at the GPUs: use and last_use_ns. */
int pool_transact(struct pool *p, pool_decide *decide, void *argument, struct err *e);

/* A short pause of random length before the next attempt, so that those who met do not meet again.
 */
void pool_pause(int attempt);

/* Whether the caller may shorten what others have in the history: root, and the owner of the store.
 */
bool pool_is_administrator(struct pool *p);

/* Whether the actor may unmake the pool, and take GPUs out of it: administrators, and the owner of
   a pool of one's own. A store without owners is open to all where no administrators are named. */
bool pool_may_administer(struct pool *p, const struct plan_actor *actor);

/* Whether requests may be let through that delay nobody ahead (plan/backfill.c): the
   administrator's choice, not everybody's own. */
bool pool_backfills(struct pool *p);

/* Ends what is over and records it. */
int pool_cleanup(struct pool *p, struct err *e);

#endif
