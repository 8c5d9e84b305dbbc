/* Stopping processes, SIGTERM first and SIGKILL in a later pass; see guard_use.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/guard_use.h"

void guard_stops_clear(struct guard_stops *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->of[i].gpus);
		free(s->of[i].why);
	}
	free(s->of);
	*s = (struct guard_stops){0};
}

void guard_add_stop(struct guard_stops *s, const struct process *process, int gpu,
		    int64_t warned_ns, char *why)
{
	struct guard_stop *stop = NULL;

	for (size_t i = 0; i < s->count && !stop; i++) {
		if (s->of[i].process->pid == process->pid)
			stop = &s->of[i];
	}
	if (stop) {
		free(why);
		stop->warned_ns = warned_ns < stop->warned_ns ? warned_ns : stop->warned_ns;
	} else {
		s->of = mem_resize(s->of, s->count + 1, sizeof(*s->of));
		stop = &s->of[s->count++];
		*stop = (struct guard_stop){.process = process, .warned_ns = warned_ns, .why = why};
	}
	if (gpu_ids_have(stop->gpus, stop->gpus_count, gpu))
		return;
	stop->gpus = mem_resize(stop->gpus, stop->gpus_count + 1, sizeof(int));
	stop->gpus[stop->gpus_count++] = gpu;
	gpu_ids_sort(stop->gpus, stop->gpus_count);
}

char *guard_stop_key(const struct process_ref *process)
{
	return mem_printf("stop %d:%" PRIu64, (int)process->pid, process->start_ticks);
}

static char *stop_key(const struct process *p)
{
	return guard_stop_key(&(struct process_ref){p->pid, p->start_ticks});
}

/* "process 4711 (python) of bob on GPU 3", and what is said of it. */
static void add_step(struct guarding *g, enum guard_deed deed, const struct guard_stop *stop,
		     const char *what)
{
	AUTO_FREE char *process = guard_process_text(stop->process);
	AUTO_FREE char *gpus = guard_gpus(stop->gpus, stop->gpus_count);
	const char *account = stop->process->account;
	struct guard_step *step;

	step = guard_add(g, deed,
			 mem_printf("%s of %s on %s%s", process,
				    account ? account : "somebody unknown", gpus, what));
	guard_step_account(step, stop->process->uid, account);
	guard_step_gpus(step, stop->gpus, stop->gpus_count);
	step->process = (struct process_ref){stop->process->pid, stop->process->start_ticks};
	step->processes = guard_processes_json(&stop->process, 1);
}

/* It was sent SIGTERM, and has time. */
static void add_wait(struct guarding *g, const struct guard_stop *stop, int64_t ago_ns)
{
	AUTO_FREE char *ago = clock_span(ago_ns);
	AUTO_FREE char *left = clock_span(g->rules->grace_ns - ago_ns);
	AUTO_FREE char *what =
		mem_printf(" was sent SIGTERM %s ago, and has %s left until SIGKILL", ago, left);

	add_step(g, GUARD_WAIT, stop, what);
}

static void stop_one(struct guarding *g, const struct guard_stop *stop)
{
	AUTO_FREE char *key = stop_key(stop->process);
	const struct mark *mark = guard_mark(g, key);
	AUTO_FREE char *because = mem_printf(": %s", stop->why);
	int64_t now_ns = g->facts->now_ns;
	struct mark *claim;

	if (!g->guard->may_signal) {
		AUTO_FREE char *only =
			mem_printf(" is let alone, as only root's pass stops: %s", stop->why);

		add_step(g, GUARD_SPARE, stop, only);
		return;
	}
	/* Since then it has kept to the rules for a time, and was warned again: SIGTERM first. */
	if (mark && mark->since_ns < stop->warned_ns)
		mark = NULL;
	/* The claim is committed before the signal is sent, and what was sent after it: a pass that
	   is killed in between, or runs at the same time, cannot make it two events, nor a SIGKILL
	   without a SIGTERM. */
	if (!mark || (mark->warned_ns == TIME_NONE && now_ns - mark->since_ns >= GUARD_CLAIM_NS)) {
		add_step(g, GUARD_TERM, stop, because);
		claim = guard_put(g, key);
		claim->since_ns = now_ns;
		claim->warned_ns = claim->acted_ns = TIME_NONE;
		return;
	}
	if (mark->warned_ns == TIME_NONE || mark->acted_ns != TIME_NONE)
		return;
	if (now_ns - mark->warned_ns < g->rules->grace_ns) {
		add_wait(g, stop, now_ns - mark->warned_ns);
		return;
	}
	/* Another pass has claimed it since SIGTERM was sent, and is about to. */
	if (mark->since_ns > mark->warned_ns && now_ns - mark->since_ns < GUARD_CLAIM_NS)
		return;
	add_step(g, GUARD_KILL, stop, because);
	guard_put(g, key)->since_ns = now_ns;
}

/* Whether a mark is about a process, not a run. */
static bool is_of_process(const char *rest)
{
	size_t digits = strspn(rest, "0123456789");

	return digits && rest[digits] == ':';
}

/* Processes that have ended, left the GPU, or keep to the rules by now. */
static void forget_processes(struct guarding *g, const struct guard_stops *stops, size_t i)
{
	const char *key = g->state->marks[i].key;
	bool found = false;

	for (size_t k = 0; k < stops->count && !found; k++) {
		AUTO_FREE char *other = stop_key(stops->of[k].process);

		found = !strcmp(other, key);
	}
	/* Where nobody can tell, a day will do. Outside the hours nobody has looked. */
	if (!found && g->guard->within_hours &&
	    (stops->is_complete || g->facts->now_ns - g->state->marks[i].since_ns > NS_PER_DAY))
		guard_drop(g, key);
}

void guard_stop(struct guarding *g, const struct guard_stops *stops)
{
	for (size_t i = 0; i < stops->count; i++)
		stop_one(g, &stops->of[i]);
	for (size_t i = 0; i < g->state->marks_count; i++) {
		const char *rest = guard_mark_rest(g, i, "stop");

		if (!rest)
			continue;
		if (is_of_process(rest)) {
			forget_processes(g, stops, i);
		} else {
			const struct reservation *r = pool_state_find(g->state, rest);

			if (!r || plan_ends_any(g->p, r))
				guard_drop(g, g->state->marks[i].key);
		}
	}
}
