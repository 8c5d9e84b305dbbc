/* Where other programs write to the store as well: GPUs that one of them may still be freeing, and
   a line of requests in which theirs take nothing before they are first. */
#include "queue_world.h"

#include <errno.h>

#include "base/mem.h"

#define MS NS_PER_MS

/* Which reservations another program ends by itself. */
static void test_others_may_end(void **state)
{
	static const struct {
		const char *title;
		enum reservation_type type;
		int64_t expiry_ns, heartbeat_ns; /* from now; 0: none */
		int part; /* of a request: 1 that is heard of, 2 silent, 3 gone */
		bool may;
	} cases[] = {
		{"by hand, lasting", RESERVATION_MANUAL, SECOND, 0, 0, false},
		{"by hand, at its end", RESERVATION_MANUAL, -1, 0, 0, true},
		{"by hand, long after", RESERVATION_MANUAL, -3600 * SECOND, 0, 0, true},
		{"a run, heard of", RESERVATION_RUN, 0, -60 * SECOND, 0, false},
		{"a run, nearly silent", RESERVATION_RUN, 0, -295 * SECOND, 0, true},
		{"a run, silent", RESERVATION_RUN, 0, -301 * SECOND, 0, true},
		{"a part", RESERVATION_MANUAL, 3600 * SECOND, 0, 1, false},
		{"a part of a silent request", RESERVATION_MANUAL, 3600 * SECOND, 0, 2, true},
		{"a part that is left over", RESERVATION_MANUAL, 3600 * SECOND, 0, 3, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct reservation *r;

		world_init(&w, 1);
		world_queue(&w, "1");
		if (cases[i].part == 2)
			w.store.state.queue[0].heartbeat_ns = NOW - 121 * SECOND;
		w.store.state.queue[0].enqueued_ns = NOW - 3600 * SECOND;
		r = world_hold(&w, 0,
			       !cases[i].part       ? NULL
			       : cases[i].part == 3 ? ME
						    : world_entry_id(&w, 0));
		r->type = cases[i].type;
		r->start_ns = NOW - 7200 * SECOND;
		r->heartbeat_ns = cases[i].heartbeat_ns ? NOW + cases[i].heartbeat_ns : TIME_NONE;
		r->expiry_ns = cases[i].expiry_ns ? NOW + cases[i].expiry_ns : TIME_NONE;
		if (plan_others_may_end(&w.store.state, &w.facts, r) != cases[i].may)
			fail_msg("%s", cases[i].title);
	}
}

/* A GPU that is free: who has freed it, and when. */
static void test_settles(void **state)
{
	static const struct {
		const char *clock;   /* "": another program */
		int64_t lapsed_ms;   /* before now; 0: it was released */
		int64_t released_ms; /* before now */
		bool alone;          /* nobody else writes to the store */
		int64_t left_ms;
	} cases[] = {
		{"boot-1", 0, 1, false, 0}, /* by its holder: at once */
		{"boot-1", 10, 3600000, false, 490},
		{"boot-1", 10, 3600000, true, 0},
		{"boot-1", 500, 3600000, false, 0},
		{"boot-1", -100, 3600000, false, 500}, /* another host's clock is ahead */
		{"boot-1", -500, 3600000, false, 0},
		{"", 10, 3600000, false, 490}, /* ours has ended the other's */
		{"", 0, 1, false, 499},        /* the other's: nobody knows why */
		{"", 0, 1, true, 0},
		{"", 0, 500, false, 0},
		{"", 0, 3600000, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct slot *slot;
		int64_t left_ns;

		world_init(&w, 1);
		w.facts.shared = !cases[i].alone;
		slot = &w.store.state.slots[0];
		strcpy(slot->released_base.clock, cases[i].clock);
		slot->last_released_ns = NOW - cases[i].released_ms * MS;
		if (cases[i].lapsed_ms)
			slot->lapsed_ns = NOW - cases[i].lapsed_ms * MS;
		left_ns = plan_unsettled_ns(&w.store.state, &w.facts, NULL, 0);
		if (left_ns != cases[i].left_ms * MS)
			fail_msg("case %zu: %lld ns", i, (long long)left_ns);
		world_wish(&w, "1");
		assert_string_equal(world_outcome(&w), left_ns ? "waits" : "granted 0");
	}
}

/* The clock was set after the end: the time since is that of the boot clock. */
static void test_settles_by_boot_clock(void **state)
{
	AUTO(world_clear) struct world w;
	struct slot *slot;

	(void)state;
	world_init(&w, 1);
	slot = &w.store.state.slots[0];
	w.facts.shared = true;
	w.facts.clock = "boot-1";
	w.facts.boot_ns = 500 * SECOND;
	strcpy(slot->released_base.clock, "boot-1");
	slot->released_base.offset_ns = NOW - 3600 * SECOND - 500 * SECOND;
	slot->last_released_ns = 1;
	slot->lapsed_ns = NOW - 3600 * SECOND - 100 * MS;
	assert_int_equal(plan_unsettled_ns(&w.store.state, &w.facts, NULL, 0), 400 * MS);
}

/* The end is committed alone, with its time; then the GPU is waited for, and no other. */
static void test_end_first(void **state)
{
	static const struct {
		const char *title;
		bool shared;
		size_t gpus;
		const char *first; /* what the first decision gives */
	} cases[] = {
		{"alone", false, 1, "granted 0"},
		{"shared", true, 1, "waits"},
		{"shared, another is free", true, 2, "granted 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct reservation *r;

		world_init(&w, cases[i].gpus);
		w.facts.shared = cases[i].shared;
		r = world_hold(&w, 0, NULL);
		r->type = RESERVATION_MANUAL;
		r->start_ns = NOW - 3600 * SECOND;
		r->expiry_ns = NOW - SECOND;
		world_wish(&w, "1");
		assert_int_equal(world_decide(&w), 0);
		plan_note_lapsed(&w.seen, &w.facts, &w.plan);
		assert_int_equal(world_only(&w, CHANGE_END)->end.lapsed_ns,
				 cases[i].shared ? NOW : TIME_NONE);
		if (strcmp(cases[i].first, "waits") != 0) {
			assert_string_equal(world_outcome(&w), cases[i].first);
			continue;
		}
		assert_null(w.plan.granted);
		assert_null(w.plan.collected);
		world_commit(&w);
		assert_int_equal(w.store.state.slots[0].lapsed_ns, NOW);
		w.facts.now_ns += SETTLE_NS - 1;
		assert_string_equal(world_outcome(&w), "waits");
		w.facts.now_ns += 1;
		assert_string_equal(world_outcome(&w), "granted 0");
	}
}

/* A request that does not wait is refused for the moment, with its end committed; force and a lent
   GPU change nothing about that. */
static void test_refusal(void **state)
{
	static const struct {
		const char *wish, *text;
		bool force;
	} cases[] = {
		{"1",
		 "Not enough GPUs available. Requested: 1, Available: 0 (1 GPU that became free "
		 "just now - run 'canhazgpu status' for details)",
		 false},
		{"#0",
		 "GPU 0 is not available: it has become free just now, and another program may "
		 "still be storing that - try again in a moment",
		 false},
		{"#0",
		 "GPU 0 is not available: it has become free just now, and another program may "
		 "still be storing that - try again in a moment",
		 true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct reservation *r;

		world_init(&w, 1);
		w.facts.shared = true;
		r = world_hold(&w, 0, NULL);
		r->start_ns = r->heartbeat_ns = NOW - 600 * SECOND;
		w.life[0] = HOLDER_OUT_OF_SIGHT;
		world_wish(&w, cases[i].wish);
		w.request.force = cases[i].force;
		assert_int_equal(plan_reserve(world_load(&w), &w.facts, &w.request, &w.plan, &w.e),
				 -EBUSY);
		assert_string_equal(w.e.text, cases[i].text);
		assert_non_null(world_only(&w, CHANGE_END));
	}
}

/* Which GPUs are kept for a request of another program, 'f', that is behind others: 'a' ours that
   waits for GPU 0, 'p' one that lets others pass, 's' stopped, 'd' dead, 'g' another 'f'. GPU 1 is
   free. */
static void test_first_in_line(void **state)
{
	static const struct {
		const char *line;
		bool kept;
	} cases[] = {
		{"f", true},  {"af", false},  {"pf", true},  {"sf", false}, {"df", true},
		{"gf", true}, {"apf", false}, {"ppf", true}, {"dpf", true}, {"dsf", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		const struct queue_entry *first;

		world_init(&w, 2);
		w.use[0] = USE_BUSY;
		for (size_t k = 0; cases[i].line[k]; k++) {
			char c = cases[i].line[k];
			struct queue_entry *q = world_queue(&w, c == 'f' || c == 'g' ? "1" : "#0");

			w.waiting[k] = c == 's' || c == 'p' ? HOLDER_STOPPED
				       : c == 'd'           ? HOLDER_GONE
							    : HOLDER_ALIVE;
			q->lets_pass = c == 'p';
			if (c != 'f' && c != 'g')
				continue;
			holder_clear(&q->holder);
			w.waiting[k] = HOLDER_OUT_OF_SIGHT;
		}
		first = plan_first_for(&w.store.state, &w.facts, 1, w.store.state.queue_count);
		if ((first != NULL) != cases[i].kept)
			fail_msg("%s", cases[i].line);
		/* It is for a third one otherwise. */
		world_wish(&w, "1");
		assert_string_equal(world_outcome(&w), cases[i].kept ? "waits" : "granted 1");
	}
}

/* An entry of ours that takes nothing lets those of another program pass, until it takes something
   again. */
static void test_lets_pass(void **state)
{
	static const struct {
		const char *title, *wish;
		enum holder_life life;
		int limit;    /* of its account, which holds one GPU */
		bool drained; /* GPU 0 */
		bool foreign; /* the one behind it is of another program */
		bool passes;
	} cases[] = {
		{"waits", "#0", HOLDER_ALIVE, 0, false, true, false},
		{"stopped", "#0", HOLDER_STOPPED, 0, false, true, true},
		{"stopped, none behind it", "#0", HOLDER_STOPPED, 0, false, false, false},
		{"out of service", "#0", HOLDER_ALIVE, 0, true, true, true},
		{"at its limit", "1", HOLDER_ALIVE, 1, false, true, true},
		{"below its limit", "1", HOLDER_ALIVE, 2, false, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct queue_entry *q;
		struct reservation *r;
		const struct change *put;

		world_init(&w, 2);
		w.use[0] = USE_BUSY;
		r = world_hold(&w, 1, NULL);
		mem_replace(&r->account, "u0");
		q = world_queue(&w, cases[i].wish);
		q->account_limit = cases[i].limit;
		q->offer.made_ns = OFFER_NONE;
		w.waiting[0] = cases[i].life;
		q = world_queue(&w, "1");
		q->heartbeat_ns = NOW;
		if (cases[i].foreign)
			holder_clear(&q->holder);
		w.waiting[1] = cases[i].foreign ? HOLDER_OUT_OF_SIGHT : HOLDER_ALIVE;
		if (cases[i].drained)
			w.store.state.slots[0].drained_by = mem_strdup("root");
		plan_cleanup(world_load(&w), &w.facts, &w.plan);
		put = world_only(&w, CHANGE_PUT);
		if ((put && put->put.entry->lets_pass) != cases[i].passes)
			fail_msg("%s", cases[i].title);
		if (!cases[i].passes)
			continue;
		world_commit(&w);
		plan_cleanup(world_load(&w), &w.facts, &w.plan);
		assert_int_equal(w.plan.changes_count, 0);
		assert_ptr_equal(plan_first_for(&w.seen, &w.facts, 1, 2), &w.seen.queue[1]);
		/* It is back. */
		w.waiting[0] = HOLDER_ALIVE;
		free(mem_steal(&w.store.state.slots[0].drained_by));
		w.store.state.queue[0].account_limit = 0;
		plan_cleanup(world_load(&w), &w.facts, &w.plan);
		assert_false(world_only(&w, CHANGE_PUT)->put.entry->lets_pass);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_may_end),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_settles_by_boot_clock),
		cmocka_unit_test(test_end_first),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_first_in_line),
		cmocka_unit_test(test_lets_pass),
	};

	return cmocka_run_group_tests_name("plan_settle", tests, NULL, NULL);
}
