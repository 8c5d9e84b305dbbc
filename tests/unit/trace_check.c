/* The rules of the queue, said a second time: see trace.h. */
#include "trace.h"

#include "base/mem.h"

void trace_fail(struct trace *t, const char *format, ...)
{
	va_list arguments;

	if (*t->failure)
		return;
	va_start(arguments, format);
	vsnprintf(t->failure, sizeof(t->failure), format, arguments);
	va_end(arguments);
}

static const struct agent *agent_of(const struct trace *t, const struct holder *holder)
{
	return holder->host ? &t->agents[holder->command.pid - 1] : NULL;
}

enum gpu_use trace_use(const struct trace *t, const struct agent *a, int gpu)
{
	return a && a->picky && t->little[gpu] && t->use[gpu] == USE_IDLE ? USE_BUSY : t->use[gpu];
}

int64_t trace_monotonic_ns(const struct trace *t)
{
	return t->now_ns - TRACE_START_NS + 1000 * NS_PER_SECOND;
}

void trace_facts(const struct trace *t, const struct pool_state *state, const struct agent *a,
		 struct trace_facts *ret)
{
	*ret = (struct trace_facts){
		.facts = {.now_ns = t->now_ns, .monotonic_ns = trace_monotonic_ns(t)}};
	for (int i = 0; i < TRACE_GPUS_MAX; i++)
		ret->use[i] = trace_use(t, a, i);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct agent *holder = agent_of(t, &state->reservations[i]->holder);

		ret->life[i] = !holder                    ? HOLDER_OUT_OF_SIGHT
			       : !holder->dead            ? HOLDER_ALIVE
			       : holder->supervisor_ended ? HOLDER_GONE
							  : HOLDER_ENDING;
	}
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct agent *waiter = agent_of(t, &state->queue[i].holder);

		ret->waiting[i] = !waiter           ? HOLDER_OUT_OF_SIGHT
				  : waiter->dead    ? HOLDER_GONE
				  : waiter->stopped ? HOLDER_STOPPED
						    : HOLDER_ALIVE;
	}
}

/* ---- the rules ---- */

static bool is_silent(const struct trace *t, const struct queue_entry *q)
{
	int64_t sign_ns = q->heartbeat_ns > q->enqueued_ns ? q->heartbeat_ns : q->enqueued_ns;

	return t->now_ns - sign_ns > 120 * NS_PER_SECOND;
}

static bool lives(const struct trace *t, const struct queue_entry *q)
{
	const struct agent *a = agent_of(t, &q->holder);

	return (!a || !a->dead) && (!is_silent(t, q) || a) && !q->cancelled &&
	       (q->give_up_ns == TIME_NONE || t->now_ns < q->give_up_ns);
}

/* It was offered a GPU, and has not answered for 4 s. */
static bool ignores_offer(const struct trace *t, const struct queue_entry *q)
{
	return q->offer.made_ns > OFFER_NONE &&
	       trace_monotonic_ns(t) - q->offer.made_ns >= 4 * NS_PER_SECOND;
}

static bool has_declined(const struct queue_entry *q, int gpu)
{
	for (size_t i = 0; q->offer.aside && i < q->offer.aside_gpus_count; i++) {
		if (q->offer.aside_gpus[i] == gpu)
			return true;
	}
	return false;
}

/* The other program's, that has had two minutes for a GPU that nobody uses. */
static bool leaves_lying(const struct trace *t, const struct pool_state *state,
			 const struct agent *seen_by, const struct queue_entry *q, int gpu)
{
	const struct slot *slot = &state->slots[gpu];

	return !agent_of(t, &q->holder) && trace_use(t, seen_by, gpu) == USE_IDLE &&
	       (!slot->reservation || slot->reservation->queue_id) &&
	       t->now_ns - q->enqueued_ns >= 120 * NS_PER_SECOND &&
	       t->now_ns - slot->last_released_ns >= 120 * NS_PER_SECOND;
}

/* Whether the GPUs in service suffice for so many, or for these. */
static bool is_served(const struct pool_state *state, const int *ids, size_t count)
{
	size_t in_service = 0;

	for (size_t i = 0; ids && i < count; i++) {
		if (state->slots[ids[i]].drained_by)
			return false;
	}
	for (size_t i = 0; i < state->slots_count; i++)
		in_service += !state->slots[i].drained_by;
	return ids || in_service >= count;
}

static bool counts(const struct trace *t, const struct pool_state *state,
		   const struct queue_entry *q)
{
	const struct agent *a = agent_of(t, &q->holder);

	return lives(t, q) && !(a && a->stopped) && !ignores_offer(t, q) &&
	       (!q->holder.host ||
		is_served(state, q->requested_ids,
			  q->requested_ids ? q->requested_ids_count : (size_t)q->requested_count));
}

