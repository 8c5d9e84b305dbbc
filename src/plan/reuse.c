/* Reservations that a request can use as they are; see reuse.h. */
#include "plan/reuse.h"

#include "plan/actor.h"
#include "plan/kind.h"
#include "plan/queue.h"

/* As far as is known: before there is a scan, any GPU may be of the kind. */
static bool is_of_kind(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan_request *request, const struct reservation *r)
{
	bool known;

	for (size_t i = 0; facts->gpus && i < r->gpus_count; i++) {
		if (!plan_is_of_kind(state, facts, request, r->gpus[i], &known))
			return false;
	}
	return true;
}

static bool has_what_is_asked(const struct plan_request *request, const struct reservation *r)
{
	if (r->gpus_count != plan_request_count(request))
		return false;
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (!plan_requests(request, r->gpus[i]))
			return false;
	}
	return true;
}

static bool is_usable(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, const struct reservation *r)
{
	return r->type == RESERVATION_MANUAL && plan_owns(&request->actor, r) &&
	       !plan_is_collected(state, r) &&
	       (r->expiry_ns == TIME_NONE || r->expiry_ns > facts->now_ns) &&
	       has_what_is_asked(request, r) && is_of_kind(state, facts, request, r);
}

static bool ends_later(const struct reservation *a, const struct reservation *b)
{
	return b->expiry_ns != TIME_NONE &&
	       (a->expiry_ns == TIME_NONE || a->expiry_ns > b->expiry_ns);
}

void plan_reuse(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request, struct plan *p)
{
	const struct reservation *best = NULL;

	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (is_usable(state, facts, request, r) && (!best || ends_later(r, best)))
			best = r;
	}
	if (best)
		p->granted = reservation_copy(best);
}
