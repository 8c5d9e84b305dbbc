/* What happens on the simulated host: see trace.h. */
#include "trace.h"

#include "base/mem.h"

static char agent_host[] = "here", agent_name[] = "somebody";

/* xorshift64* */
size_t trace_random(struct trace *t, size_t n)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (size_t)((t->random * UINT64_C(2685821657736338717)) >> 33) % n;
}

bool trace_chance(struct trace *t, size_t one_in)
{
	return trace_random(t, one_in) == 0;
}

void trace_init(struct trace *t, uint64_t seed)
{
	*t = (struct trace){.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
			    .now_ns = TRACE_START_NS};
	model_init(&t->store, 1 + trace_random(t, TRACE_GPUS_MAX));
}

void trace_clear(struct trace *t)
{
	model_clear(&t->store);
}

void trace_id(struct trace *t, char id[ID_SIZE])
{
	snprintf(id, ID_SIZE, "%08llx-0000-4000-8000-000000000000", (unsigned long long)++t->ids);
}

/* ---- events ---- */

/* A random one of those agents; NULL where there is none. */
static struct agent *pick(struct trace *t, int phase, bool other, bool waits)
{
	struct agent *found[TRACE_AGENTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < t->agents_count; i++) {
		struct agent *a = &t->agents[i];

		if ((int)a->phase == phase && a->other == other && (!waits || a->waits))
			found[count++] = a;
	}
	return count ? found[trace_random(t, count)] : NULL;
}

static void arrive(struct trace *t)
{
	struct agent *a = &t->agents[t->agents_count];
	size_t gpus = t->store.state.slots_count;

	if (t->agents_count == TRACE_AGENTS_MAX)
		return;
	t->agents_count++;
	*a = (struct agent){.other = trace_chance(t, 8), .enqueued_ns = TIME_NONE};
	a->waits = a->other || !trace_chance(t, 4);
	a->picky = a->waits && trace_chance(t, 4);
	trace_id(t, a->entry_id);
	trace_id(t, a->id);
	a->request = (struct plan_request){
		.actor = {.uid = (uid_t)(1 + trace_random(t, 3)), .account = agent_name},
		.type = trace_chance(t, 2) ? RESERVATION_RUN : RESERVATION_MANUAL,
		.count = 1 + (int)trace_random(t, gpus),
		.duration_ns = (int64_t)(1 + trace_random(t, 300)) * NS_PER_SECOND,
		.holder = {.host = agent_host, .command.pid = (pid_t)t->agents_count},
		.id = a->id,
	};
	for (size_t i = 0; i < gpus && !a->other; i++) {
		if (trace_chance(t, 3))
			a->ids[a->request.ids_count++] = (int)i;
	}
	a->request.ids = a->request.ids_count && trace_chance(t, 2) ? a->ids : NULL;
	if (!a->request.ids)
		a->request.ids_count = 0;
	if (trace_chance(t, 5))
		a->give_up_ns = t->now_ns + (int64_t)trace_random(t, 400) * NS_PER_SECOND + 1;
	if (!a->waits)
		trace_ask(t, a);
}

/* The command of a run ends, or somebody releases what was reserved by hand. */
static void end_holder(struct trace *t, struct agent *a)
{
	a->dead = true;
	if (a->request.type == RESERVATION_MANUAL || trace_chance(t, 2))
		trace_release(t, a->id);
	else
		a->supervisor_ended = trace_chance(t, 2);
}

static void kill_waiter(struct agent *a)
{
	a->dead = a->supervisor_ended = true;
	a->phase = AGENT_DONE;
}

static void cancel(struct trace *t, const char *entry_id)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor root = {.account = "root"};
	const struct queue_entry *entry;
	struct trace_facts f;
	struct err e = {0};

	model_load(&t->store, &state);
	trace_facts(t, &state, NULL, &f);
	f.facts.waiting = f.waiting;
	if (plan_cancel(&state, &f.facts, &root, entry_id, &p, &entry, &e) == 0)
		trace_commit(t, &state, p.changes, p.changes_count);
}

/* Takes a GPU out of service, or puts it back. */
static void drain(struct trace *t, int gpu, bool out)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor root = {.account = "root"};
	struct trace_facts f;

	model_load(&t->store, &state);
	trace_facts(t, &state, NULL, &f);
	if (plan_drain(&state, &f.facts, &root, &gpu, 1, out, NULL, &p, NULL) < 0)
		trace_fail(t, "GPU %d cannot be drained", gpu);
	trace_commit(t, &state, p.changes, p.changes_count);
}

