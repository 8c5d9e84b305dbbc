/* What a snapshot shows of a state and of what was seen. Pure. See snapshot.h. */
#include "pool/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu.h"

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

/* What the reservations do with their GPUs, and whether that is to be recorded. */
static void fill_activity(struct snapshot *s)
{
	AUTO_FREE struct activity *seen = mem_alloc(s->views_count, sizeof(*seen));
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts = snapshot_facts(s);

	plan_look(&s->state, &facts, s->seen.problem ? NULL : s->seen.gpus, s->seen.taken_ns, &plan,
		  seen);
	s->look_due = plan.changes_count > 0;
	for (size_t i = 0; i < s->views_count; i++) {
		struct gpu_view *view = &s->views[i];

		view->activity = plan_activity(&seen[i], s->now_ns, &view->idle_since_ns);
		view->last_active_ns = seen[i].last_active_ns;
	}
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
	fill_activity(s);
}

static bool is_mine(const struct gpu_view *view, const struct plan_actor *actor)
{
	if (view->reservation)
		return plan_owns(actor, view->reservation);
	for (size_t i = 0; view->gpu && i < view->gpu->processes_count; i++) {
		const struct process *p = &view->gpu->processes[i];

		if (account_is_same(quantity_of((int64_t)actor->uid), actor->account, p->uid,
				    p->account))
			return true;
	}
	return false;
}

static void view_clear(struct gpu_view *view)
{
	model_clear(&view->model);
	free(view->withheld);
}

void snapshot_keep_mine(struct snapshot *s, const struct plan_actor *actor)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->views_count; i++) {
		if (is_mine(&s->views[i], actor))
			s->views[kept++] = s->views[i];
		else
			view_clear(&s->views[i]);
	}
	s->views_count = kept;
}

static void add_difference(struct str *out, const struct units *u, enum unit_change change,
			   const char *what)
{
	AUTO(str_clear) struct str ids = {0};
	size_t count = 0;

	for (size_t i = 0; i < u->count; i++) {
		if (u->changes[i] == change)
			str_addf(&ids, "%s%zu", count++ ? ", " : "", i);
	}
	if (count)
		str_addf(out, "%sGPU%s %s %s %s", out->length ? ", " : "", count > 1 ? "s" : "",
			 str_text(&ids), count > 1 ? "are" : "is", what);
}

char *snapshot_difference(const struct pool_state *state, const struct observation *seen)
{
	AUTO(units_clear) struct units u = {0};
	struct str out = {0};

	if (seen->problem)
		return NULL;
	plan_compare_units(state, &seen->scan, seen->taken_ns, &u);
	if (!plan_units_differ(&u))
		return NULL;
	add_difference(&out, &u, UNIT_GONE, "gone");
	add_difference(&out, &u, UNIT_BACK, "back");
	if (u.related)
		str_addf(&out, "%s%zu new GPU%s or MIG instance%s no number",
			 out.length ? ", " : "", u.related, u.related > 1 ? "s" : "",
			 u.related > 1 ? "s have" : " has");
	str_add(&out, ": 'canhazgpu admin --refresh' takes that into the pool, and ends no "
		      "reservation");
	return str_steal(&out);
}

void snapshot_fill_waiters(struct snapshot *s)
{
	struct plan_facts facts = snapshot_facts(s);

	if (s->state.queue_count)
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

const char *snapshot_gpu_name(const struct snapshot *s, int id, char buffer[GPU_NAME_SIZE])
{
	if (s->cluster)
		return s->cluster->places[id].name;
	snprintf(buffer, GPU_NAME_SIZE, "%d", id);
	return buffer;
}

static void cluster_free(struct snapshot_cluster *c)
{
	for (size_t i = 0; c && i < c->count; i++) {
		free(c->places[i].node);
		free(c->places[i].name);
		free(c->places[i].hint);
	}
	if (c)
		free(c->places);
	free(c);
}

void snapshot_clear(struct snapshot *s)
{
	cluster_free(s->cluster);
	for (size_t i = 0; i < s->views_count; i++)
		view_clear(&s->views[i]);
	for (size_t i = 0; s->waiters && i < s->state.queue_count; i++) {
		free(s->waiters[i].passed_over);
		free(s->waiters[i].awaits);
	}
	free(s->waiters);
	forecast_clear(&s->forecast);
	liveness_clear(&s->liveness);
	free(s->views);
	free(s->warning);
	free(s->difference);
	plan_policy_clear(&s->policy);
	observation_clear(&s->seen);
	pool_state_clear(&s->state);
	*s = (struct snapshot){0};
}
