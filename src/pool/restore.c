/* Restoring a reservation that the store does not have any more: pool_restore of pool.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "pool/private.h"

void pool_restored_clear(struct pool_restored *r)
{
	free(r->taker);
	*r = (struct pool_restored){0};
}

/* What the history has of the end of this reservation. Every command that ends one, also `admin
   --force`, records that in the same commit. */
static int read_past_end(struct pool *p, const struct reservation *mine, int64_t from_ns,
			 struct plan_past_end *ret_past, struct err *e)
{
	const struct usage_record *u;
	int r = store_history_begin(p->store, from_ns, INT64_MAX, e);

	if (r < 0)
		return r;
	while ((r = store_history_next(p->store, &u, e)) > 0)
		plan_note_past_end(ret_past, mine, u);
	store_history_end(p->store);
	return r;
}

struct restoring {
	const struct reservation *mine;
	struct plan_past_end past;
	struct pool_restored result;
};

static int decide_restore(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	struct restoring *x = argument;
	const struct reservation *found = pool_state_find(state, x->mine->id);
	const struct slot *taken;
	int r = plan_require(state, e);

	pool_restored_clear(&x->result);
	x->result.presumed = x->past.presumed;
	if (r < 0)
		return r;
	/* Restored already, by an attempt whose answer was lost. */
	if (found && found->gpus_count >= x->mine->gpus_count) {
		x->result.restored = true;
		return 0;
	}
	/* It has lost a part: that is a loss only where others overwrite. */
	if (found && !facts->shared)
		return 0;
	x->result.overwritten = plan_was_overwritten(state, x->mine, &x->past);
	/* Reservations there may have ended by now. */
	plan_cleanup(state, facts, plan);
	if (plan_can_restore(state, plan, x->mine, &x->past)) {
		plan_restore(state, plan, x->mine, &x->past, facts->now_ns);
		x->result.restored = true;
		return 0;
	}
	taken = plan_taken_slot(state, plan, x->mine);
	if (taken) {
		x->result.taker =
			account_label(taken->reservation->user, taken->reservation->account);
		x->result.gpu = taken->id;
		x->result.overwritten = facts->shared && !x->past.decided && !x->past.presumed;
	}
	return 0;
}

int pool_restore(struct pool *p, const struct reservation *mine, struct pool_restored *ret_restored,
		 struct err *e)
{
	AUTO(reservation_freep) struct reservation *now = reservation_copy(mine);
	struct restoring x = {.mine = now};
	struct transaction t = {.decide = decide_restore, .host = HOST_ANY, .argument = &x};
	int64_t now_ns, boot_ns;
	int r;

	/* The clock may have been set since: what was released then is searched for by both. */
	clock_moment(&now_ns, &boot_ns);
	plan_rebase(now, p->observer.clock, now_ns, boot_ns);
	x.past.shared = store_has_external_writers(p->store);
	/* Other programs file a record under the second of its end. */
	r = read_past_end(p, now,
			  (now->start_ns < mine->start_ns ? now : mine)->start_ns -
				  (x.past.shared ? NS_PER_SECOND : 1),
			  &x.past, e);
	if (r == 0)
		r = pool_transact(p, &t, NULL, e);
	if (r < 0) {
		pool_restored_clear(&x.result);
		return r;
	}
	*ret_restored = x.result;
	return 0;
}