static bool could_use(const struct queue_entry *q, int gpu)
{
	for (size_t i = 0; i < q->requested_ids_count; i++) {
		if (q->requested_ids[i] == gpu)
			return true;
	}
	return !q->requested_ids;
}

/* The other program's takes nothing before all those ahead of it are gone, or let it pass. */
static bool has_its_turn(const struct trace *t, const struct pool_state *state, size_t place)
{
	for (size_t i = 0; state->queue[place].holder.host == NULL && i < place; i++) {
		const struct queue_entry *q = &state->queue[i];
		const struct agent *a = agent_of(t, &q->holder);

		if (!q->lets_pass && (a ? !a->dead : !is_silent(t, q)))
			return false;
	}
	return true;
}

/* Who of those before a request could use the GPU, as the agent sees it. */
static const struct queue_entry *rival(const struct trace *t, const struct pool_state *state,
				       const struct agent *seen_by, int gpu, const char *before)
{
	for (size_t i = 0; !state->slots[gpu].drained_by && i < state->queue_count; i++) {
		if (before && !strcmp(state->queue[i].id, before))
			return NULL;
		if (counts(t, state, &state->queue[i]) && could_use(&state->queue[i], gpu) &&
		    !has_declined(&state->queue[i], gpu) && has_its_turn(t, state, i) &&
		    !leaves_lying(t, state, seen_by, &state->queue[i], gpu))
			return &state->queue[i];
	}
	return NULL;
}

static bool is_for(const struct reservation *r, const char *entry_id)
{
	return r && r->queue_id && !strcmp(r->queue_id, entry_id);
}

static size_t held_for(const struct pool_state *state, const struct queue_entry *q)
{
	size_t held = 0;

	for (size_t i = 0; i < state->slots_count; i++)
		held += is_for(state->slots[i].reservation, q->id);
	return held;
}

static size_t wanted_by(const struct queue_entry *q)
{
	return q->requested_ids ? q->requested_ids_count : (size_t)q->requested_count;
}

static bool is_named(const struct agent *a, int gpu)
{
	for (size_t i = 0; i < a->request.ids_count; i++) {
		if (a->request.ids[i] == gpu)
			return true;
	}
	return !a->request.ids;
}

/* An offer stands, also where the other program's request has become the first in its line since.
 */
static bool was_offered(const struct pool_state *seen, const struct agent *a, int gpu)
{
	size_t place = a->waits ? plan_queue_find(seen, a->entry_id) : seen->queue_count;

	return place < seen->queue_count && seen->queue[place].offer.made_ns > OFFER_NONE &&
	       gpu_ids_have(seen->queue[place].offer.gpus, seen->queue[place].offer.gpus_count,
			    gpu);
}

/* Whether a request has left it to the other program's, or does so now. */
static bool leaves_to_other(const struct trace *t, const struct pool_state *seen,
			    const struct agent *a, const struct queue_entry *q, int gpu)
{
	const struct queue_entry *first = rival(t, seen, a, gpu, q->id);

	return has_declined(q, gpu) || (first && !first->holder.host);
}

/* Somebody before it who has looked since anything changed, and could have taken it then. Who has
   left it to the other program's request is not overtaken by one to whom it had been offered. */
static void check_overtaken(struct trace *t, const struct pool_state *seen, const struct agent *a,
			    int gpu)
{
	for (size_t i = 0; i < seen->queue_count; i++) {
		const struct queue_entry *q = &seen->queue[i];
		const struct agent *other = agent_of(t, &q->holder);

		if (a->waits && !strcmp(q->id, a->entry_id))
			return;
		if (!other || !could_use(q, gpu) ||
		    (was_offered(seen, a, gpu) && leaves_to_other(t, seen, other, q, gpu)))
			continue;
		if (counts(t, seen, q) && other->looked && held_for(seen, q) < wanted_by(q) &&
		    trace_use(t, other, gpu) == USE_IDLE)
			trace_fail(t, "GPU %d was given to %s, and %s overtaken", gpu, a->entry_id,
				   q->id);
		t->passed_over++;
	}
}

/* What the request is given must be idle, and nobody before it may have use for it. */
static void check_given(struct trace *t, const struct pool_state *seen, const struct agent *a,
			const struct reservation *given)
{
	for (size_t i = 0; i < given->gpus_count; i++) {
		int gpu = given->gpus[i];
		const struct queue_entry *first =
			rival(t, seen, a, gpu, a->waits ? a->entry_id : NULL);

		if (!seen->slots[gpu].drained_by)
			check_overtaken(t, seen, a, gpu);
		if (trace_use(t, a, gpu) != USE_IDLE)
			trace_fail(t, "GPU %d was given away while in use", gpu);
		if (seen->slots[gpu].drained_by)
			trace_fail(t, "GPU %d was given away while out of service", gpu);
		if (first && (first->holder.host || !was_offered(seen, a, gpu)))
			trace_fail(t, "GPU %d was given to %s although %s comes first", gpu,
				   a->entry_id, first->id);
		if (!is_named(a, gpu))
			trace_fail(t, "GPU %d was not asked for", gpu);
	}
}

