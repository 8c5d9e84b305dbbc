/* Cancelling waiting requests: plan_cancel. */
#include "plan/cancel.h"

#include <errno.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/cleanup.h"
#include "plan/queue.h"

int plan_cancel(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_actor *actor, const char *id, struct plan *p,
		const struct queue_entry **ret_entry, struct err *e)
{
	const struct queue_entry *q;
	size_t place = 0;
	int r = plan_require(state, e);

	if (r == 0)
		r = plan_queue_match(state, id, &place, e);
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
