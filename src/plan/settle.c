/* GPUs that another program may still be freeing; see settle.h. */
#include "plan/settle.h"

#include "plan/doubt.h"
#include "plan/ended.h"
#include "plan/queue.h"
#include "plan/rebase.h"

/* By how much the clocks of two hosts may differ when a heartbeat is found too old. */
#define CLOCKS_DIFFER_NS (10 * NS_PER_SECOND)

static bool is_silent(int64_t heartbeat_ns, int64_t limit_ns, int64_t now_ns)
{
	return plan_is_silent(heartbeat_ns, limit_ns - CLOCKS_DIFFER_NS, now_ns);
}

bool plan_others_may_end(const struct pool_state *state, const struct plan_facts *facts,
			 const struct reservation *r)
{
	int64_t now_ns = facts->now_ns;
	size_t place;

	if (r->type == RESERVATION_MANUAL && r->expiry_ns != TIME_NONE && r->expiry_ns <= now_ns)
		return true;
	if (r->type == RESERVATION_RUN && r->heartbeat_ns != TIME_NONE &&
	    is_silent(plan_last_heartbeat_ns(r, now_ns), HEARTBEAT_LIMIT_NS, now_ns))
		return true;
	if (!r->queue_id)
		return false;
	/* With the entry they give back what it has collected. */
	place = plan_queue_find(state, r->queue_id);
	return place == state->queue_count ||
	       is_silent(plan_entry_last_heartbeat_ns(&state->queue[place], now_ns),
			 QUEUE_HEARTBEAT_LIMIT_NS, now_ns);
}

/* What of the time is left since a slot was freed. A time to come is one of another host's clock.
 */
static int64_t left_ns(const struct plan_facts *facts, int64_t since_ns,
		       const struct time_base *base)
{
	const struct time_base here = plan_time_base(facts);
	int64_t elapsed_ns = facts->now_ns - plan_rebase_time(since_ns, base, &here);

	if (since_ns == TIME_NONE || elapsed_ns >= SETTLE_NS || elapsed_ns <= -SETTLE_NS)
		return 0;
	return elapsed_ns < 0 ? SETTLE_NS : SETTLE_NS - elapsed_ns;
}

int64_t plan_unsettled_ns(const struct pool_state *state, const struct plan_facts *facts,
			  const struct plan *p, size_t gpu)
{
	const struct slot *slot = &state->slots[gpu];
	const struct reservation *r = slot->reservation;

	if (!facts->shared)
		return 0;
	if (r)
		return p && plan_ends(p, r, slot->id) && plan_others_may_end(state, facts, r)
			       ? SETTLE_NS
			       : 0;
	/* What we write names its clock, where that is known. */
	if (slot->lapsed_ns == TIME_NONE && !*slot->released_base.clock)
		return left_ns(facts, slot->last_released_ns, &slot->released_base);
	return left_ns(facts, slot->lapsed_ns, &slot->released_base);
}

void plan_note_lapsed(const struct pool_state *state, const struct plan_facts *facts,
		      struct plan *p)
{
	for (size_t i = 0; facts->shared && i < p->changes_count; i++) {
		struct change *c = &p->changes[i];

		if (c->kind == CHANGE_END && plan_others_may_end(state, facts, c->end.reservation))
			c->end.lapsed_ns = facts->now_ns;
	}
}