static void of_a_waiter(struct trace *t, struct agent *a, bool nested)
{
	switch (a ? trace_random(t, 16) : 16) {
	case 0:
		kill_waiter(a);
		return;
	case 1:
		a->stopped = !a->stopped;
		a->looked = false;
		return;
	case 2:
		a->frozen = !a->frozen;
		a->looked = false;
		return;
	case 3:
		if (!a->stopped && !a->frozen)
			trace_leave(t, a);
		return;
	case 4:
		cancel(t, a->entry_id);
		return;
	case 16:
		return;
	default:
		if (!a->stopped && !a->frozen)
			trace_step(t, a, nested);
	}
}

void trace_nobody_has_looked(struct trace *t)
{
	for (size_t i = 0; i < t->agents_count; i++)
		t->agents[i].looked = false;
}

static void others_use(struct trace *t, int gpu)
{
	trace_nobody_has_looked(t);
	t->use[gpu] = trace_chance(t, 3) ? (enum gpu_use)trace_random(t, USE_FAULTY + 1) : USE_IDLE;
	t->little[gpu] = trace_chance(t, 4);
}

void trace_event(struct trace *t, bool nested)
{
	struct agent *a;

	trace_note_ends(t);
	switch (trace_random(t, 16)) {
	case 0:
	case 1:
	case 2:
		arrive(t);
		break;
	case 3:
	case 4:
		if ((a = pick(t, AGENT_HOLDING, false, false)))
			end_holder(t, a);
		break;
	case 5:
		others_use(t, (int)trace_random(t, TRACE_GPUS_MAX));
		break;
	case 6:
	case 7:
		trace_nobody_has_looked(t);
		t->now_ns += (int64_t)trace_random(t, 20) * NS_PER_SECOND;
		break;
	case 8:
		trace_nobody_has_looked(t);
		if (trace_chance(t, 6))
			t->now_ns += (int64_t)(100 + trace_random(t, 100)) * NS_PER_SECOND;
		else if (trace_chance(t, 2))
			drain(t, (int)trace_random(t, t->store.state.slots_count),
			      trace_chance(t, 3));
		break;
	case 9:
		trace_clean_up(t);
		break;
	case 10:
		if ((a = pick(t, AGENT_WAITING, true, true)))
			trace_other_step(t, a);
		break;
	case 11:
		if (nested)
			trace_settle(t);
		break;
	default:
		of_a_waiter(t, pick(t, AGENT_WAITING, false, true), nested);
	}
	trace_note_ends(t);
}

void trace_settle(struct trace *t)
{
	bool changed = true;

	for (int round = 0; changed; round++) {
		size_t first = trace_random(t, TRACE_AGENTS_MAX);

		changed = false;
		for (size_t i = 0; i < TRACE_AGENTS_MAX; i++) {
			struct agent *a = &t->agents[(i + first) % TRACE_AGENTS_MAX];

			if (a < t->agents + t->agents_count && a->phase == AGENT_WAITING &&
			    !a->other && !a->stopped && !a->frozen)
				changed |= trace_step(t, a, false);
		}
		if (round > 100) {
			trace_fail(t, "they never come to rest");
			return;
		}
	}
	trace_clean_up(t);
	trace_check_settled(t);
}

static void finish_round(struct trace *t)
{
	t->now_ns += 10 * NS_PER_SECOND;
	trace_nobody_has_looked(t);
	for (size_t i = 0; i < TRACE_GPUS_MAX; i++) {
		t->use[i] = USE_IDLE;
		t->little[i] = false;
	}
	for (size_t i = 0; i < t->store.state.slots_count; i++)
		drain(t, (int)i, false);
	for (size_t i = 0; i < t->agents_count; i++) {
		struct agent *a = &t->agents[i];

		a->stopped = a->frozen = false;
		if (a->phase == AGENT_HOLDING && a->dead)
			trace_release(t, a->id);
		else if (a->phase == AGENT_HOLDING && trace_chance(t, 3))
			end_holder(t, a);
		else if (a->phase == AGENT_WAITING && a->other && trace_chance(t, 20))
			a->phase = AGENT_DONE; /* its program dies: nobody sees it */
		else if (a->phase == AGENT_WAITING && a->other)
			trace_other_step(t, a);
	}
	trace_settle(t);
	trace_note_ends(t);
}

void trace_finish(struct trace *t)
{
	const struct pool_state *state = &t->store.state;
	bool waiting = true;

	for (int round = 0; round < 500 && !*t->failure; round++) {
		if (!waiting && !state->queue_count && !state->reservations_count)
			break;
		finish_round(t);
		waiting = false;
		for (size_t i = 0; i < t->agents_count; i++)
			waiting |= t->agents[i].phase != AGENT_DONE;
	}
	trace_check_end(t);
}
