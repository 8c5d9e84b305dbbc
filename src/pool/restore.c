/* Restoring a reservation that was lost with the store's data: pool_restore of pool.h. */
#include <string.h>

#include "pool/private.h"

/* 1: the history has an end of this reservation; 0: it has none. Every command that ends one, also
   `admin --force`, records that in the same commit. */
static int was_ended(struct pool *p, const struct reservation *mine, struct err *e)
{
	const struct usage_record *u;
	bool found = false;
	int r = store_history_begin(p->store, mine->start_ns - 1, INT64_MAX, e);

	if (r < 0)
		return r;
	while (!found && (r = store_history_next(p->store, &u, e)) > 0)
		found = !strcmp(u->reservation_id, mine->id);
	store_history_end(p->store);
	return r < 0 ? r : found;
}

struct restoring {
	const struct reservation *mine;
	bool done; /* the result */
};

static int decide_restore(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	struct restoring *restoring = argument;
	int r = plan_require(state, e);

	restoring->done = false;
	if (r < 0)
		return r;
	/* Restored already, by an attempt whose answer was lost. */
	if (pool_state_find(state, restoring->mine->id)) {
		restoring->done = true;
		return 0;
	}
	/* Older data may show reservations there that have ended by now. */
	plan_cleanup(state, facts, plan);
	if (plan_can_restore(state, plan, restoring->mine)) {
		plan_restore(plan, restoring->mine, facts->now_ns);
		restoring->done = true;
	}
	return 0;
}

int pool_restore(struct pool *p, const struct reservation *mine, bool *ret_restored, struct err *e)
{
	struct restoring restoring = {.mine = mine};
	struct transaction t = {.decide = decide_restore, .host = HOST_ANY, .argument = &restoring};
	int r = was_ended(p, mine, e);

	if (r == 0)
		r = pool_transact(p, &t, NULL, e);
	if (r < 0)
		return r;
	*ret_restored = restoring.done;
	return 0;
}
