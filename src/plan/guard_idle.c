/* Reserved GPUs that are idle; see guard.h. */
#include "plan/guard_idle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/schedule.h"

/* What is done about an idle reservation. */
enum remedy { REMEDY_TELL, REMEDY_AWAITED, REMEDY_RELEASE, REMEDY_SIGNAL };

/* The text of the mark begins with that: what the holder was warned of. */
static const char *const remedy_names[] = {
	[REMEDY_TELL] = "tell",
	[REMEDY_AWAITED] = "release-when-awaited",
	[REMEDY_RELEASE] = "release",
	[REMEDY_SIGNAL] = "signal",
};

/* One reservation, and lists of its GPUs. */
struct idle {
	const struct reservation *r;
	enum remedy remedy;
	int64_t since_ns; /* of those to be warned of: the latest */
	int *warn, *due;  /* whose holder is warned now; whose time is over */
	size_t warn_count, due_count;
	int64_t due_since_ns, warned_ns; /* of those: the latest */
};

static void idle_clear(struct idle *i)
{
	free(i->warn);
	free(i->due);
}

static enum remedy remedy_of(const struct guarding *g, const struct reservation *r)
{
	if (r->type == RESERVATION_RUN)
		return g->rules->idle_runs_signal ? REMEDY_SIGNAL : REMEDY_TELL;
	if (g->rules->idle_then == GUARD_TELL)
		return REMEDY_TELL;
	return g->rules->idle_then == GUARD_RELEASE ? REMEDY_RELEASE : REMEDY_AWAITED;
}

/* How long a GPU is idle before its holder is told. */
static int64_t warn_after_ns(const struct guarding *g, enum remedy remedy)
{
	int64_t after_ns = g->rules->idle_after_ns - g->rules->idle_warn_ns;

	if (remedy == REMEDY_TELL)
		return g->rules->idle_after_ns;
	/* Not whoever has just begun, however long the time of a warning is. */
	return after_ns > g->rules->idle_after_ns / 2 ? after_ns : g->rules->idle_after_ns / 2;
}

/* What the holder is warned of, with the times that it is promised. The caller frees it. */
static char *warned_of(const struct guarding *g, enum remedy remedy)
{
	if (remedy == REMEDY_TELL)
		return mem_strdup(remedy_names[remedy]);
	return mem_printf("%s %" PRId64 " %" PRId64, remedy_names[remedy],
			  g->rules->idle_after_ns / NS_PER_SECOND,
			  g->rules->idle_warn_ns / NS_PER_SECOND);
}

static char *idle_key(const struct reservation *r, int gpu)
{
	return mem_printf("idle %s %d", r->id, gpu);
}

/* What was the warning about one GPU is void. */
static void withdraw(struct guarding *g, const struct reservation *r, int gpu, const char *key,
		     bool told)
{
	char at[CLOCK_MINUTE_SIZE];
	struct guard_step *step;

	if (told) {
		step = guard_add(g, GUARD_WITHDRAW,
				 mem_printf("GPU %d is used again: the warning of %s is withdrawn",
					    gpu,
					    clock_local_soon(guard_mark(g, key)->warned_ns,
							     g->facts->now_ns, at)));
		guard_step_reservation(step, r);
		guard_step_gpus(step, &gpu, 1);
	}
	guard_drop(g, key);
}

/* Whether its holder was warned of what follows now. Not where the rule has been changed since, nor
   of what was before a time of which nothing is known: it may have been used then. */
static bool is_warned(const struct mark *mark, const char *what, enum remedy remedy,
		      int64_t since_ns)
{
	return mark->text && !strcmp(mark->text, what) &&
	       (remedy == REMEDY_TELL || since_ns <= mark->warned_ns);
}

