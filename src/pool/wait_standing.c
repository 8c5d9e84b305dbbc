/* How a waiting request stands: pool_wait_standing of wait.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/forecast.h"
#include "pool/wait_private.h"

/* An estimate depends on what runs on GPUs that nobody holds. A request that needs no scan for its
   decision scans for its estimate: first after this time, multiplied by its rank, so that those
   ahead share their scan with it; then with this period. */
#define OUTLOOK_FIRST_NS (250 * NS_PER_MS)
#define OUTLOOK_KEEP_NS (45 * NS_PER_SECOND)

/* The newer one of the scans that fit; NULL: there is none. */
static const struct scan_cache *newest_scan(const struct pool_wait *w,
					    const struct pool_state *state)
{
	const struct scan_cache *caches[] = {&w->cache, &w->outlook}, *newest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		if (caches[i]->taken_ns && scan_cache_fits(caches[i], state) &&
		    (!newest || caches[i]->taken_ns > newest->taken_ns))
			newest = caches[i];
	}
	return newest;
}

/* Whether one of the first requests could use that GPU. */
static bool is_wanted(const struct pool_state *state, size_t places, size_t gpu)
{
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		if (plan_entry_wants(&state->queue[i], (int)gpu))
			return true;
	}
	return false;
}

/* Whether the estimate depends on what runs on a GPU that nobody holds, and that is not known, or
   was long ago. */
static bool lacks_scan(const struct pool_wait *w, const struct step *step)
{
	const struct pool_state *state = &step->last.state;
	const struct scan_cache *newest = newest_scan(w, state);
	size_t place = plan_queue_find(state, w->entry_id);

	if (step->far || step->evaluation.rank >= WAIT_FAR_RANK ||
	    (newest && clock_monotonic_ns() - newest->taken_ns < OUTLOOK_KEEP_NS))
		return false;
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!state->slots[i].reservation && !state->slots[i].problem &&
		    !plan_is_withheld(state, step->last.facts.policy, (int)i) &&
		    is_wanted(state, place + 1, i))
			return true;
	}
	return false;
}

/* Takes the scan that the estimate lacks; where the request has not been told anything yet, soon.
 */
static void take_outlook(struct pool_wait *w, struct step *step, bool told)
{
	const struct scan_wish wish = {
		.interrupt_fd = w->interrupt_fd,
		.deadline_ns = w->deadline_ns == INT64_MAX ? 0 : w->deadline_ns,
	};
	int64_t soon_ns;

	if (!lacks_scan(w, step))
		return;
	if (told) {
		scan_cache_take(w->pool, &w->outlook, &wish, NULL);
		return;
	}
	soon_ns = clock_monotonic_ns() + (int64_t)(step->evaluation.rank + 1) * OUTLOOK_FIRST_NS;
	if (soon_ns < step->evaluation.until_ns)
		step->evaluation.until_ns = soon_ns;
}

/* What is known of the use of each GPU. What was released since the scan is taken for idle; without
   a scan nothing is known. The caller frees it. */
static enum gpu_use *use_for_outlook(const struct pool_wait *w, const struct pool_state *state)
{
	enum gpu_use *use = mem_alloc(state->slots_count, sizeof(*use));
	const struct scan_cache *scan = newest_scan(w, state);

	for (size_t i = 0; i < state->slots_count; i++) {
		if (!scan)
			use[i] = USE_UNKNOWN;
		else if (!state->slots[i].reservation &&
			 (scan->state.slots[i].reservation ||
			  scan_cache_is_outdated(scan, &state->slots[i])))
			use[i] = USE_IDLE;
		else
			use[i] = scan->observation.use[i];
	}
	return use;
}

/* When it is expected to start, by the boot clock; TIME_NONE where nobody can tell. */
static int64_t estimate(struct pool_wait *w, const struct pool_state *state,
			const struct plan_facts *facts, size_t place)
{
	AUTO(forecast_clear) struct forecast forecast = {0};

	if (place >= state->queue_count)
		return TIME_NONE;
	pool_forecast(w->pool, state, facts, place + 1, &forecast);
	if (forecast.starts_ns[place] == TIME_NONE)
		return TIME_NONE;
	return forecast.starts_ns[place] - facts->now_ns + facts->boot_ns;
}

/* Counts the requests that wait, and those of them before that place. */
static void count_active(const struct pool_state *state, const struct plan_facts *facts,
			 size_t place, struct pool_standing *s)
{
	s->place = 1;
	for (size_t i = 0; i < state->queue_count; i++) {
		bool active = i == place || plan_waiter_state(state, facts, i) == WAITER_ACTIVE;

		s->place += active && i < place;
		s->waiting += active;
	}
}

void standing_set(struct pool_wait *w, struct step *step)
{
	const struct pool_state *state = &step->last.state;
	struct plan_facts facts = step->last.facts, known;
	int64_t starts_boot_ns = w->standing.starts_boot_ns;
	size_t place = plan_queue_find(state, w->entry_id);
	struct pool_standing *s = &w->standing;
	AUTO_FREE enum gpu_use *use = NULL;

	take_outlook(w, step, s->joined);
	use = use_for_outlook(w, state);
	free(w->collected);
	w->collected = mem_alloc(state->slots_count, sizeof(*w->collected));
	*s = (struct pool_standing){
		.joined = place < state->queue_count,
		.entry_id = w->entry_id,
		.wanted = w->request.ids ? w->request.ids_count : (size_t)w->request.count,
		.collected = w->collected,
	};
	count_active(state, &facts, place, s);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (r && r->queue_id && !strcmp(r->queue_id, w->entry_id))
			w->collected[s->collected_count++] = (int)i;
	}
	facts.use = use;
	free(w->awaits);
	/* Not yet scanned is not unknown. */
	known = facts;
	known.use = newest_scan(w, state) ? use : NULL;
	w->awaits = plan_awaits(state, &known, place);
	s->awaits = w->awaits;
	free(w->passed_over);
	w->passed_over = s->joined ? plan_why_passed_over(state, &facts, place) : NULL;
	/* Others may have taken the GPU already, which ends that: it is told once all the same. */
	if (!w->passed_over)
		w->passed_over = mem_steal(&w->declined);
	mem_replace(&w->declined, NULL);
	s->passed_over = w->passed_over;
	/* Far behind, the liveness of the others was not observed: it keeps the last estimate. */
	s->starts_boot_ns = step->far ? starts_boot_ns : estimate(w, state, &facts, place);
}
