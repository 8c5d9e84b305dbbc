/* How a waiting request stands: pool_wait_standing of wait.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/forecast.h"
#include "pool/wait_private.h"

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

void standing_set(struct pool_wait *w, const struct step *step)
{
	const struct pool_state *state = &step->last.state;
	struct plan_facts facts = step->last.facts;
	int64_t starts_boot_ns = w->standing.starts_boot_ns;
	size_t place = plan_queue_find(state, w->entry_id);
	struct pool_standing *s = &w->standing;

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
	facts.use = w->cache.taken_ns && scan_cache_fits(&w->cache, state)
			    ? w->cache.observation.use
			    : NULL;
	free(w->awaits);
	w->awaits = plan_awaits(state, &facts, place);
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