/* Looks at one GPU of a reservation. */
static void look(struct guarding *g, struct idle *idle, int gpu)
{
	AUTO_FREE char *key = idle_key(idle->r, gpu);
	const struct mark *mark = guard_mark(g, key);
	int64_t since_ns = g->guard->idle_since_ns ? g->guard->idle_since_ns[gpu] : TIME_NONE;
	int64_t now_ns = g->facts->now_ns;
	AUTO_FREE char *what = warned_of(g, idle->remedy);
	enum guard_word word = mark && idle->remedy != REMEDY_TELL
				       ? guard_word(g, mark, idle->r->uid)
				       : GUARD_WORD_TOLD;

	if (mark && g->guard->last_active_ns && g->guard->last_active_ns[gpu] > mark->since_ns) {
		withdraw(g, idle->r, gpu, key,
			 idle->remedy != REMEDY_TELL && word != GUARD_WORD_LOST);
		return;
	}
	/* Unknown is neither: what was said before stands, and nothing follows from it. */
	if (since_ns == TIME_NONE)
		return;
	g->steps->idle += now_ns - since_ns >= g->rules->idle_after_ns;
	if (mark && (word == GUARD_WORD_LOST || !is_warned(mark, what, idle->remedy, since_ns)))
		mark = NULL;
	if (!mark && now_ns - since_ns >= warn_after_ns(g, idle->remedy)) {
		idle->warn[idle->warn_count++] = gpu;
		idle->since_ns = since_ns > idle->since_ns ? since_ns : idle->since_ns;
		return;
	}
	if (!mark || now_ns - since_ns < g->rules->idle_after_ns ||
	    now_ns - mark->warned_ns < g->rules->idle_warn_ns)
		return;
	if (word != GUARD_WORD_TOLD) {
		guard_step_gpus(guard_add(g, GUARD_WAIT,
					  mem_printf("GPU %d is let alone: its holder has not been "
						     "told of the warning yet",
						     gpu)),
				&gpu, 1);
		return;
	}
	idle->due[idle->due_count++] = gpu;
	idle->due_since_ns = since_ns > idle->due_since_ns ? since_ns : idle->due_since_ns;
	idle->warned_ns = mark->warned_ns > idle->warned_ns ? mark->warned_ns : idle->warned_ns;
}

/* What the holder is told. */
static char *warning_text(const struct guarding *g, const struct idle *idle)
{
	AUTO_FREE char *gpus = guard_gpus(idle->warn, idle->warn_count);
	AUTO_FREE char *ids = str_join_ids(idle->warn, idle->warn_count, ",");
	AUTO_FREE char *span = clock_span(g->facts->now_ns - idle->since_ns);
	bool one = idle->warn_count == 1;
	AUTO_FREE char *idles = mem_printf("%s %s reserved and %s been idle for %s", gpus,
					   one ? "is" : "are", one ? "has" : "have", span);
	const char *it = one ? "it is" : "they are";
	int64_t due_ns = idle->since_ns + g->rules->idle_after_ns;
	char at[CLOCK_MINUTE_SIZE];

	if (due_ns < g->facts->now_ns + g->rules->idle_warn_ns)
		due_ns = g->facts->now_ns + g->rules->idle_warn_ns;
	clock_local_soon(due_ns, g->facts->now_ns, at);
	switch (idle->remedy) {
	case REMEDY_RELEASE:
		return mem_printf("%s: unless %s used, guard releases %s at %s", idles, it,
				  one ? "it" : "them", at);
	case REMEDY_AWAITED:
		return mem_printf("%s: unless %s used, guard releases %s for whoever waits, from "
				  "%s on",
				  idles, it, one ? "it" : "them", at);
	case REMEDY_SIGNAL:
		return mem_printf("the run on %s has been idle for %s: unless it uses the GPU%s, "
				  "guard sends it SIGTERM at %s",
				  gpus, span, str_plural(idle->warn_count), at);
	case REMEDY_TELL:
		break;
	}
	if (idle->r->type == RESERVATION_RUN)
		return mem_printf("the run on %s has been idle for %s: end it if you no longer "
				  "need it, so that others can use the GPU%s",
				  gpus, span, str_plural(idle->warn_count));
	return mem_printf("%s: release what you do not need ('canhazgpu release %s')", idles, ids);
}

