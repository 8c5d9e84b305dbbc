/*
 * Backfill: a request that ends before those ahead of it can start may have GPUs that they wait
 * for. Called by plan_reserve and plan_wait, where the pool is set up so (queue.backfill).
 *
 * The proof. The request would have announced its end: its duration, or its time limit with what
 * comes behind that. For each entry ahead there is a moment before which it surely does not start
 * (plan_earliest_starts). Where the end is no later than that moment for every entry that could use
 * a GPU, the GPU is back before any of them can do something with it: collecting it later
 * changes nothing, since none of them is complete before. So each GPU can be judged on its own.
 *
 * It holds as long as reservations with an announced end stay until then, and those ahead stay in
 * the queue. If one ends earlier, or leaves, an entry could start sooner: it then waits for the
 * request, at most until the request's end. Entries that are absent at the moment are not counted.
 */
#include "plan/backfill.h"

#include "base/mem.h"
#include "plan/cleanup.h"
#include "plan/queue.h"
#include "plan/schedule.h"

/* Until the GPU is really with those it belongs to again: processes are killed, the driver frees
   their memory, the next request scans it, and collects it. */
#define HAND_BACK_NS (10 * NS_PER_SECOND)

static bool find_end(const struct plan_request *request, int64_t now_ns, int64_t *ret_end_ns)
{
	int64_t rest_ns = HAND_BACK_NS + (request->type == RESERVATION_RUN ? request->grace_ns : 0);

	if (!request->backfill || request->duration_ns <= 0 ||
	    request->duration_ns > INT64_MAX - now_ns - rest_ns)
		return false;
	*ret_end_ns = now_ns + request->duration_ns + rest_ns;
	return true;
}

/* Whether a part that was collected for an entry ahead may be had from it: not where its program
   does not know that this can happen, nor where the cleanup takes something from it just now. */
static bool is_lent(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan *p, const struct reservation *r, size_t places)
{
	size_t place = r->queue_id && *r->id ? plan_queue_find(state, r->queue_id) : places;

	return place < places && place < state->queue_count && state->queue[place].holder.host &&
	       !plan_changes_entry(p, &state->queue[place]) &&
	       plan_waiter_state(state, facts, place) == WAITER_ACTIVE;
}

/* Whether it is nobody's loss if the GPU is busy until end_ns. */
static bool is_harmless(const struct pool_state *state, const struct plan_facts *facts,
			const int64_t *earliest_ns, size_t places, int gpu, int64_t end_ns)
{
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		if (plan_entry_is_candidate(state, facts, i, gpu) && earliest_ns[i] < end_ns)
			return false;
	}
	return true;
}

void plan_backfill(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_request *request, const struct plan *p, size_t places,
		   struct candidate *all)
{
	AUTO_FREE int64_t *earliest_ns = NULL;
	int64_t end_ns;

	if (!state->queue_count || !find_end(request, facts->now_ns, &end_ns))
		return;
	earliest_ns = mem_alloc(state->queue_count, sizeof(*earliest_ns));
	plan_earliest_starts(state, facts, p, places, earliest_ns);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;
		struct candidate *c = &all[i];
		/* Before any scan, it is worth one. */
		bool idle = !c->barred && !c->withheld && !c->unsettled &&
			    (!facts->use || facts->use[i] == USE_IDLE);

		if (c->own || !idle || (!c->awaited && !c->reserved) ||
		    (c->reserved && !is_lent(state, facts, p, r, places)) ||
		    !is_harmless(state, facts, earliest_ns, places, c->id, end_ns))
			continue;
		c->lent = c->reserved ? r : NULL;
		c->idle = facts->use != NULL;
		c->backfill = true;
		c->reserved = c->awaited = c->unknown = false;
	}
}

void plan_backfill_take(const struct pool_state *state, const int *gpus, size_t count,
			int64_t now_ns, struct plan *p)
{
	AUTO_FREE bool *which = mem_alloc(state->slots_count, sizeof(*which));

	for (size_t i = 0; i < count; i++)
		which[gpus[i]] = true;
	for (size_t i = 0; i < state->queue_count; i++)
		plan_take_away(state, &state->queue[i], which, now_ns, p);
}
