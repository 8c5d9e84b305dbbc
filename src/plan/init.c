/* Creating the pool, or recreating it: plan_init. */
#include "plan/init.h"

#include "base/mem.h"
#include "plan/cleanup.h"
#include "plan/queue.h"

static void end_all(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_actor *actor, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (plan_cleanup_reservation(state, facts, i, p))
			continue;
		plan_end(p, r, r->gpus, r->gpus_count, facts->now_ns, END_FORCED, actor->account)
			->unrecorded = plan_is_collected(state, r);
	}
}

void plan_init(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const char *provider, const struct slot *units,
	       size_t count, struct plan *p)
{
	end_all(state, facts, actor, p);
	/* A process that waits sees the mark, says so, and leaves. */
	for (size_t i = 0; i < state->queue_count; i++) {
		if (plan_waiter_state(state, facts, i) == WAITER_DEAD ||
		    !state->queue[i].holder.host)
			plan_drop(p, &state->queue[i]);
		else
			plan_cancel_entry(p, &state->queue[i]);
	}
	plan_add(p, CHANGE_INIT)->init = (struct change_init){
		.provider = plan_own(p, mem_strdup(provider)),
		.gpus_count = count,
	};
	if (units)
		plan_add(p, CHANGE_UNITS)->units = (struct change_units){units, count};
}