static void warn(struct guarding *g, const struct idle *idle)
{
	struct guard_step *step;

	if (!idle->warn_count)
		return;
	step = guard_add(g, GUARD_WARN, warning_text(g, idle));
	guard_step_reservation(step, idle->r);
	guard_step_gpus(step, idle->warn, idle->warn_count);
	for (size_t i = 0; i < idle->warn_count; i++) {
		AUTO_FREE char *key = idle_key(idle->r, idle->warn[i]);
		AUTO_FREE char *what = warned_of(g, idle->remedy);
		struct mark *mark = guard_put(g, key);

		mark->since_ns = idle->since_ns;
		mark->warned_ns = g->facts->now_ns;
		guard_set_text(g, mark, what);
	}
}

/* Takes so many of those GPUs for an entry that are not taken yet: free ones, or those that are
   due. */
static size_t take(const struct guarding *g, const struct plan_next_in_line *next, bool is_free,
		   size_t left, bool *taken)
{
	for (size_t i = 0; left && i < next->gpus_count; i++) {
		int gpu = next->gpus[i];

		if (taken[gpu] || (g->state->slots[gpu].reservation == NULL) != is_free)
			continue;
		taken[gpu] = true;
		left--;
	}
	return left;
}

/* Leaves of the GPUs whose time is over those that waiting requests get, for which what is free
   already is not enough. */
static void keep_awaited(const struct guarding *g, struct idle *idle)
{
	AUTO_FREE bool *taken = mem_alloc(g->state->slots_count, sizeof(*taken));
	AUTO_FREE int *gpus = mem_alloc(g->state->slots_count, sizeof(*gpus));
	struct plan_next_in_line *next = NULL;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < g->state->slots_count; i++) {
		bool is_free = !g->state->slots[i].reservation && g->facts->use &&
			       g->facts->use[i] == USE_IDLE;

		if (is_free || gpu_ids_have(idle->due, idle->due_count, (int)i))
			gpus[count++] = (int)i;
	}
	count = plan_next_in_line(g->state, g->facts, gpus, count, &next);
	for (size_t i = 0; i < count; i++)
		take(g, &next[i], false, take(g, &next[i], true, next[i].count, taken), taken);
	plan_next_in_line_free(next, count);
	for (size_t i = 0; i < idle->due_count; i++) {
		if (taken[idle->due[i]])
			idle->due[kept++] = idle->due[i];
	}
	idle->due_count = kept;
}

/* "idle for 2h, and its holder was warned 30m ago" */
static char *why(const struct guarding *g, const struct idle *idle)
{
	AUTO_FREE char *span = clock_span(g->facts->now_ns - idle->due_since_ns);
	AUTO_FREE char *ago = clock_span(g->facts->now_ns - idle->warned_ns);

	return mem_printf("idle for %s, and its holder was warned %s ago", span, ago);
}

static void release(struct guarding *g, struct idle *idle)
{
	AUTO_FREE char *because = why(g, idle), *gpus = NULL;
	struct guard_step *step;
	char *text;

	if (idle->remedy == REMEDY_AWAITED)
		keep_awaited(g, idle);
	if (!idle->due_count)
		return;
	gpus = guard_gpus(idle->due, idle->due_count);
	text = mem_printf("%s: %s%s", gpus, because,
			  idle->remedy == REMEDY_AWAITED ? "; somebody waits" : "");
	step = guard_add(g, GUARD_RELEASED, text);
	guard_step_reservation(step, idle->r);
	guard_step_gpus(step, idle->due, idle->due_count);
	plan_release_part(g->p, idle->r, idle->due, idle->due_count, g->facts->now_ns,
			  g->guard->actor);
	for (size_t i = 0; i < idle->due_count; i++) {
		AUTO_FREE char *key = idle_key(idle->r, idle->due[i]);

		guard_drop(g, key);
	}
}

