/* What the programs of the simulated host do, each by one decision and one commit: see trace.h. */
#include "trace.h"

#include <errno.h>

#include "base/mem.h"

static char other_name[] = "other";

/* ---- deciding and committing ---- */

/* Counts what the commit says of offers. */
static void note_offers(struct trace *t, const struct pool_state *seen,
			const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct queue_entry *put =
			changes[i].kind == CHANGE_PUT ? changes[i].put.entry : NULL;
		size_t place = put ? plan_queue_find(seen, put->id) : seen->queue_count;

		if (place == seen->queue_count)
			continue;
		t->offered +=
			put->offer.made_ns > seen->queue[place].offer.made_ns && put->offer.gpus;
		t->declined += put->offer.aside && !seen->queue[place].offer.aside;
		if (put->offer.made_ns > OFFER_NONE && !put->holder.host)
			trace_fail(t, "a GPU was offered to the other program");
	}
}

/* Who may go first is another one now: what was left to the other program's may be somebody's. */
static void note_order(struct trace *t, const struct pool_state *seen, const struct change *changes,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct queue_entry *q = change_entry(&changes[i]);
		size_t place = q ? plan_queue_find(seen, q->id) : seen->queue_count;

		bool theirs_leaves = changes[i].kind == CHANGE_DROP && !q->holder.host;

		if (theirs_leaves ||
		    (place < seen->queue_count && q->lets_pass != seen->queue[place].lets_pass))
			trace_nobody_has_looked(t);
	}
}

int trace_commit(struct trace *t, const struct pool_state *seen, const struct change *changes,
		 size_t count)
{
	int r = model_commit(&t->store, seen, changes, count);

	if (r == 0) {
		note_offers(t, seen, changes, count);
		note_order(t, seen, changes, count);
	}
	if (r == -EINVAL)
		trace_fail(t, "%s", t->store.failure.text);
	t->overtaken += r == -EAGAIN;
	return r;
}

/* What was granted and is not there any more has ended. */
void trace_note_ends(struct trace *t)
{
	for (size_t i = 0; i < t->agents_count; i++) {
		struct agent *a = &t->agents[i];

		if (a->phase == AGENT_HOLDING && !a->other &&
		    !pool_state_find(&t->store.state, a->id))
			a->phase = AGENT_DONE;
	}
}

static void note_grant(struct trace *t, struct agent *a, const struct plan *p)
{
	a->phase = AGENT_HOLDING;
	a->dead |= a->request.type == RESERVATION_MANUAL; /* `reserve` ends */
	t->granted_gpus += p->granted->gpus_count;
}

void trace_leave(struct trace *t, struct agent *a)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};

	model_load(&t->store, &state);
	plan_leave(&state, a->entry_id, t->now_ns, &p);
	trace_commit(t, &state, p.changes, p.changes_count);
	a->phase = AGENT_DONE;
	a->dead = true;
}

/* One step of a program that waits; whether it changed anything. */
bool trace_step(struct trace *t, struct agent *a, bool nested)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	struct trace_facts f;
	char part_id[ID_SIZE];
	struct plan_wait wait = {.entry_id = a->entry_id,
				 .part_id = part_id,
				 .enqueued_ns = a->enqueued_ns,
				 .give_up_ns = a->give_up_ns,
				 .heartbeat = t->now_ns >= a->heartbeat_due_ns};
	struct err e = {0};
	int r;

	if (a->give_up_ns != TIME_NONE && t->now_ns >= a->give_up_ns) {
		trace_leave(t, a);
		return true;
	}
	trace_id(t, part_id);
	model_load(&t->store, &state);
	trace_facts(t, &state, a, &f);
	f.facts.life = f.life;
	f.facts.waiting = f.waiting;
	f.facts.use = f.use;
	a->looked = true;
	r = plan_wait(&state, &f.facts, &a->request, &wait, &p, &e);
	if (r == -ECANCELED) {
		trace_leave(t, a);
		return true;
	}
	if (r == -ERANGE && a->enqueued_ns == TIME_NONE) {
		trace_check_service(t, &state, a);
		a->phase = AGENT_DONE;
		a->dead = true;
		return true;
	}
	if (r < 0)
		trace_fail(t, "%s: %s", a->entry_id, e.text);
	trace_check_plan(t, &state, &p, a);
	/* Sometimes others are faster. */
	if (nested && p.changes_count && trace_chance(t, 2))
		trace_event(t, false);
	if (a->phase != AGENT_WAITING || a->dead ||
	    trace_commit(t, &state, p.changes, p.changes_count))
		return true;
	for (size_t i = 0; i < p.changes_count; i++) {
		const struct queue_entry *q = change_entry(&p.changes[i]);

		if (!q || strcmp(q->id, a->entry_id) != 0)
			continue;
		a->enqueued_ns = q->enqueued_ns;
		a->heartbeat_due_ns = t->now_ns + QUEUE_HEARTBEAT_NS;
	}
	if (p.granted)
		note_grant(t, a, &p);
	return p.changes_count > 0;
}

