/* The forecast as people are told of it: plan/forecast.h by tables. (What it rests on:
   test_plan_schedule.c.) */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/plan.h"

/* 2025-07-07 18:26 UTC */
#define NOW (INT64_C(1751912760) * NS_PER_SECOND)
#define MINUTE (60 * NS_PER_SECOND)
#define GPUS_MAX 4
#define PEOPLE_MAX 4

/* Who has a GPU: minutes from now; 0: nothing is known of that. */
struct holding {
	int gpu;
	enum reservation_type type;
	const char *user; /* the account is "alice" */
	int end_min;      /* expiry or time limit */
	int past_min;     /* runs of that account that last as long end in so much */
	bool ending;      /* its command has ended */
	bool collected;   /* for a request that waits */
};

/* Who waits, for how many GPUs and how long. */
struct waiting {
	int count, length_min;
};

static void hold(struct pool_state *state, const struct holding *h)
{
	struct reservation *r = reservation_new();

	id_new(r->id);
	r->user = mem_strdup(h->user ? h->user : "alice");
	r->account = mem_strdup("alice");
	r->type = h->type;
	r->start_ns = r->heartbeat_ns = NOW - 10 * MINUTE;
	if (h->end_min)
		*(h->type == RESERVATION_RUN ? &r->deadline_ns : &r->expiry_ns) =
			NOW + h->end_min * MINUTE;
	if (h->collected)
		r->queue_id = mem_strdup("somebody");
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = h->gpu;
	r->gpus_count = 1;
	pool_state_add(state, r);
}

static void queue(struct pool_state *state, const struct waiting *w)
{
	struct queue_entry *q = pool_state_add_waiter(state);

	id_new(q->id);
	q->user = mem_strdup("bob");
	q->account = mem_strdup("bob");
	q->type = RESERVATION_MANUAL;
	q->requested_count = w->count;
	q->duration_ns = w->length_min * MINUTE;
	q->enqueued_ns = q->heartbeat_ns = NOW - MINUTE;
	q->holder.host = mem_strdup("host");
}

struct when_case {
	const char *what;
	struct holding held[PEOPLE_MAX]; /* up to the first without an end, a past or a type */
	size_t held_count;
	struct waiting waits[PEOPLE_MAX];
	size_t waits_count;
	enum gpu_use use[GPUS_MAX]; /* the first are idle */
	int drained;                /* this GPU and those behind it; 0: none */
	int asks;                   /* GPUs */
	int id;                     /* this one; -1: any */
	enum place_wish linked;
	int limit;            /* policy.max-gpus of bob, who asks; 0: none */
	const char *expected; /* NULL: there is nothing to say */
};