/* Whether a program of the run is one for which the rules do not count. */
static bool runs_spared(const struct guarding *g, const struct idle *idle)
{
	for (size_t i = 0; i < idle->r->gpus_count; i++) {
		const struct gpu *gpu = g->facts->gpus ? g->facts->gpus[idle->r->gpus[i]] : NULL;

		for (size_t k = 0; gpu && k < gpu->processes_count; k++) {
			if (!gpu->processes[k].foreign &&
			    guard_command_is_spared(g, gpu->processes[k].name))
				return true;
		}
	}
	return false;
}

/* Whether a run can be signalled at all. */
static bool may_signal(const struct guarding *g, const struct idle *idle, size_t place)
{
	return g->guard->may_signal && g->facts->life && g->facts->life[place] == HOLDER_ALIVE &&
	       idle->r->holder.command.pid > 1 && idle->r->uid.known && idle->r->uid.value != 0 &&
	       !runs_spared(g, idle);
}

/* A run is signalled once, as a whole. What it makes of that is its own. */
static void signal_run(struct guarding *g, const struct idle *idle, size_t place)
{
	AUTO_FREE char *key = mem_printf("stop %s", idle->r->id), *because = NULL, *gpus = NULL;
	const struct mark *mark = guard_mark(g, key);
	struct guard_step *step;

	if (idle->due_count < idle->r->gpus_count || !may_signal(g, idle, place))
		return;
	if (mark &&
	    (mark->warned_ns != TIME_NONE || g->facts->now_ns - mark->since_ns < GUARD_CLAIM_NS))
		return;
	because = why(g, idle);
	gpus = guard_gpus(idle->due, idle->due_count);
	step = guard_add(g, GUARD_SIGNAL_RUN, mem_printf("the run on %s: %s", gpus, because));
	guard_step_reservation(step, idle->r);
	guard_step_gpus(step, idle->due, idle->due_count);
	step->process = idle->r->holder.command;
	guard_put(g, key)->since_ns = g->facts->now_ns;
}

static void check(struct guarding *g, size_t place)
{
	const struct reservation *r = g->state->reservations[place];
	AUTO(idle_clear) struct idle idle = {.r = r, .remedy = remedy_of(g, r)};

	if (r->queue_id || !*r->id || plan_ends_any(g->p, r) || guard_is_spared(g, r->uid))
		return;
	idle.warn = mem_alloc(r->gpus_count, sizeof(int));
	idle.due = mem_alloc(r->gpus_count, sizeof(int));
	for (size_t i = 0; i < r->gpus_count; i++)
		look(g, &idle, r->gpus[i]);
	warn(g, &idle);
	if (idle.remedy == REMEDY_RELEASE || idle.remedy == REMEDY_AWAITED)
		release(g, &idle);
	else if (idle.remedy == REMEDY_SIGNAL)
		signal_run(g, &idle, place);
}

/* Marks of reservations that have ended on that GPU. */
static void forget(struct guarding *g)
{
	for (size_t i = 0; i < g->state->marks_count; i++) {
		const char *rest = guard_mark_rest(g, i, "idle"), *key = g->state->marks[i].key;
		const struct reservation *r;
		char id[ID_SIZE] = "";
		int gpu;

		if (!rest || strlen(rest) < ID_SIZE || rest[ID_SIZE - 1] != ' ')
			continue;
		memcpy(id, rest, ID_SIZE - 1);
		gpu = (int)strtol(rest + ID_SIZE, NULL, 10);
		r = gpu >= 0 && (size_t)gpu < g->state->slots_count ? guard_holder(g, (size_t)gpu)
								    : NULL;
		if (!g->rules->idle_after_ns || !r || strcmp(r->id, id) != 0)
			guard_drop(g, key);
	}
}

void guard_idle(struct guarding *g)
{
	forget(g);
	if (!g->rules->idle_after_ns || !g->guard->within_hours)
		return;
	for (size_t i = 0; i < g->state->reservations_count; i++)
		check(g, i);
}