/* A request that does not wait. */
void trace_ask(struct trace *t, struct agent *a)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	struct trace_facts f;
	struct err e = {0};
	int r;

	model_load(&t->store, &state);
	trace_facts(t, &state, a, &f);
	f.facts.life = f.life;
	f.facts.waiting = f.waiting;
	f.facts.use = f.use;
	r = plan_reserve(&state, &f.facts, &a->request, &p, &e);
	if (r == -EBUSY)
		trace_check_refusal(t, &state, a);
	else if (r == -ERANGE)
		trace_check_service(t, &state, a);
	else if (r < 0)
		trace_fail(t, "%s", e.text);
	trace_check_plan(t, &state, &p, a);
	a->phase = AGENT_DONE;
	if (trace_commit(t, &state, p.changes, p.changes_count) == 0 && p.granted)
		note_grant(t, a, &p);
}

/* What any `status` does. */
void trace_clean_up(struct trace *t)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	struct trace_facts f;

	model_load(&t->store, &state);
	trace_facts(t, &state, NULL, &f);
	f.facts.life = f.life;
	f.facts.waiting = f.waiting;
	plan_cleanup(&state, &f.facts, &p);
	trace_check_plan(t, &state, &p, NULL);
	trace_commit(t, &state, p.changes, p.changes_count);
}

void trace_release(struct trace *t, const char *id)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	const struct reservation *r;

	model_load(&t->store, &state);
	r = pool_state_find(&state, id);
	if (!r)
		return;
	plan_end(&p, r, r->gpus, r->gpus_count, t->now_ns, END_RELEASED, NULL);
	trace_commit(t, &state, p.changes, p.changes_count);
}

/* ---- the other program: only who is first in its line gets anything ---- */

static void other_puts(struct trace *t, struct agent *a, const struct pool_state *state)
{
	size_t place = plan_queue_find(state, a->entry_id);
	struct queue_entry entry = {
		.user = other_name,
		.account = other_name,
		.type = RESERVATION_MANUAL,
		.requested_count = a->request.count,
		.enqueued_ns = t->now_ns,
	};
	struct change put = {.kind = CHANGE_PUT, .put.entry = &entry};

	if (place < state->queue_count)
		entry = state->queue[place];
	memcpy(entry.id, a->entry_id, ID_SIZE);
	entry.heartbeat_ns = t->now_ns;
	trace_commit(t, state, &put, 1);
}

/* A reservation of one GPU, without an id. */
static struct reservation *other_reservation(const struct trace *t, int gpu, const char *queue_id)
{
	struct reservation *r = reservation_new();

	r->user = mem_strdup(other_name);
	r->account = mem_strdup(other_name);
	r->type = RESERVATION_MANUAL;
	r->start_ns = t->now_ns;
	r->expiry_ns = t->now_ns + 600 * NS_PER_SECOND;
	r->queue_id = mem_strdup(queue_id);
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = gpu;
	r->gpus_count = 1;
	return r;
}

/* Takes what is free, one by one; when it has all, makes reservations of it. */
static void other_takes(struct trace *t, struct agent *a)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	struct change changes[2 * TRACE_GPUS_MAX + 1];
	struct reservation *made[TRACE_GPUS_MAX];
	size_t count = 0, held = 0, gpus = t->store.state.slots_count;

	model_load(&t->store, &state);
	/* First what it has, then what is free. */
	for (size_t k = 0; k < 2 * gpus && held < (size_t)a->request.count; k++) {
		const struct reservation *r = state.slots[k % gpus].reservation;
		size_t i = k % gpus;

		if (k < gpus ? !r || !r->queue_id || strcmp(r->queue_id, a->entry_id) != 0
			     : r || t->use[i] != USE_IDLE)
			continue;
		if (r)
			changes[count++] = (struct change){.kind = CHANGE_END,
							   .end = {.unrecorded = true,
								   .reservation = r,
								   .gpus = r->gpus,
								   .gpus_count = 1,
								   .end_ns = t->now_ns}};
		made[held++] = other_reservation(t, (int)i, a->entry_id);
		changes[count++] =
			(struct change){.kind = CHANGE_GRANT, .grant.reservation = made[held - 1]};
	}
	if (held == (size_t)a->request.count) {
		for (size_t i = 0; i < held; i++)
			mem_replace(&made[i]->queue_id, NULL);
		changes[count++] = (struct change){
			.kind = CHANGE_DROP,
			.drop.entry = &state.queue[plan_queue_find(&state, a->entry_id)]};
		a->phase = AGENT_DONE;
		t->granted_gpus += held;
	}
	trace_commit(t, &state, changes, count);
	for (size_t i = 0; i < held; i++)
		reservation_free(made[i]);
}

/* Those that let it pass are behind it for that program. */
static bool is_first_there(const struct pool_state *state, const char *id)
{
	size_t place = plan_queue_find(state, id);

	for (size_t i = 0; i < place; i++) {
		if (!state->queue[i].lets_pass)
			return false;
	}
	return place < state->queue_count;
}

void trace_other_step(struct trace *t, struct agent *a)
{
	AUTO(pool_state_clear) struct pool_state state = {0};

	model_load(&t->store, &state);
	if (a->enqueued_ns != TIME_NONE &&
	    plan_queue_find(&state, a->entry_id) == state.queue_count) {
		a->phase = AGENT_DONE; /* taken for dead */
		return;
	}
	other_puts(t, a, &state);
	a->enqueued_ns = t->now_ns;
	if (is_first_there(&t->store.state, a->entry_id))
		other_takes(t, a);
}
