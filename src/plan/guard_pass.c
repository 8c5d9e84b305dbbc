/* One pass of guard: plan_guard and plan_guard_sent of guard.h. */
#include "plan/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/before.h"
#include "plan/cleanup.h"
#include "plan/guard_expiry.h"
#include "plan/guard_idle.h"
#include "plan/guard_use.h"

/* ---- GPUs that cannot be used ---- */

/* Why a GPU cannot be used; NULL: it can, or nobody can tell. */
static const char *why_sick(const struct guarding *g, size_t i)
{
	const struct gpu *gpu = g->facts->gpus ? g->facts->gpus[i] : NULL;

	if (!gpu || gpu->health != HEALTH_FAULTY)
		return NULL;
	return gpu->health_reason ? gpu->health_reason : "its driver says so";
}

static void check_health(struct guarding *g, int gpu)
{
	AUTO_FREE char *key = mem_printf("sick %d", gpu);
	const struct mark *mark = guard_mark(g, key);
	const char *why = why_sick(g, (size_t)gpu);
	struct guard_step *step = NULL;

	g->steps->sick += why != NULL;
	if (why && !mark) {
		step = guard_add(g, GUARD_SICK, mem_printf("GPU %d cannot be used: %s", gpu, why));
		guard_set_text(g, guard_put(g, key), why);
	} else if (!why && mark && g->facts->gpus && g->facts->gpus[gpu]) {
		step = guard_add(g, GUARD_WELL, mem_printf("GPU %d can be used again", gpu));
		guard_drop(g, key);
	}
	if (step)
		guard_step_gpus(step, &gpu, 1);
}

/* Of GPUs of a pool that had more. */
static void forget_sick(struct guarding *g)
{
	for (size_t i = 0; i < g->state->marks_count; i++) {
		const char *gpu = guard_mark_rest(g, i, "sick");

		if (gpu && strtoul(gpu, NULL, 10) >= g->state->slots_count)
			guard_drop(g, g->state->marks[i].key);
	}
}

/* ---- the pass ---- */

static size_t count_steps(const struct guard_steps *s, enum guard_deed deed)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += s->steps[i].deed == deed;
	return count;
}

/* GPUs of which the scan does not show who uses them: nothing was found out there. */
static size_t count_unseen(const struct guarding *g)
{
	size_t count = 0;

	for (size_t i = 0; i < g->state->slots_count; i++) {
		const struct gpu *gpu = g->facts->gpus ? g->facts->gpus[i] : NULL;

		/* One that is gone for good is missed by nobody. */
		if (!gpu && g->state->slots[i].retired_ns != TIME_NONE)
			continue;
		count += !g->guard->pids_known || !gpu || !gpu->processes_known;
	}
	return count;
}

/* What is told of the last pass by `doctor`, which tells no names. */
static void record_pass(struct guarding *g)
{
	const struct guard_steps *s = g->steps;
	size_t stopped = count_steps(s, GUARD_TERM) + count_steps(s, GUARD_KILL) +
			 count_steps(s, GUARD_SIGNAL_RUN);
	size_t unseen = count_unseen(g);
	AUTO_FREE char *blind = unseen ? mem_printf(", %zu GPU%s that could not be looked at",
						    unseen, str_plural(unseen))
				       : NULL;
	AUTO_FREE char *text = mem_printf(
		"%zu unreserved use%s, %zu idle GPU%s, %zu GPU%s that cannot be used%s; warned "
		"%zu, released %zu, stopped %zu",
		s->unreserved, str_plural(s->unreserved), s->idle, str_plural(s->idle), s->sick,
		str_plural(s->sick), blind ? blind : "",
		count_steps(s, GUARD_WARN) + count_steps(s, GUARD_EXPIRING),
		count_steps(s, GUARD_RELEASED), stopped);

	guard_set_text(g, guard_put(g, PLAN_GUARD_PASS), text);
}

/* The first event of that kind in the plan. */
static struct event *first_event(const struct plan *p, enum event_kind kind)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_EVENT && c->event.event->kind == kind)
			return (struct event *)(uintptr_t)c->event.event;
	}
	return NULL;
}

/* What was decided here can be explained later. Signals are events of a commit that follows them,
   by which time nobody knows any more what the scan has shown. */
