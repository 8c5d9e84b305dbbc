/* Manual reservations that end, and processes that go on after that; see guard_expiry.h. */
#include "plan/guard_expiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

/* ---- before the end ---- */

/* What the holder is told of: the first word of the mark's text. */
static const char *told_of(const struct guarding *g, const struct reservation *r)
{
	bool stops = g->rules->expiry_warn_ns && g->rules->expiry_stop && r->uid.known &&
		     r->uid.value != 0 && !guard_is_spared(g, r->uid);

	return stops ? "stop" : "tell";
}

static bool is_told(const struct mark *mark, const char *what)
{
	size_t length = strlen(what);

	return mark && mark->text && !strncmp(mark->text, what, length) &&
	       mark->text[length] == ' ';
}

static void tell(struct guarding *g, const struct reservation *r, const char *key, const char *what)
{
	AUTO_FREE char *gpus = guard_gpus(r->gpus, r->gpus_count);
	AUTO_FREE char *ids = str_join_ids(r->gpus, r->gpus_count, ",");
	bool stops = !strcmp(what, "stop");
	AUTO_FREE char *text = mem_printf("%s %" PRId64 " %s", what,
					  r->uid.known ? r->uid.value : INT64_C(-1), ids);
	struct mark *mark = guard_put(g, key);
	struct guard_step *step;
	char at[CLOCK_MINUTE_SIZE];

	clock_local_soon(r->expiry_ns, g->facts->now_ns, at);
	step = guard_add(g, GUARD_EXPIRING,
			 mem_printf("the reservation of %s ends at %s%s: 'canhazgpu extend' "
				    "prolongs it",
				    gpus, at,
				    stops ? ", and guard stops what goes on after that" : ""));
	guard_step_reservation(step, r);
	guard_step_gpus(step, r->gpus, r->gpus_count);
	mark->since_ns = r->expiry_ns;
	mark->warned_ns = g->facts->now_ns;
	guard_set_text(g, mark, text);
}

static void check(struct guarding *g, const struct reservation *r)
{
	AUTO_FREE char *key = mem_printf(PLAN_EXPIRING "%s", r->id);
	const struct mark *mark = guard_mark(g, key);
	const char *what = told_of(g, r);
	int64_t left_ns = r->expiry_ns - g->facts->now_ns;
	AUTO_FREE char *wish = mem_printf(PLAN_WISH "%s", r->id);
	int64_t warn_ns = g->rules->expiry_warn_ns;

	/* Whoever has asked for that (--notify) has the usual time, whatever the rule says. */
	if (!warn_ns || (guard_mark(g, wish) && warn_ns < GUARD_EXPIRING_NS))
		warn_ns = GUARD_EXPIRING_NS;
	if (left_ns > warn_ns) {
		guard_drop(g, key); /* extended since */
		return;
	}
	if (is_told(mark, what) &&
	    (strcmp(what, "stop") != 0 || guard_word(g, mark, r->uid) != GUARD_WORD_LOST)) {
		if (mark->since_ns != r->expiry_ns)
			guard_put(g, key)->since_ns = r->expiry_ns;
		return;
	}
	/* A short one needs nobody to say that it ends soon. */
	if (!strcmp(what, "stop") || r->expiry_ns - r->start_ns > warn_ns)
		tell(g, r, key, what);
}

void guard_expiring(struct guarding *g)
{
	for (size_t i = 0; i < g->state->reservations_count; i++) {
		const struct reservation *r = g->state->reservations[i];

		if (r->type == RESERVATION_MANUAL && r->expiry_ns != TIME_NONE && !r->queue_id &&
		    *r->id && !plan_ends_any(g->p, r))
			check(g, r);
	}
}

/* ---- after the end ---- */

/* Lists what of that account goes on there. True: something does, or nobody can tell. */
static bool goes_on(struct guarding *g, const struct mark *mark, int64_t uid, int gpu,
		    struct guard_stops *stops)
{
	AUTO(guard_uses_clear) struct guard_uses uses = {0};
	int64_t now_ns = g->facts->now_ns;
	bool found = false;

	if (gpu < 0 || (size_t)gpu >= g->state->slots_count)
		return false;
	if (!guard_sees(g, (size_t)gpu))
		return true;
	guard_find_uses(g, (size_t)gpu, &uses);
	for (size_t i = 0; i < uses.count; i++) {
		const struct guard_use *use = &uses.of[i];

		for (size_t k = 0; use->uid.known && use->uid.value == uid && k < use->count; k++) {
			const struct process *p = use->processes[k];
			AUTO_FREE char *span = clock_span(now_ns - mark->since_ns);

			if (p->started_ns > mark->since_ns)
				continue;
			found = true;
			if (!guard_why_spared(g, p, use->doubt) && g->guard->within_hours &&
			    now_ns - mark->warned_ns >= g->rules->expiry_warn_ns &&
			    guard_word(g, mark, use->uid) == GUARD_WORD_TOLD)
				guard_add_stop(stops, p, gpu, mark->warned_ns,
					       mem_printf("its reservation ended %s ago, and its "
							  "account was warned before",
							  span));
		}
	}
	return found;
}

static void check_ended(struct guarding *g, const struct mark *mark, struct guard_stops *stops)
{
	AUTO_FREE int *ids = NULL;
	long long uid;
	int length = 0;
	size_t count;
	bool any = false;

	if (mark->text && g->rules->expiry_warn_ns && g->rules->expiry_stop &&
	    mark->since_ns <= g->facts->now_ns &&
	    guard_word(g, mark, (struct quantity){.known = false}) != GUARD_WORD_LOST &&
	    sscanf(mark->text, "stop %lld %n", &uid, &length) == 1 && length &&
	    parse_id_list(mark->text + length, &ids, &count, NULL) == 0) {
		for (size_t i = 0; i < count; i++)
			any |= goes_on(g, mark, uid, ids[i], stops);
	}
	if (!any)
		guard_drop(g, mark->key);
}

void guard_overstaying(struct guarding *g, struct guard_stops *stops)
{
	for (size_t i = 0; i < g->state->marks_count; i++) {
		const char *id = guard_mark_rest(g, i, "expiring");
		const struct reservation *r = id ? pool_state_find(g->state, id) : NULL;

		if (id && (!r || plan_ends_any(g->p, r)))
			check_ended(g, &g->state->marks[i], stops);
	}
}