/* Whether a run is over: its command is, and its supervisor too, or it has not spoken for two
   heartbeats. */
static bool run_is_over(const struct trace *t, const struct reservation *r,
			const struct agent *holder)
{
	return holder && holder->dead &&
	       (holder->supervisor_ended ||
		t->now_ns - plan_last_heartbeat_ns(r, t->now_ns) > 2 * HEARTBEAT_INTERVAL_NS);
}

/* Only what is over may be ended. */
static void check_end(struct trace *t, const struct pool_state *seen, const struct agent *a,
		      const struct change_end *c)
{
	const struct reservation *r = c->reservation;
	const struct agent *holder = agent_of(t, &r->holder);
	const struct queue_entry *owner = NULL;

	if (c->unrecorded != (r->queue_id != NULL))
		trace_fail(t, "an end of '%s' for %s: recorded %d", r->id,
			   r->queue_id ? r->queue_id : "nobody", !c->unrecorded);
	for (size_t i = 0; r->queue_id && i < seen->queue_count; i++) {
		if (!strcmp(seen->queue[i].id, r->queue_id))
			owner = &seen->queue[i];
	}
	if (r->queue_id && owner && counts(t, seen, owner) &&
	    (!a || strcmp(a->entry_id, owner->id))) {
		for (size_t i = 0; i < c->gpus_count; i++) {
			if (!rival(t, seen, a, c->gpus[i], owner->id) &&
			    !seen->slots[c->gpus[i]].drained_by)
				trace_fail(t, "GPU %d was taken from %s", c->gpus[i], owner->id);
		}
	}
	if (!r->queue_id &&
	    (r->type == RESERVATION_MANUAL ? t->now_ns < r->expiry_ns : !run_is_over(t, r, holder)))
		trace_fail(t, "reservation %s was ended while it lasts", r->id);
}

static bool is_ended(const struct plan *p, int gpu)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_END && gpu_ids_have(c->end.gpus, c->end.gpus_count, gpu))
			return true;
	}
	return false;
}

void trace_check_plan(struct trace *t, const struct pool_state *seen, const struct plan *p,
		      const struct agent *a)
{
	size_t wanted = !a ? 0 : a->request.ids ? a->request.ids_count : (size_t)a->request.count;
	size_t collected = p->collected ? p->collected->gpus_count : 0;

	if (p->granted) {
		check_given(t, seen, a, p->granted);
		if (p->granted->gpus_count != wanted)
			trace_fail(t, "%zu GPUs granted instead of %zu", p->granted->gpus_count,
				   wanted);
	}
	if (p->collected)
		check_given(t, seen, a, p->collected);
	for (size_t i = 0; a && i < seen->slots_count; i++)
		collected +=
			is_for(seen->slots[i].reservation, a->entry_id) && !is_ended(p, (int)i);
	if (p->collected && collected > wanted)
		trace_fail(t, "%s collects %zu GPUs of %zu", a->entry_id, collected, wanted);
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_END)
			check_end(t, seen, a, &c->end);
		if (c->kind == CHANGE_DROP && lives(t, c->drop.entry) &&
		    (!a || strcmp(a->entry_id, c->drop.entry->id) != 0))
			trace_fail(t, "%s was dropped alive", c->drop.entry->id);
	}
}

void trace_check_service(struct trace *t, const struct pool_state *seen, const struct agent *a)
{
	if (is_served(seen, a->request.ids,
		      a->request.ids ? a->request.ids_count : (size_t)a->request.count))
		trace_fail(t, "%s was refused although enough GPUs are in service", a->entry_id);
}

void trace_check_refusal(struct trace *t, const struct pool_state *seen, const struct agent *a)
{
	size_t wanted = a->request.ids ? a->request.ids_count : (size_t)a->request.count, found = 0;

	for (size_t i = 0; i < seen->slots_count; i++) {
		found += is_named(a, (int)i) && !seen->slots[i].reservation &&
			 !seen->slots[i].drained_by && t->use[i] == USE_IDLE &&
			 !rival(t, seen, a, (int)i, NULL);
	}
	if (found >= wanted)
		trace_fail(t, "a request for %zu was refused, there were %zu", wanted, found);
}