static void keep_state(struct guarding *g)
{
	struct event *released = first_event(g->p, EVENT_RELEASED);
	bool signals = false;

	for (size_t i = 0; i < g->steps->count; i++)
		signals |= guard_deed_signals(g->steps->steps[i].deed);
	if (signals)
		g->steps->before = plan_state_text(g->state, g->facts, NULL);
	if (released && count_steps(g->steps, GUARD_RELEASED))
		released->before = plan_own(g->p, plan_state_text(g->state, g->facts, NULL));
}

void plan_guard(const struct pool_state *state, const struct plan_facts *facts,
		const struct guard_facts *guard, const struct guard_rules *rules, struct plan *p,
		struct guard_steps *ret_steps)
{
	AUTO(guard_stops_clear) struct guard_stops stops = {.is_complete = true};
	struct guarding g = {
		.state = state,
		.facts = facts,
		.guard = guard,
		.rules = rules,
		.p = p,
		.steps = ret_steps,
	};

	plan_cleanup(state, facts, p);
	for (size_t i = 0; i < state->slots_count; i++)
		check_health(&g, (int)i);
	forget_sick(&g);
	guard_expiring(&g);
	guard_idle(&g);
	guard_unreserved(&g, &stops);
	guard_overstaying(&g, &stops);
	guard_stop(&g, &stops);
	guard_add_events(&g);
	keep_state(&g);
	record_pass(&g);
}

bool plan_guard_is_late(const struct pool_state *state, const struct plan_facts *facts,
			int64_t scan_ns)
{
	const struct mark *last = pool_state_mark(state, PLAN_GUARD_PASS);

	/* In the future: the clock was set back across a reboot, and nothing is known. */
	return last && last->seen_ns > scan_ns && last->seen_ns <= facts->now_ns;
}

/* ---- what was not told ---- */

static bool is_warning(const struct mark *m)
{
	static const char *const keys[] = {"unreserved ", "idle ", PLAN_EXPIRING};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strncmp(m->key, keys[i], strlen(keys[i])))
			return m->warned_ns != TIME_NONE;
	}
	return false;
}

void plan_guard_untold(const struct pool_state *state, const struct plan_facts *facts,
		       int64_t told_ns, int64_t since_ns, struct plan *p)
{
	for (size_t i = 0; i < state->marks_count; i++) {
		const struct mark *m = &state->marks[i];

		struct mark *put;

		if (!is_warning(m) || m->warned_ns <= told_ns || m->warned_ns >= since_ns)
			continue;
		put = plan_put_mark(p, state, facts, m->key);
		put->warned_ns = TIME_NONE;
		put->seen_ns = m->seen_ns; /* nobody has looked */
	}
}

/* ---- what was done ---- */

/* The mark of what a step signals. The caller frees it. */
static char *signal_key(const struct guard_step *step)
{
	if (step->deed == GUARD_SIGNAL_RUN)
		return mem_printf("stop %s", step->reservation_id);
	return guard_stop_key(&step->process);
}

static void record(struct guarding *g, const struct guard_step *step, enum guard_sent sent)
{
	AUTO_FREE char *key = signal_key(step);
	const struct mark *mark = guard_mark(g, key);
	bool kill = step->deed == GUARD_KILL;

	/* This pass was so late that another one has taken the claim over. */
	if (mark && (kill ? mark->acted_ns : mark->warned_ns) != TIME_NONE)
		return;
	if (sent == GUARD_GONE) {
		guard_drop(g, key);
		return;
	}
	/* None: another pass has seen by now that the process has ended. */
	if (mark)
		*(kill ? &guard_put(g, key)->acted_ns : &guard_put(g, key)->warned_ns) =
			g->facts->now_ns;
	guard_add_event(g->guard, g->facts->now_ns, step, EVENT_STOPPED, g->p);
}

void plan_guard_sent(const struct pool_state *state, const struct plan_facts *facts,
		     const struct guard_facts *guard, const struct guard_steps *steps,
		     const enum guard_sent *sent, struct plan *p)
{
	struct guarding g = {.state = state, .facts = facts, .guard = guard, .p = p};
	struct event *stopped;

	for (size_t i = 0; i < steps->count; i++) {
		if (guard_deed_signals(steps->steps[i].deed) && sent[i] != GUARD_NOT_SENT)
			record(&g, &steps->steps[i], sent[i]);
	}
	stopped = first_event(p, EVENT_STOPPED);
	if (stopped)
		stopped->before = plan_own(p, mem_strdup(steps->before));
}
