/* What a snapshot shows of a state and of what was seen. Pure. See snapshot.h. */
#include "pool/snapshot.h"

#include <stdlib.h>

#include "base/mem.h"

const char *gpu_status_name(enum gpu_status status)
{
	static const char *const names[] = {
		[GPU_AVAILABLE] = "AVAILABLE",   [GPU_IN_USE] = "IN_USE",
		[GPU_UNRESERVED] = "UNRESERVED", [GPU_DRAINED] = "DRAINED",
		[GPU_ERROR] = "ERROR",
	};

	return names[status];
}

/* Who looks after a GPU out of service may well work on it, and it need not even answer. */
static enum gpu_status snapshot_status(const struct slot *slot, enum gpu_use use, bool withheld)
{
	if (slot->problem)
		return GPU_ERROR;
	if (slot->reservation)
		return GPU_IN_USE;
	if (withheld)
		return GPU_DRAINED;
	if (use == USE_BUSY)
		return GPU_UNRESERVED;
	return use == USE_IDLE ? GPU_AVAILABLE : GPU_ERROR;
}

void snapshot_fill_views(struct snapshot *s)
{
	s->views_count = s->state.slots_count;
	if (!s->views)
		s->views = mem_alloc(s->views_count, sizeof(*s->views));
	for (size_t i = 0; i < s->views_count; i++) {
		const struct slot *slot = &s->state.slots[i];
		struct gpu_view *view = &s->views[i];

		view->id = slot->id;
		view->reservation = slot->reservation;
		view->gpu = s->seen.gpus[i];
		view->use = slot->problem ? USE_UNKNOWN : s->seen.use[i];
		view->problem = slot->problem ? slot->problem : s->seen.problems[i];
		view->last_released_ns = slot->last_released_ns;
		view->withheld = plan_why_withheld(&s->state, &s->policy, slot->id);
		view->status = snapshot_status(slot, view->use, view->withheld);
	}
}

void snapshot_fill_waiters(struct snapshot *s)
{
	struct plan_facts facts = snapshot_facts(s);

	s->waiters = mem_alloc(s->state.queue_count, sizeof(*s->waiters));
	for (size_t i = 0; i < s->state.queue_count; i++) {
		s->waiters[i] = (struct waiter_view){
			.state = plan_waiter_state(&s->state, &facts, i),
			.start_ns = s->forecast.starts_ns[i],
			.passed_over = plan_why_passed_over(&s->state, &facts, i),
			.awaits = plan_awaits(&s->state, &facts, i),
		};
	}
}

struct plan_facts snapshot_facts(const struct snapshot *s)
{
	return (struct plan_facts){
		.now_ns = s->now_ns,
		.boot_ns = s->boot_ns,
		.clock = s->clock,
		.monotonic_ns = s->monotonic_ns,
		.use = s->seen.use,
		.life = s->liveness.holders,
		.waiting = s->liveness.waiting,
		.policy = &s->policy,
	};
}

void snapshot_clear(struct snapshot *s)
{
	for (size_t i = 0; i < s->views_count; i++) {
		model_clear(&s->views[i].model);
		free(s->views[i].withheld);
	}
	for (size_t i = 0; s->waiters && i < s->state.queue_count; i++) {
		free(s->waiters[i].passed_over);
		free(s->waiters[i].awaits);
	}
	free(s->waiters);
	forecast_clear(&s->forecast);
	liveness_clear(&s->liveness);
	free(s->views);
	free(s->warning);
	plan_policy_clear(&s->policy);
	observation_clear(&s->seen);
	pool_state_clear(&s->state);
	*s = (struct snapshot){0};
}
