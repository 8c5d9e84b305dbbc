/*
 * Backfill: a request that ends before those ahead of it can start may have GPUs that they wait
 * for. Called by plan_reserve and plan_wait, where the pool is set up so (queue.backfill).
 *
 * The proof. The request would have announced its end: its duration, or its time limit with what
 * comes behind that. For each entry ahead there is a moment before which it surely does not start
 * (plan_earliest_starts). Where the end is no later than that moment for every entry that could use
 * a GPU, the GPU is back when any of them can do something with it: collecting it later changes
 * nothing, since none of them is complete before. Each GPU can so be judged on its own.
 *
 * It holds as long as those with an announced end stay until then, and those ahead stay in line.
 * Who ends earlier, or leaves, may let an entry start sooner: it then waits for the request, at
 * most until the request's end. Entries that are absent at the moment are not counted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/plan_private.h"

/* The end of a run that is over its time limit: its processes are killed, the driver frees their
   memory, the supervisor releases. */
#define RUN_END_MARGIN_NS (10 * NS_PER_SECOND)

bool plan_backfill_end(const struct plan_request *request, int64_t now_ns, int64_t *ret_end_ns)
{
	int64_t rest_ns =
		request->type == RESERVATION_RUN ? request->grace_ns + RUN_END_MARGIN_NS : 0;

	if (!request->backfill || request->duration_ns <= 0 ||
	    request->duration_ns > INT64_MAX - now_ns - rest_ns)
		return false;
	*ret_end_ns = now_ns + request->duration_ns + rest_ns;
	return true;
}

/* Whether a part that was collected for an entry ahead may be had from it: not where its program
   does not know that this can happen. */
static bool is_lent(const struct pool_state *state, const struct plan_facts *facts,
		    const struct reservation *r, size_t places)
{
	size_t place = r->queue_id && *r->id ? plan_queue_find(state, r->queue_id) : places;

	return place < places && place < state->queue_count && state->queue[place].holder.host &&
	       plan_waiter_state(state, facts, place) == WAITER_ACTIVE;
}

/* Whether it is nobody's loss if the GPU is busy until end_ns. */
static bool is_harmless(const struct pool_state *state, const struct plan_facts *facts,
			const int64_t *earliest_ns, size_t places, int gpu, int64_t end_ns)
{
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		if (plan_waiter_state(state, facts, i) == WAITER_ACTIVE &&
		    plan_entry_wants(&state->queue[i], gpu) && earliest_ns[i] < end_ns)
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

	if (!state->queue_count || !plan_backfill_end(request, facts->now_ns, &end_ns))
		return;
	earliest_ns = mem_alloc(state->queue_count, sizeof(*earliest_ns));
	plan_earliest_starts(state, facts, p, places, earliest_ns);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];
		const struct reservation *r = slot->reservation;
		struct candidate *c = &all[i];
		/* Where nobody has looked, it is worth a look. */
		bool idle = !slot->problem && (!facts->use || facts->use[i] == USE_IDLE);

		if (c->own || !idle || (!c->awaited && !c->reserved) ||
		    (c->reserved && !is_lent(state, facts, r, places)) ||
		    !is_harmless(state, facts, earliest_ns, places, c->id, end_ns))
			continue;
		c->lent = c->reserved ? r : NULL;
		c->idle = facts->use != NULL;
		c->backfill = true;
		c->reserved = c->awaited = c->unknown = false;
	}
}

/* Stores an entry without those GPUs among what it has collected. */
static void put_without(const struct queue_entry *q, const int *gpus, size_t count, struct plan *p)
{
	int *kept = plan_own(p, mem_alloc(q->collected_count, sizeof(*kept)));
	struct queue_entry *copy = plan_put_copy(p, q);

	copy->collected = kept;
	copy->collected_count = 0;
	for (size_t i = 0; i < q->collected_count; i++) {
		if (!bsearch(&q->collected[i], gpus, count, sizeof(*gpus), plan_compare_ids))
			kept[copy->collected_count++] = q->collected[i];
	}
}

/* Ends those GPUs of a part of the entry that are among the given; how many they were. */
static size_t take_part(const struct queue_entry *q, const struct reservation *r, const int *gpus,
			size_t count, int64_t now_ns, struct plan *p)
{
	AUTO_FREE int *part = mem_alloc(r->gpus_count, sizeof(*part));
	size_t part_count = 0;

	if (!r->queue_id || strcmp(r->queue_id, q->id) != 0 || plan_ends(p, r))
		return 0;
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (bsearch(&r->gpus[i], gpus, count, sizeof(*gpus), plan_compare_ids))
			part[part_count++] = r->gpus[i];
	}
	if (!part_count)
		return 0;
	plan_end(p, r, part, part_count, now_ns, END_RELEASED, NULL);
	p->changes[p->changes_count - 1].unrecorded = true;
	return part_count;
}

void plan_backfill_take(const struct pool_state *state, const int *gpus, size_t count,
			int64_t now_ns, struct plan *p)
{
	for (size_t i = 0; i < state->queue_count; i++) {
		size_t taken = 0;

		for (size_t k = 0; k < state->reservations_count; k++)
			taken += take_part(&state->queue[i], state->reservations[k], gpus, count,
					   now_ns, p);
		if (taken)
			put_without(&state->queue[i], gpus, count, p);
	}
}
