/* Cancelling waiting requests: plan_cancel. */
#include "plan/cancel.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/cleanup.h"
#include "plan/queue.h"

/* The place of the only request that belongs to the actor. */
static int find_own(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_actor *actor, size_t *ret_place, struct err *e)
{
	AUTO(str_clear) struct str ids = {0};
	size_t count = 0, place = 0;

	for (size_t i = 0; i < state->queue_count; i++) {
		if (!plan_owns_entry(actor, &state->queue[i]) || state->queue[i].cancelled ||
		    plan_waiter_state(state, facts, i) == WAITER_DEAD)
			continue;
		str_addf(&ids, "%s%.8s", count++ ? " " : "", state->queue[i].id);
		place = i;
	}
	if (!count)
		return err_set(e, ENOENT,
			       "you have no waiting request: there is nothing to cancel");
	if (count > 1)
		return err_usage(e, "you have %zu waiting requests: name those to cancel (%.400s)",
				 count, str_text(&ids));
	*ret_place = place;
	return 0;
}

int plan_cancel(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_actor *actor, const char *id, struct plan *p,
		const struct queue_entry **ret_entry, struct err *e)
{
	const struct queue_entry *q;
	size_t place = 0;
	int r = plan_require(state, e);

	if (r == 0)
		r = id ? plan_queue_match(state, id, &place, e)
		       : find_own(state, facts, actor, &place, e);
	if (r < 0)
		return r;
	q = &state->queue[place];
	if (plan_changes_entry(p, q))
		return err_usage(e, "request %.8s is named twice", q->id);
	if (!plan_may_cancel(actor, q)) {
		AUTO_FREE char *who = account_label(q->user, q->account);

		return err_set(e, EPERM, "request %s belongs to %s, not to you", q->id, who);
	}
	plan_take_out(state, facts, place, p);
	*ret_entry = q;
	return 0;
}