/* ---- at rest ---- */

/* What an entry says that it has collected is what is held for it. */
static void check_list(struct trace *t, const struct queue_entry *q)
{
	const struct pool_state *state = &t->store.state;

	if (q->collected_count != held_for(state, q))
		trace_fail(t, "%s says it has collected %zu GPUs, it has %zu", q->id,
			   q->collected_count, held_for(state, q));
	for (size_t i = 0; i < q->collected_count; i++) {
		if (!is_for(state->slots[q->collected[i]].reservation, q->id))
			trace_fail(t, "%s says it has collected GPU %d", q->id, q->collected[i]);
	}
}

/* Nothing that is collected belongs to somebody who is not there, or to somebody behind. */
static void check_collected(struct trace *t, int gpu, const char *queue_id)
{
	const struct pool_state *state = &t->store.state;
	const struct queue_entry *first = rival(t, state, NULL, gpu, queue_id);
	const struct queue_entry *owner = NULL;

	for (size_t i = 0; i < state->queue_count; i++) {
		if (!strcmp(state->queue[i].id, queue_id))
			owner = &state->queue[i];
	}
	if (state->slots[gpu].drained_by)
		trace_fail(t, "GPU %d is kept for %s, but out of service", gpu, queue_id);
	else if (!owner || !counts(t, state, owner))
		trace_fail(t, "GPU %d is kept for %s, who is not there", gpu, queue_id);
	else if (first && first->holder.host)
		trace_fail(t, "GPU %d is kept for %s although %s comes first", gpu, queue_id,
			   first->id);
}

/* Whether somebody behind the first one would take the GPU. */
static bool is_wanted_behind(const struct trace *t, const struct queue_entry *first, int gpu)
{
	const struct pool_state *state = &t->store.state;

	for (const struct queue_entry *q = first + 1; q < state->queue + state->queue_count; q++) {
		const struct agent *a = agent_of(t, &q->holder);

		if (a && !a->frozen && counts(t, state, q) && could_use(q, gpu) &&
		    held_for(state, q) < wanted_by(q) && trace_use(t, a, gpu) == USE_IDLE)
			return true;
	}
	return false;
}

/* An idle GPU is taken by the first one, or was offered to it for the sake of those behind. */
static void check_idle(struct trace *t, const struct queue_entry *first, int gpu)
{
	const struct agent *a = agent_of(t, &first->holder);
	bool offered = first->offer.made_ns > OFFER_NONE &&
		       gpu_ids_have(first->offer.gpus, first->offer.gpus_count, gpu);

	if (!a || held_for(&t->store.state, first) >= wanted_by(first))
		return;
	if (!a->frozen && trace_use(t, a, gpu) == USE_IDLE)
		trace_fail(t, "GPU %d lies idle, %s waits for it", gpu, first->id);
	else if (is_wanted_behind(t, first, gpu) && (!a->frozen || !offered))
		trace_fail(t, "GPU %d lies idle, %s does not take it", gpu, first->id);
}

void trace_check_settled(struct trace *t)
{
	const struct pool_state *state = &t->store.state;

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;
		const struct queue_entry *first = rival(t, state, NULL, (int)i, NULL);

		if (r && r->queue_id && *r->id)
			check_collected(t, (int)i, r->queue_id);
		if (!r && first && t->use[i] == USE_IDLE)
			check_idle(t, first, (int)i);
	}
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct agent *a = agent_of(t, &state->queue[i].holder);

		if (a && a->dead)
			trace_fail(t, "%s is dead and in the line", state->queue[i].id);
		if (a && !a->stopped && !a->frozen)
			check_list(t, &state->queue[i]);
	}
}

void trace_check_end(struct trace *t)
{
	const struct pool_state *state = &t->store.state;

	for (size_t i = 0; i < t->agents_count; i++) {
		if (t->agents[i].phase != AGENT_DONE)
			trace_fail(t, "%s starves", t->agents[i].entry_id);
	}
	if (state->queue_count)
		trace_fail(t, "%s is left in the line", state->queue[0].id);
	if (state->reservations_count)
		trace_fail(t, "reservation %s is left", state->reservations[0]->id);
	if (t->store.records_count != t->granted_gpus)
		trace_fail(t, "%zu GPUs were granted, %zu recorded", t->granted_gpus,
			   t->store.records_count);
	for (size_t i = 0; i < t->store.records_count; i++) {
		const struct model_record *a = &t->store.records[i];

		for (size_t k = 0; *a->id && k < i; k++) {
			if (a->gpu == t->store.records[k].gpu &&
			    !strcmp(a->id, t->store.records[k].id))
				trace_fail(t, "GPU %d of %s is recorded twice", a->gpu, a->id);
		}
	}
}
