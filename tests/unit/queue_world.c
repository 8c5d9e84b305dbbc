/* A pool with a queue, in memory: see queue_world.h. */
#include "queue_world.h"

#include "base/mem.h"

static char here[] = "here";

static char *word(const char *text)
{
	return mem_strdup(text);
}

void world_init(struct world *w, size_t gpus)
{
	*w = (struct world){0};
	model_init(&w->store, gpus);
	w->facts = (struct plan_facts){
		.now_ns = NOW,
		.monotonic_ns = MONOTONIC,
		.use = w->use,
		.life = w->life,
		.waiting = w->waiting,
	};
	w->request = (struct plan_request){.actor = {.uid = 7, .account = "me"},
					   .type = RESERVATION_RUN,
					   .count = 2,
					   .holder = {.host = here, .command = {.pid = 7}},
					   .id = GRANT};
	w->wait = (struct plan_wait){.entry_id = ME, .part_id = PART};
}

void world_clear(struct world *w)
{
	plan_clear(&w->plan);
	pool_state_clear(&w->seen);
	model_clear(&w->store);
}

/* "2": any two; "#0,3": these. */
static size_t parse_wish(const char *wish, int ids[GPUS_MAX], int *ret_count)
{
	size_t n = 0;

	*ret_count = atoi(wish);
	for (const char *p = wish; *wish == '#' && *p; p++) {
		if (*p >= '0' && *p <= '9')
			ids[n++] = *p - '0';
	}
	if (n)
		*ret_count = (int)n;
	return n;
}

struct queue_entry *world_queue(struct world *w, const char *wish)
{
	struct pool_state *state = &w->store.state;
	size_t place = state->queue_count;
	struct queue_entry *q = pool_state_add_waiter(state);
	int ids[GPUS_MAX];

	snprintf(q->id, ID_SIZE, "%08zx-0000-4000-8000-000000000000", place + 1);
	q->user = mem_printf("u%zu", place);
	q->account = mem_printf("u%zu", place);
	q->requested_ids_count = parse_wish(wish, ids, &q->requested_count);
	if (q->requested_ids_count) {
		q->requested_ids = mem_alloc(q->requested_ids_count, sizeof(int));
		memcpy(q->requested_ids, ids, q->requested_ids_count * sizeof(int));
	}
	q->enqueued_ns = NOW - 100 * SECOND + (int64_t)place * 10 * SECOND;
	q->heartbeat_ns = NOW - SECOND;
	q->holder.host = word(here);
	q->holder.command.pid = 100 + (pid_t)place;
	q->version = word("1");
	return q;
}

void world_doubt(struct queue_entry *q)
{
	q->doubt.heartbeat_ns = q->heartbeat_ns;
	q->doubt.wall_ns = NOW - 3600 * SECOND;
	q->doubt.monotonic_ns = -3600 * SECOND;
}

struct reservation *world_hold(struct world *w, int gpu, const char *queue_id)
{
	struct pool_state *state = &w->store.state;
	struct reservation *r = reservation_new();

	snprintf(r->id, ID_SIZE, "bbbbbbbb-0000-4000-8000-00000000000%d", gpu);
	r->user = word("holder");
	r->account = word("holder");
	r->start_ns = r->heartbeat_ns = NOW - SECOND;
	r->queue_id = queue_id ? word(queue_id) : NULL;
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = gpu;
	r->gpus_count = 1;
	pool_state_add(state, r);
	return r;
}

const char *world_entry_id(const struct world *w, size_t place)
{
	return w->store.state.queue[place].id;
}

void world_wish(struct world *w, const char *text)
{
	w->request.ids_count = parse_wish(text, w->ids, &w->request.count);
	w->request.ids = w->request.ids_count ? w->ids : NULL;
}

const struct pool_state *world_load(struct world *w)
{
	plan_clear(&w->plan);
	err_clear(&w->e);
	pool_state_clear(&w->seen);
	model_load(&w->store, &w->seen);
	return &w->seen;
}

int world_decide(struct world *w)
{
	return plan_wait(world_load(w), &w->facts, &w->request, &w->wait, &w->plan, &w->e);
}

void world_commit(struct world *w)
{
	if (model_commit(&w->store, &w->seen, w->plan.changes, w->plan.changes_count) < 0)
		fail_msg("%s", w->store.failure.text);
	plan_clear(&w->plan);
}

const char *world_outcome(struct world *w)
{
	static char text[sizeof(((struct err *)NULL)->text)];
	const struct reservation *got;
	int r = world_decide(w);

	if (r < 0) {
		snprintf(text, sizeof(text), "%s", w->e.text);
		return text;
	}
	got = w->plan.granted ? w->plan.granted : w->plan.collected;
	snprintf(text, sizeof(text), "%s",
		 !got              ? "waits"
		 : w->plan.granted ? "granted"
				   : "collects");
	for (size_t i = 0; got && i < got->gpus_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", i ? "," : " ",
			 got->gpus[i]);
	world_commit(w);
	return text;
}

const struct change *world_only(const struct world *w, enum change_kind kind)
{
	const struct change *found = NULL;

	for (size_t i = 0; i < w->plan.changes_count; i++) {
		if (w->plan.changes[i].kind != kind)
			continue;
		assert_null(found);
		found = &w->plan.changes[i];
	}
	return found;
}