static const struct when_case when_cases[] = {
	{"nobody has anything", .asks = 3, .id = -1, .use = {USE_BUSY, USE_BUSY}},
	{"by hand", .held = {{0, RESERVATION_MANUAL, .end_min = 44}}, .held_count = 1, .asks = 2,
	 .id = -1, .use = {USE_IDLE, USE_BUSY},
	 .expected = "next free about 19:10 (GPU 0, alice); --wait queues"},
	{"a display name", .held = {{0, RESERVATION_MANUAL, "ada", .end_min = 44}}, .held_count = 1,
	 .asks = 2, .id = -1,
	 .expected = "next free about 19:10 (GPU 0, ada (alice)); --wait queues"},
	{"the first of several, for one", .asks = 1, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 44}, {1, RESERVATION_RUN, .end_min = 4}},
	 .expected = "next free about 18:30 (GPU 1, alice); --wait queues"},
	{"the first of several, for both", .asks = 2, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 44}, {1, RESERVATION_RUN, .end_min = 4}},
	 .expected = "next free about 18:30 (GPU 1, alice); --wait queues, to start about 19:10"},
	{"earlier runs tell it", .asks = 1, .id = -1, .held_count = 1,
	 .held = {{0, RESERVATION_RUN, .past_min = 34}}, .use = {USE_IDLE, USE_BUSY},
	 .expected = "next free about 19:00 (GPU 0, alice); --wait queues"},
	{"another day", .asks = 1, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 24 * 60}, {1, RESERVATION_RUN}},
	 .expected = "next free about 2025-07-08 18:26 (GPU 0, alice); --wait queues"},
	{"nobody knows when", .asks = 1, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_RUN}, {1, RESERVATION_RUN}}, .expected = "--wait queues"},
	{"a command that has ended", .asks = 1, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_RUN, .ending = true, .end_min = 9}, {1, RESERVATION_RUN}},
	 .expected = "next free about 18:26 (GPU 0, alice); --wait queues"},
	{"others come first", .asks = 1, .id = -1, .held_count = 2, .waits_count = 1,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}, {1, RESERVATION_RUN}}, .waits = {{1, 60}},
	 .expected = "next free about 18:30 (GPU 0, alice); --wait queues, to start about 19:30"},
	{"others come first, and one GPU is used by nobody who could be foreseen", .asks = 1,
	 .id = -1, .held_count = 1, .waits_count = 1, .use = {USE_IDLE, USE_BUSY},
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}}, .waits = {{1, 60}},
	 .expected = "next free about 18:30 (GPU 0, alice); --wait queues, to start about 19:30"},
	{"the next one goes to somebody else", .asks = 1, .id = -1, .held_count = 2,
	 .waits_count = 1,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}, {1, RESERVATION_MANUAL, .end_min = 8}},
	 .waits = {{1, 60}}, .limit = 2,
	 .expected = "next free about 18:30 (GPU 0, alice); --wait queues, to start about 18:34"},
	{"another request of the account comes first, and the limit lets one through", .asks = 1,
	 .id = -1, .held_count = 2, .waits_count = 1,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}, {1, RESERVATION_MANUAL, .end_min = 8}},
	 .waits = {{1, 60}}, .limit = 1,
	 .expected = "next free about 18:30 (GPU 0, alice); --wait queues, to start about 19:30"},
	{"it goes out of service", .asks = 1, .id = -1, .held_count = 2, .drained = 1,
	 .held = {{0, RESERVATION_RUN}, {1, RESERVATION_MANUAL, .end_min = 4}},
	 .expected = "--wait queues"},
	{"what is collected comes back to nobody", .asks = 1, .id = -1, .held_count = 2,
	 .held = {{0, RESERVATION_RUN, .collected = true}, {1, RESERVATION_RUN, .end_min = 4}},
	 .expected = "next free about 18:30 (GPU 1, alice); --wait queues"},
	{"a certain one", .asks = 1, .id = 1, .held_count = 2,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}, {1, RESERVATION_MANUAL, .end_min = 44}},
	 .expected = "--wait queues, to start about 19:10"},
	{"a certain one that nobody has", .asks = 1, .id = 1, .held_count = 1,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 4}}, .use = {USE_IDLE, USE_BUSY}},
	{"together: when that is nobody knows", .asks = 2, .id = -1, .linked = PLACE_REQUIRED,
	 .held_count = 2,
	 .held = {{0, RESERVATION_MANUAL, .end_min = 44}, {1, RESERVATION_RUN, .end_min = 4}},
	 .expected = "next free about 18:30 (GPU 1, alice); --wait queues"},
};

