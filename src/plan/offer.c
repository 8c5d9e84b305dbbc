/* GPUs that are free for an entry which does not take them; see offer.h. */
#include "plan/offer.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/queue.h"
#include "plan/rebase.h"

/* The entry to which that GPU can be offered; NULL: none, or it was already. One that is passed
   over is not first any more. */
static const struct queue_entry *offer_to(const struct pool_state *state,
					  const struct plan_facts *facts, const struct candidate *c,
					  size_t places)
{
	const struct queue_entry *first = plan_first_for(state, facts, c->id, places);

	if (!first || first->offer.made_ns == OFFER_UNKNOWN)
		return NULL;
	return plan_is_offered(first, facts) &&
			       gpu_ids_have(first->offer.gpus, first->offer.gpus_count, c->id)
		       ? NULL
		       : first;
}

static void add_offer(const struct plan_facts *facts, struct queue_entry *put, int gpu,
		      struct plan *p)
{
	struct offer *o = &put->offer;
	int *gpus = plan_own(p, mem_alloc(o->gpus_count + 1, sizeof(*gpus)));

	/* The time of the first one counts: it has not reacted since. */
	if (!plan_is_offered(put, facts)) {
		o->made_ns = facts->monotonic_ns;
		memcpy(o->clock, plan_time_base(facts).clock, sizeof(o->clock));
		o->gpus_count = 0;
	}
	for (size_t i = 0; i < o->gpus_count; i++)
		gpus[i] = o->gpus[i];
	gpus[o->gpus_count++] = gpu;
	gpu_ids_sort(gpus, o->gpus_count);
	o->gpus = gpus;
}

void plan_offer(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, const struct candidate *all, size_t places,
		struct plan *p)
{
	for (size_t i = 0; facts->use && i < state->slots_count; i++) {
		const struct candidate *c = &all[i];
		const struct queue_entry *first;

		if (!c->idle || !c->awaited || c->unsuited || !plan_requests(request, c->id))
			continue;
		first = offer_to(state, facts, c, places);
		if (first)
			add_offer(facts, plan_put_copy(p, first, false), c->id, p);
	}
}

/* Another program's request takes no offer, but is passed over in the end (plan_first_for): that
   needs scans, too. */
bool plan_could_offer(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, const struct candidate *all,
		      size_t places)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct candidate *c = &all[i];
		const struct queue_entry *first;

		if (c->own || c->reserved || c->withheld || c->barred || c->unsuited ||
		    !c->awaited || !plan_requests(request, c->id))
			continue;
		first = plan_first_for(state, facts, c->id, places);
		if (first && (!first->holder.host || offer_to(state, facts, c, places)))
			return true;
	}
	return false;
}

/* ---- the answer ---- */

/* Whether the entry has not taken a GPU that it could have. One that a later entry has collected
   meanwhile is its own again when it can; without a scan it stays as it was. */
static bool is_declined(const struct pool_state *state, const struct plan_facts *facts,
			const struct queue_entry *q, const struct candidate *c, bool full,
			const struct plan *p)
{
	const struct reservation *r = state->slots[c->id].reservation;
	size_t place = plan_queue_find(state, q->id);
	const struct queue_entry *first = plan_first_for(state, facts, c->id, place);
	bool known =
		gpu_ids_have(q->offer.gpus, q->offer.gpus_count, c->id) || plan_is_aside(q, c->id);

	if (!known || c->own || c->withheld || (first && first->holder.host) ||
	    !plan_entry_wants(q, c->id) || (c->reserved && !r->queue_id))
		return false;
	if (p->collected && gpu_ids_have(p->collected->gpus, p->collected->gpus_count, c->id))
		return false;
	if (!facts->use)
		return plan_is_aside(q, c->id);
	return full || c->awaited || facts->use[c->id] != USE_IDLE || c->barred;
}

/* Whether it has as many as it needs, though not all of them are idle. */
static bool is_full(const struct pool_state *state, const struct queue_entry *q,
		    const struct candidate *all, const struct plan *p)
{
	size_t has = p->collected ? p->collected->gpus_count : 0;

	for (size_t i = 0; i < state->slots_count; i++)
		has += all[i].own;
	return has >= plan_entry_count(q);
}

static char *declined_text(const struct plan_facts *facts, const int *gpus, size_t count)
{
	const char *why = facts->reasons ? facts->reasons[gpus[0]] : NULL;
	AUTO_FREE char *others =
		count > 1 ? mem_printf(" (and %zu more GPU%s)", count - 1, str_plural(count - 1))
			  : mem_strdup("");

	return mem_printf("GPU %d %s%s", gpus[0], why ? why : "is one more than it needs", others);
}

static void decline(const struct pool_state *state, const struct plan_facts *facts,
		    const struct queue_entry *q, const struct candidate *all, struct plan *p,
		    struct offer *answer)
{
	int *gpus = plan_own(p, mem_alloc(state->slots_count, sizeof(*gpus)));
	bool full = is_full(state, q, all, p);
	size_t count = 0;

	for (size_t i = 0; i < state->slots_count; i++) {
		if (is_declined(state, facts, q, &all[i], full, p))
			gpus[count++] = all[i].id;
	}
	if (!count)
		return;
	gpu_ids_sort(gpus, count);
	answer->aside_gpus = gpus;
	answer->aside_gpus_count = count;
	answer->aside = facts->use || !q->offer.aside
				? plan_own(p, declined_text(facts, gpus, count))
				: q->offer.aside;
}

/* Another text alone is no news: numbers change all the time. */
static bool is_same_answer(const struct offer *a, const struct offer *b)
{
	return a->made_ns == b->made_ns && !a->aside == !b->aside &&
	       !a->aside_gpus == !b->aside_gpus &&
	       gpu_ids_are_same(a->aside_gpus, a->aside_gpus_count, b->aside_gpus,
				b->aside_gpus_count);
}

bool plan_answer(const struct pool_state *state, const struct plan_facts *facts,
		 const struct queue_entry *q, const struct candidate *all, bool blocked,
		 struct plan *p, struct offer *ret_answer)
{
	const struct offer *before = &q->offer;
	struct offer answer = {.made_ns = OFFER_NONE};
	bool offered = before->made_ns > OFFER_NONE;

	/* Nobody has looked yet. */
	if (offered && !facts->use) {
		answer = *before;
		answer.aside = NULL;
		answer.aside_gpus = NULL;
		answer.aside_gpus_count = 0;
	}
	/* That its account is at its limit the entry says by its account_limit. */
	if (!blocked)
		decline(state, facts, q, all, p, &answer);
	*ret_answer = answer;
	return before->made_ns != OFFER_UNKNOWN && !is_same_answer(before, &answer);
}

void plan_end_aside(const struct pool_state *state, const int *gpus, size_t count, struct plan *p)
{
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		const struct offer *o = &q->offer;
		struct offer *put;
		int *left;
		size_t left_count = 0;

		if (!o->aside || !o->aside_gpus || plan_drops(p, q))
			continue;
		left = plan_own(p, mem_alloc(o->aside_gpus_count, sizeof(*left)));
		for (size_t k = 0; k < o->aside_gpus_count; k++) {
			if (!gpu_ids_have(gpus, count, o->aside_gpus[k]))
				left[left_count++] = o->aside_gpus[k];
		}
		if (left_count == o->aside_gpus_count)
			continue;
		put = &plan_put_copy(p, q, false)->offer;
		put->aside = left_count ? o->aside : NULL;
		put->aside_gpus = left_count ? left : NULL;
		put->aside_gpus_count = left_count;
	}
}