static char *when_of(const struct when_case *c)
{
	AUTO(pool_state_clear) struct pool_state state = {.initialized = true};
	enum holder_life life[PEOPLE_MAX] = {0}, waiting[PEOPLE_MAX] = {0};
	int64_t runs_ns[PEOPLE_MAX] = {0}, entries_ns[PEOPLE_MAX + 1] = {0};
	const struct plan_past past = {.runs_ns = runs_ns, .entries_ns = entries_ns};
	const struct plan_policy policy = {.max_gpus = c->limit};
	const struct plan_facts facts = {
		.now_ns = NOW, .use = c->use, .life = life, .waiting = waiting, .policy = &policy};
	struct plan_request request = {.actor = {.uid = 1, .account = "bob"},
				       .type = RESERVATION_RUN,
				       .count = c->asks,
				       .ids = c->id >= 0 ? &c->id : NULL,
				       .ids_count = c->id >= 0,
				       .linked = c->linked};

	pool_state_make_slots(&state, 2);
	for (size_t i = 0; i < c->held_count; i++) {
		hold(&state, &c->held[i]);
		life[i] = c->held[i].ending ? HOLDER_ENDING : HOLDER_ALIVE;
		if (c->held[i].past_min)
			runs_ns[i] = (10 + c->held[i].past_min) * MINUTE;
	}
	for (size_t i = 0; i < c->waits_count; i++) {
		queue(&state, &c->waits[i]);
		waiting[i] = HOLDER_ALIVE;
	}
	for (size_t i = 0; c->drained && i < state.slots_count; i++) {
		if (i >= (size_t)c->drained)
			state.slots[i].drained_by = mem_strdup("root");
	}
	return plan_when(&state, &facts, &past, &request);
}

static void test_when(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	for (size_t i = 0; i < ARRAY_SIZE(when_cases); i++) {
		const struct when_case *c = &when_cases[i];
		AUTO_FREE char *got = when_of(c);

		if (!got != !c->expected || (got && strcmp(got, c->expected) != 0))
			fail_msg("%s:\n%s\nexpected\n%s", c->what, got ? got : "(nothing)",
				 c->expected ? c->expected : "(nothing)");
	}
}

/* ---- what an end rests on ---- */

static void test_ends(void **state)
{
	static const struct {
		struct holding held;
		int end_min; /* 0: unknown */
		enum end_basis basis;
	} cases[] = {
		{{.type = RESERVATION_MANUAL, .end_min = 9, .past_min = 5}, 9, END_BASIS_EXPIRY},
		{{.type = RESERVATION_MANUAL, .past_min = 5}, 0, END_BASIS_NONE},
		{{.type = RESERVATION_RUN, .end_min = 9, .past_min = 5}, 9, END_BASIS_LIMIT},
		{{.type = RESERVATION_RUN, .past_min = 5}, 5, END_BASIS_PAST},
		{{.type = RESERVATION_RUN}, 0, END_BASIS_NONE},
		{{.type = RESERVATION_RUN, .past_min = 5, .collected = true}, 0, END_BASIS_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(pool_state_clear) struct pool_state pool = {.initialized = true};
		AUTO(forecast_clear) struct forecast forecast = {0};
		int64_t run_ns = (10 + cases[i].held.past_min) * MINUTE;
		const struct plan_past past = {.runs_ns = &run_ns};
		const struct plan_facts facts = {.now_ns = NOW};

		if (!cases[i].held.past_min)
			run_ns = 0;
		pool_state_make_slots(&pool, 1);
		hold(&pool, &cases[i].held);
		plan_forecast(&pool, &facts, &past, 0, &forecast);
		assert_int_equal(forecast.bases[0], cases[i].basis);
		assert_true(forecast.ends_ns[0] ==
			    (cases[i].end_min ? NOW + cases[i].end_min * MINUTE : TIME_NONE));
	}
}

/* A time to come of another program may be in any year. */
static void test_end_of_centuries(void **state)
{
	AUTO(pool_state_clear) struct pool_state pool = {.initialized = true};
	AUTO(forecast_clear) struct forecast forecast = {0};
	int64_t run_ns = INT64_MAX - NS_PER_SECOND;
	const struct plan_past past = {.runs_ns = &run_ns};
	const struct plan_facts facts = {.now_ns = NOW};

	(void)state;
	pool_state_make_slots(&pool, 1);
	hold(&pool, &(struct holding){.type = RESERVATION_RUN});
	plan_forecast(&pool, &facts, &past, 0, &forecast);
	assert_int_equal(forecast.bases[0], END_BASIS_NONE);
	assert_true(forecast.ends_ns[0] == TIME_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_end_of_centuries),
	};

	return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
