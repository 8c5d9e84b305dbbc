/* Who is first for a GPU, and what a request that waits gets: tables for src/plan/queue.h. */
#include "queue_world.h"

#include <errno.h>

#include "base/mem.h"
#include "plan/plan.h"

/* ---- who counts, and who is first ---- */

static void test_waiter_states(void **state)
{
	static const struct {
		enum holder_life life;
		int64_t silent_ns, give_up_in_ns;
		const char *wish;
		enum waiter_state expected;
		bool cancelled, doubted;
	} cases[] = {
		{HOLDER_ALIVE, 0, 0, "1", WAITER_ACTIVE},
		{HOLDER_ALIVE, 120 * SECOND, 0, "1", WAITER_ACTIVE},
		{HOLDER_ALIVE, 3600 * SECOND, 0, "1", WAITER_ACTIVE}, /* the clock was set */
		{HOLDER_STOPPED, 0, 0, "1", WAITER_ABSENT},           /* at once */
		{HOLDER_STOPPED, 3600 * SECOND, 0, "1", WAITER_ABSENT},
		{HOLDER_GONE, 0, 0, "1", WAITER_DEAD},
		{HOLDER_OUT_OF_SIGHT, 120 * SECOND, 0, "1", WAITER_ACTIVE},
		{HOLDER_OUT_OF_SIGHT, 120 * SECOND + 1, 0, "1", WAITER_ACTIVE}, /* at first */
		{HOLDER_OUT_OF_SIGHT, 120 * SECOND + 1, 0, "1", WAITER_DEAD, .doubted = true},
		{HOLDER_OUT_OF_SIGHT, 120 * SECOND, 0, "1", WAITER_ACTIVE, .doubted = true},
		{HOLDER_ALIVE, 3600 * SECOND, 0, "1", WAITER_ACTIVE, .doubted = true},
		{HOLDER_ALIVE, 0, 1, "1", WAITER_ACTIVE},
		{HOLDER_ALIVE, 0, -1, "1", WAITER_ABSENT}, /* is about to leave */
		{HOLDER_ALIVE, 0, 0, "1", WAITER_ABSENT, .cancelled = true},
		{HOLDER_GONE, 0, 0, "1", WAITER_DEAD, .cancelled = true},
		{HOLDER_OUT_OF_SIGHT, 0, 0, "5", WAITER_ABSENT}, /* never: four GPUs */
		{HOLDER_OUT_OF_SIGHT, 0, 0, "0", WAITER_ABSENT},
		{HOLDER_OUT_OF_SIGHT, 0, 0, "#1,4", WAITER_ABSENT},
		{HOLDER_OUT_OF_SIGHT, 0, 0, "#1,3", WAITER_ACTIVE},
	};

	(void)state;
	/* The second time it joined in the future: the clock was set back since. */
	for (size_t k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		AUTO(world_clear) struct world w;
		struct queue_entry *q;
		size_t i = k / 2;

		world_init(&w, 4);
		q = world_queue(&w, cases[i].wish);
		q->enqueued_ns = k % 2 ? NOW + 3600 * SECOND : NOW - 3600 * SECOND;
		q->heartbeat_ns = NOW - cases[i].silent_ns;
		if (cases[i].give_up_in_ns)
			q->give_up_ns = NOW + cases[i].give_up_in_ns;
		q->cancelled = cases[i].cancelled;
		if (cases[i].doubted)
			world_doubt(q);
		w.waiting[0] = cases[i].life;
		if (plan_waiter_state(&w.store.state, &w.facts, 0) != cases[i].expected)
			fail_msg("case %zu", k);
	}
}

static void test_first_for(void **state)
{
	/* Expected: the place of who is first for GPUs 0 to 3, "-" nobody. */
	static const struct {
		const char *wishes[4];
		bool absent[4];
		const char *expected;
	} cases[] = {
		{{NULL}, {0}, "----"},
		{{"1"}, {0}, "0000"},
		{{"#1", "1"}, {0}, "1011"},
		{{"#1", "#2", "#1,2,3"}, {0}, "-012"},
		{{"#0,1", "#1,2", "2"}, {0}, "0012"},
		{{"4", "#0"}, {true}, "1---"},
		{{"#0", "2", "#0"}, {true, true}, "2---"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		const struct pool_state *s = &w.store.state;

		world_init(&w, 4);
		for (size_t k = 0; k < 4 && cases[i].wishes[k]; k++) {
			world_queue(&w, cases[i].wishes[k]);
			w.waiting[k] = cases[i].absent[k] ? HOLDER_STOPPED : HOLDER_ALIVE;
			if (cases[i].absent[k])
				w.store.state.queue[k].heartbeat_ns = NOW - 3600 * SECOND;
			if (cases[i].absent[k])
				w.store.state.queue[k].enqueued_ns = NOW - 3600 * SECOND;
		}
		for (int gpu = 0; gpu < 4; gpu++) {
			const struct queue_entry *q = plan_first_for(s, &w.facts, gpu, 4);
			char got = q ? (char)('0' + (q - s->queue)) : '-';

			if (got != cases[i].expected[gpu])
				fail_msg("case %zu, GPU %d: %c", i, gpu, got);
		}
		/* Nobody is before the first. */
		assert_null(plan_first_for(s, &w.facts, 0, 0));
	}
}

/* ---- what a request gets ---- */

/* One request behind a line, on four GPUs of which some are free. */
static void test_wait_table(void **state)
{
	static const struct {
		const char *before; /* the wish of who is before; NULL: nobody */
		const char *wish;
		const char *use; /* per GPU: '.' idle, 'b' busy, '?' unknown, 'r' reserved */
		const char *expected;
	} cases[] = {
		{NULL, "2", "....", "granted 0,1"},
		{NULL, "2", "r.b.", "granted 1,3"},
		{NULL, "2", "rr.b", "collects 2"},
		{NULL, "3", "r?.b", "collects 2"},
		{NULL, "2", "rr?b", "waits"},
		{NULL, "#0,2", "....", "granted 0,2"},
		{NULL, "#0,2", "r...", "collects 2"},
		{NULL, "#0,1", "rr..", "waits"},
		{"1", "1", "....", "waits"}, /* nobody overtakes, whatever there is */
		{"#0", "1", "....", "granted 1"},
		{"#0", "4", "....", "collects 1,2,3"},
		{"#0,1", "#1,2", "....", "collects 2"},
		{"#0,1", "#2,3", "....", "granted 2,3"}, /* beside each other */
		{NULL, "5", "....", "Requested 5 GPUs, but the pool has only 4"},
		{NULL, "#4", "....", "GPU ID 4 does not exist (the pool has 0 to 3)"},
		{NULL, "#1,1", "....", "GPU ID 1 is given twice"},
		{NULL, "0", "....", "the number of GPUs must be at least 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		const char *got;

		world_init(&w, 4);
		if (cases[i].before)
			world_queue(&w, cases[i].before);
		for (int gpu = 0; gpu < 4; gpu++) {
			if (cases[i].use[gpu] == 'r')
				world_hold(&w, gpu, NULL);
			w.use[gpu] = cases[i].use[gpu] == 'b'   ? USE_BUSY
				     : cases[i].use[gpu] == '?' ? USE_UNKNOWN
								: USE_IDLE;
		}
		world_wish(&w, cases[i].wish);
		got = world_outcome(&w);
		if (strcmp(got, cases[i].expected) != 0)
			fail_msg("case %zu: %s", i, got);
	}
}

static void test_join(void **state)
{
	AUTO(world_clear) struct world w;
	const struct queue_entry *q;

	(void)state;
	world_init(&w, 1);
	world_hold(&w, 0, NULL);
	world_wish(&w, "1");
	w.request.user = "label";
	w.request.note = "note";
	w.wait.give_up_ns = NOW + 60 * SECOND;
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(w.plan.changes_count, 1);
	assert_false(w.plan.changes[0].quiet);
	q = world_only(&w, CHANGE_PUT)->put.entry;
	assert_string_equal(q->id, ME);
	assert_string_equal(q->user, "label");
	assert_string_equal(q->account, "me");
	assert_string_equal(q->note, "note");
	assert_int_equal(q->uid.value, 7);
	assert_int_equal(q->requested_count, 1);
	assert_null(q->requested_ids);
	assert_int_equal(q->enqueued_ns, NOW);
	assert_int_equal(q->since_ns, NOW);
	assert_int_equal(q->heartbeat_ns, NOW);
	assert_int_equal(q->give_up_ns, NOW + 60 * SECOND);
	assert_int_equal(q->holder.command.pid, 7);
	assert_null(q->version);
}

/* Behind all who are there, whatever the clock says; and at its old place where it was lost. */
static void test_join_at_the_right_place(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 1);
	world_queue(&w, "1")->enqueued_ns = NOW + 60 * SECOND;
	assert_int_equal(world_decide(&w), -ERANGE); /* the world's request is for two */
	world_wish(&w, "1");
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(world_only(&w, CHANGE_PUT)->put.entry->enqueued_ns,
			 NOW + 60 * SECOND + 1000);
	w.wait.enqueued_ns = NOW - 3600 * SECOND;
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(world_only(&w, CHANGE_PUT)->put.entry->enqueued_ns, NOW - 3600 * SECOND);
}

/* How long it has waited is not a matter of its place, nor of who has rewritten its entry. */
static void test_waits_since(void **state)
{
	static const struct {
		const char *clock, *before; /* of the entry before; NULL: it is not in the queue */
		int64_t enqueued_ns, waited_ns, since_ns;
		bool moved;
	} cases[] = {
		{"boot", NULL, TIME_NONE, 0, NOW, true},
		{"boot", NULL, NOW + 3600 * SECOND, 90 * SECOND, NOW - 90 * SECOND, true},
		{"boot", "", NOW - 5 * SECOND, 90 * SECOND, NOW - 90 * SECOND, true},
		{"boot", "boot/time:[1]", NOW, 90 * SECOND, NOW - 90 * SECOND, true},
		{"boot", "boot", NOW, 90 * SECOND, NOW - 7 * SECOND, false},
		{NULL, "", NOW, 90 * SECOND, NOW - 7 * SECOND, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		const struct queue_entry *put;

		world_init(&w, 1);
		w.use[0] = USE_BUSY;
		w.facts.clock = cases[i].clock;
		w.facts.boot_ns = MONOTONIC;
		world_wish(&w, "1");
		w.wait.enqueued_ns = cases[i].enqueued_ns;
		w.wait.waited_ns = cases[i].waited_ns;
		w.wait.heartbeat = true;
		if (cases[i].before) {
			struct queue_entry *q = world_queue(&w, "1");

			memcpy(q->id, ME, ID_SIZE);
			q->enqueued_ns = cases[i].enqueued_ns;
			q->since_ns = NOW - 7 * SECOND;
			strcpy(q->base.clock, cases[i].before);
			q->base.offset_ns = 5;
		}
		assert_int_equal(world_decide(&w), 0);
		put = world_only(&w, CHANGE_PUT)->put.entry;
		assert_int_equal(put->since_ns, cases[i].since_ns);
		assert_string_equal(put->base.clock, cases[i].clock ? cases[i].clock : "");
		if (cases[i].clock)
			assert_int_equal(put->base.offset_ns, cases[i].moved ? NOW - MONOTONIC : 5);
	}
}

static void test_collect_until_granted(void **state)
{
	AUTO(world_clear) struct world w;
	const struct reservation *r;

	(void)state;
	world_init(&w, 3);
	for (int gpu = 0; gpu < 3; gpu++)
		w.use[gpu] = USE_BUSY;
	world_wish(&w, "3");
	assert_string_equal(world_outcome(&w), "waits");
	w.use[1] = USE_IDLE;
	assert_string_equal(world_outcome(&w), "collects 1");
	r = w.store.state.slots[1].reservation;
	assert_string_equal(r->id, PART);
	assert_string_equal(r->queue_id, ME);
	assert_int_equal(w.store.state.queue[0].collected_count, 1);
	/* Nothing new, and no sign of life is due: nothing is written. */
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(w.plan.changes_count, 0);
	/* A sign of life wakes nobody. */
	w.wait.heartbeat = true;
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(w.plan.changes_count, 2);
	assert_true(world_only(&w, CHANGE_PUT)->quiet && world_only(&w, CHANGE_RENEW)->quiet);
	/* That of one that was absent does: it may be first for something. */
	w.store.state.queue[0].heartbeat_ns = w.store.state.queue[0].since_ns = NOW - 121 * SECOND;
	w.waiting[0] = HOLDER_ALIVE;
	assert_int_equal(world_decide(&w), 0);
	assert_false(world_only(&w, CHANGE_PUT)->quiet);
	w.store.state.queue[0].heartbeat_ns = NOW;
	w.wait.heartbeat = false;
	/* What was collected for it does not count as free, and not as history either. */
	w.use[0] = w.use[2] = USE_IDLE;
	assert_string_equal(world_outcome(&w), "granted 0,1,2");
	assert_int_equal(w.store.state.queue_count, 0);
	assert_int_equal(w.store.state.reservations_count, 1);
	assert_string_equal(w.store.state.reservations[0]->id, GRANT);
	assert_null(w.store.state.reservations[0]->queue_id);
	assert_int_equal(w.store.records_count, 0);
}

/* Most heartbeats have nothing else to say: then nobody else has to be looked at. */
static void test_renewed(void **state)
{
	enum { PLAIN, GONE, CANCELLED, OFFERED, LIMITED, SILENT, OTHER_CLOCK, OTHER_LIMIT, CASES };

	(void)state;
	for (int i = PLAIN; i < CASES; i++) {
		AUTO(world_clear) struct world w;
		struct plan_facts facts;
		struct queue_entry *q;

		world_init(&w, 3);
		w.use[0] = w.use[2] = USE_BUSY;
		world_wish(&w, "3");
		assert_string_equal(world_outcome(&w), "collects 1");
		q = &w.store.state.queue[0];
		q->doubt.wall_ns = NOW;
		if (i == GONE)
			w.wait.entry_id = GRANT;
		q->cancelled = i == CANCELLED;
		if (i == OFFERED)
			q->offer.made_ns = MONOTONIC;
		if (i == LIMITED)
			w.wait.give_up_ns = NOW + SECOND;
		if (i == SILENT)
			q->heartbeat_ns = q->since_ns = NOW - 121 * SECOND;
		if (i == OTHER_CLOCK)
			strcpy(q->base.clock, "other");
		if (i == OTHER_LIMIT)
			q->account_limit = 7;
		plan_clear(&w.plan);
		facts = w.facts;
		facts.now_ns = NOW + SECOND;
		facts.waiting = facts.life = NULL;
		facts.use = NULL;
		assert_int_equal(
			plan_wait_renew(world_load(&w), &facts, &w.request, &w.wait, &w.plan),
			i == PLAIN);
		assert_int_equal(w.plan.changes_count, i == PLAIN ? 2 : 0);
		if (i != PLAIN)
			continue;
		assert_true(world_only(&w, CHANGE_PUT)->quiet &&
			    world_only(&w, CHANGE_RENEW)->quiet);
		world_commit(&w);
		q = &w.store.state.queue[0];
		assert_int_equal(q->heartbeat_ns, NOW + SECOND);
		assert_int_equal(q->doubt.wall_ns, 0);
		assert_int_equal(q->collected_count, 1);
		assert_int_equal(w.store.state.slots[1].reservation->heartbeat_ns, NOW + SECOND);
	}
}

/* A GPU that is collected, and that somebody uses all the same, is not granted. */
static void test_collected_but_busy(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 3);
	w.use[1] = w.use[2] = USE_BUSY;
	assert_string_equal(world_outcome(&w), "collects 0");
	w.use[0] = USE_BUSY;
	w.use[1] = USE_IDLE;
	w.wait.part_id = "cccccccc-0000-4000-8000-000000000000";
	assert_string_equal(world_outcome(&w), "collects 1");
	w.use[2] = USE_IDLE;
	assert_string_equal(world_outcome(&w), "granted 1,2");
	assert_null(w.store.state.slots[0].reservation);
}

/* The dead are dropped and the absent lose what they have collected: to who decides next. */
static void test_dead_and_absent_give_back(void **state)
{
	static const struct {
		enum holder_life life;
		int64_t silent_ns;
		size_t left; /* in the line, besides who decides */
	} cases[] = {
		{HOLDER_GONE, 0, 0},
		{HOLDER_OUT_OF_SIGHT, 121 * SECOND, 0},
		{HOLDER_STOPPED, 0, 1},
		{HOLDER_STOPPED, 121 * SECOND, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct queue_entry *q;

		world_init(&w, 2);
		q = world_queue(&w, "2");
		q->enqueued_ns = NOW - 3600 * SECOND;
		q->heartbeat_ns = NOW - cases[i].silent_ns;
		q->collected = mem_alloc(1, sizeof(int));
		q->collected_count = 1;
		w.waiting[0] = cases[i].life;
		world_doubt(q);
		world_hold(&w, 0, q->id);
		world_wish(&w, "2");
		assert_string_equal(world_outcome(&w), "granted 0,1");
		assert_int_equal(w.store.state.queue_count, cases[i].left);
		if (cases[i].left)
			assert_int_equal(w.store.state.queue[0].collected_count, 0);
		assert_int_equal(w.store.records_count, 0);
	}
}

/* Two who each keep what the other lacks would wait for ever: who is behind gives way. */
static void test_give_way(void **state)
{
	AUTO(world_clear) struct world w;
	struct queue_entry *q;

	(void)state;
	world_init(&w, 2);
	w.use[1] = USE_BUSY;
	world_queue(&w, "#0");
	w.store.state.queue[0].heartbeat_ns = w.store.state.queue[0].enqueued_ns =
		NOW - 3600 * SECOND;
	w.waiting[0] = HOLDER_STOPPED;
	w.wait.enqueued_ns = NOW;
	assert_string_equal(world_outcome(&w), "collects 0");
	w.store.state.queue[0].heartbeat_ns = NOW; /* it goes on */
	w.waiting[0] = HOLDER_ALIVE;
	assert_string_equal(world_outcome(&w), "waits");
	assert_null(w.store.state.slots[0].reservation);
	q = &w.store.state.queue[1];
	assert_string_equal(q->id, ME);
	assert_int_equal(q->collected_count, 0);
	/* Seen by the one before it. */
	w.wait.entry_id = "ffffffff-0000-4000-8000-000000000000";
	w.wait.part_id = "cccccccc-0000-4000-8000-000000000000";
	w.request.id = "dddddddd-0000-4000-8000-000000000000";
	w.wait.enqueued_ns = NOW - 1800 * SECOND;
	world_hold(&w, 0, ME);
	q->collected = mem_resize(q->collected, 1, sizeof(int));
	q->collected[0] = 0;
	q->collected_count = 1;
	w.waiting[1] = HOLDER_ALIVE;
	w.store.state.queue[0].heartbeat_ns = NOW - 3600 * SECOND;
	w.waiting[0] = HOLDER_STOPPED;
	world_wish(&w, "2");
	assert_string_equal(world_outcome(&w), "waits"); /* it joins */
	w.waiting[1] = w.waiting[2] = HOLDER_ALIVE;
	assert_string_equal(world_outcome(&w), "collects 0");
	assert_int_equal(w.store.state.queue[2].collected_count, 0);
}

/* What another program has collected stays, which would not notice. */
static void test_other_program_keeps_its_part(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 2);
	world_queue(&w, "1");
	world_queue(&w, "2");
	free(mem_steal(&w.store.state.queue[1].holder.host));
	w.waiting[1] = HOLDER_OUT_OF_SIGHT;
	*world_hold(&w, 0, world_entry_id(&w, 1))->id = '\0';
	plan_cleanup(&w.store.state, &w.facts, &w.plan);
	assert_int_equal(w.plan.changes_count, 0);
	w.store.state.queue[1].heartbeat_ns = w.store.state.queue[1].enqueued_ns =
		NOW - 121 * SECOND;
	plan_cleanup(&w.store.state, &w.facts, &w.plan);
	assert_true(world_only(&w, CHANGE_END)->end.unrecorded);
	assert_non_null(world_only(&w, CHANGE_DROP));
}

/* What was collected for a request that is not there any more. */
static void test_orphans(void **state)
{
	AUTO(world_clear) struct world w;
	struct reservation *theirs;

	(void)state;
	world_init(&w, 2);
	world_hold(&w, 0, ME);
	theirs = world_hold(&w, 1, "gone");
	*theirs->id = '\0'; /* another program leaves the mark where it is done */
	theirs->type = RESERVATION_MANUAL;
	theirs->expiry_ns = NOW + SECOND;
	plan_cleanup(&w.store.state, &w.facts, &w.plan);
	assert_int_equal(w.plan.changes_count, 1);
	assert_true(w.plan.changes[0].end.unrecorded);
	assert_int_equal(w.plan.changes[0].end.gpus[0], 0);
	plan_clear(&w.plan);
	theirs->expiry_ns = NOW;
	plan_cleanup(&w.store.state, &w.facts, &w.plan);
	assert_int_equal(w.plan.changes_count, 2);
	assert_false(w.plan.changes[1].end.unrecorded);
}

/* ---- a request that does not wait ---- */

static void test_reserve_respects_the_line(void **state)
{
	static const struct {
		const char *queue, *wish, *expected;
	} cases[] = {
		{"#0", "3", NULL},
		{"#0", "#1,2,3", NULL},
		{"#0", "4",
		 "Not enough GPUs available. Requested: 4, Available: 3 (others are waiting for 1 "
		 "more)"},
		{"2", "1",
		 "Not enough GPUs available. Requested: 1, Available: 0 (others are waiting for 4 "
		 "more)"},
		{"#0,2", "#2", "GPU 2 is not available: u0 is waiting for it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		int r;

		world_init(&w, 4);
		world_queue(&w, cases[i].queue);
		world_wish(&w, cases[i].wish);
		r = plan_reserve(&w.store.state, &w.facts, &w.request, &w.plan, &w.e);
		if (r != (cases[i].expected ? -EBUSY : 0) ||
		    (cases[i].expected && strcmp(w.e.text, cases[i].expected) != 0))
			fail_msg("case %zu: %d %s", i, r, w.e.text);
	}
}

/* ---- leaving ---- */

static void test_leave(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 2);
	w.use[1] = USE_BUSY;
	assert_string_equal(world_outcome(&w), "collects 0");
	plan_leave(&w.store.state, ME, NOW, &w.plan);
	assert_int_equal(w.plan.changes_count, 2);
	assert_true(world_only(&w, CHANGE_END)->end.unrecorded);
	assert_non_null(world_only(&w, CHANGE_DROP));
	plan_clear(&w.plan);
	plan_leave(&w.store.state, "not there", NOW, &w.plan);
	assert_int_equal(w.plan.changes_count, 0);
}

static void test_cancel(void **state)
{
	static const struct {
		uid_t uid;
		const char *account, *id;
		int result;
		const char *text;
	} cases[] = {
		{7, "u1", "00000002", 0, ""},
		{0, "root", "00000002-0000", 0, ""},
		{7, "u1", "00000001", -EPERM,
		 "request 00000001-0000-4000-8000-000000000000 belongs to u0, not to you"},
		{7, "u1", "0000", -EINVAL, "more than one waiting request begins with '0000'"},
		{7, "u1", "3", -ENOENT, "there is no waiting request '3' - see 'canhazgpu queue'"},
		{7, "u1", "", -ENOENT, "there is no waiting request '' - see 'canhazgpu queue'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		const struct plan_actor actor = {cases[i].uid, cases[i].account};
		const struct queue_entry *entry = NULL;
		int r;

		world_init(&w, 2);
		world_queue(&w, "1");
		world_queue(&w, "1");
		w.waiting[1] = HOLDER_ALIVE;
		world_hold(&w, 0, world_entry_id(&w, 1));
		r = plan_cancel(&w.store.state, &w.facts, &actor, cases[i].id, &w.plan, &entry,
				&w.e);
		if (r != cases[i].result || strcmp(w.e.text, cases[i].text) != 0)
			fail_msg("case %zu: %d %s", i, r, w.e.text);
		if (r < 0)
			continue;
		assert_ptr_equal(entry, &w.store.state.queue[1]);
		assert_true(world_only(&w, CHANGE_END)->end.unrecorded);
		assert_true(world_only(&w, CHANGE_PUT)->put.entry->cancelled);
	}
}

/* Who is marked leaves when it looks; who cannot look is taken out. */
static void test_cancelled(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor root = {.account = "root"};
	const struct queue_entry *entry;

	(void)state;
	world_init(&w, 2);
	w.use[0] = USE_BUSY;
	assert_string_equal(world_outcome(&w), "collects 1");
	w.store.state.queue[0].cancelled = true;
	assert_int_equal(world_decide(&w), -ECANCELED);
	world_queue(&w, "1"); /* of another program, which knows no mark */
	free(mem_steal(&w.store.state.queue[1].holder.host));
	plan_clear(&w.plan);
	assert_int_equal(
		plan_cancel(&w.store.state, &w.facts, &root, "0000", &w.plan, &entry, &w.e), 0);
	assert_non_null(world_only(&w, CHANGE_DROP));
	assert_int_equal(w.plan.changes_count, 1);
}

static void test_new_pool_tells_those_who_wait(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor root = {.account = "root"};

	(void)state;
	world_init(&w, 2);
	world_queue(&w, "1");
	world_queue(&w, "1");
	w.waiting[0] = HOLDER_ALIVE;
	w.waiting[1] = HOLDER_GONE;
	world_hold(&w, 0, world_entry_id(&w, 0));
	plan_init(&w.store.state, &w.facts, &root, "fake", NULL, 1, &w.plan);
	assert_true(world_only(&w, CHANGE_END)->end.unrecorded);
	assert_true(world_only(&w, CHANGE_PUT)->put.entry->cancelled);
	assert_string_equal(world_only(&w, CHANGE_DROP)->drop.entry->id, world_entry_id(&w, 1));
}

static void test_prospects(void **state)
{
	static const struct {
		const char *before, *wish, *slots; /* '.' free, 'r' reserved, 'm' mine */
		bool expected;
	} cases[] = {
		{NULL, "1", "..", true},     {NULL, "1", "rr", false}, {NULL, "#0", "r.", false},
		{NULL, "#0", ".r", true},    {"1", "1", "..", false},  {"#0", "1", "..", true},
		{NULL, "2", "mr", false},    {NULL, "2", "m.", true},  {NULL, "2", "mm", true},
		{"#1", "#0,1", "m.", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;

		world_init(&w, 2);
		if (cases[i].before)
			world_queue(&w, cases[i].before);
		memcpy(world_queue(&w, cases[i].wish)->id, ME, ID_SIZE);
		for (int gpu = 0; gpu < 2; gpu++) {
			if (cases[i].slots[gpu] != '.')
				world_hold(&w, gpu, cases[i].slots[gpu] == 'm' ? ME : NULL);
		}
		world_wish(&w, cases[i].wish);
		w.facts.use = NULL;
		if (plan_wait_has_prospects(&w.store.state, &w.facts, &w.request, &w.wait) !=
		    cases[i].expected)
			fail_msg("case %zu", i);
	}
}

/* One account cannot make everybody's decisions slow; but who stands in line stays there. */
static void test_crowd(void **state)
{
	static enum holder_life waiting[QUEUE_ACCOUNT_MAX];
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 2);
	for (size_t i = 0; i < QUEUE_ACCOUNT_MAX; i++)
		world_queue(&w, "2")->uid = quantity_of(7);
	w.facts.waiting = waiting;
	assert_int_equal(world_decide(&w), -EDQUOT);
	assert_non_null(strstr(w.e.text, "256 of your requests are already waiting"));
	/* Others, and administrators, are not meant; one that is dead does not count. */
	w.request.actor.uid = 8;
	assert_int_equal(world_decide(&w), 0);
	w.request.actor.uid = 7;
	w.request.actor.administrator = true;
	assert_int_equal(world_decide(&w), 0);
	w.request.actor.administrator = false;
	waiting[9] = HOLDER_GONE;
	assert_int_equal(world_decide(&w), 0);
	waiting[9] = HOLDER_ALIVE;
	w.wait.enqueued_ns = NOW - SECOND;
	assert_int_equal(world_decide(&w), 0);
	/* What is there at once needs no place in the line. */
	w.wait.enqueued_ns = TIME_NONE;
	for (size_t i = 0; i < QUEUE_ACCOUNT_MAX; i++) {
		struct queue_entry *q = &w.store.state.queue[i];

		q->requested_ids = mem_alloc(1, sizeof(int));
		q->requested_ids_count = 1;
	}
	world_wish(&w, "#1");
	assert_int_equal(world_decide(&w), 0);
	assert_non_null(w.plan.granted);
}

/* ---- GPUs of a kind ---- */

/* Four GPUs, of which the last two are H100s; `seen` is what the scan shows. */
struct cards {
	char a100[8], h100[8];
	struct gpu gpus[GPUS_MAX], *seen[GPUS_MAX];
};

static void world_cards(struct world *w, struct cards *cards)
{
	*cards = (struct cards){.a100 = "A100", .h100 = "H100"};
	for (int i = 0; i < 4; i++) {
		cards->gpus[i].name = i < 2 ? cards->a100 : cards->h100;
		cards->gpus[i].memory_total_mb = quantity_of(i < 2 ? 40960 : 81559);
		cards->seen[i] = &cards->gpus[i];
	}
	w->facts.gpus = cards->seen;
}

static void test_kind(void **state)
{
	static const struct {
		const char *type;
		int64_t min_memory_mb;
		const char *wish;
		const char *outcome; /* or how the error begins */
	} cases[] = {
		{"h100", 0, "1", "granted 2"},
		{NULL, 50000, "2", "granted 2,3"},
		{"a100", 40000, "2", "granted 0,1"},
		{"a100", 50000, "1", "Requested 1 GPU of type 'a100' with at least 50000 MB"},
		{"h100", 0, "3", "Requested 3 GPUs of type 'h100', but the pool has only 2"},
		{"h100", 0, "#1,3", "GPU 1 is not of type 'h100': it is A100"},
		{"h100", 0, "#3", "granted 3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cards cards;
		struct world w;
		const char *got;

		world_init(&w, 4);
		world_cards(&w, &cards);
		w.request.gpu_type = cases[i].type;
		w.request.min_memory_mb = cases[i].min_memory_mb;
		world_wish(&w, cases[i].wish);
		got = world_outcome(&w);
		if (strncmp(got, cases[i].outcome, strlen(cases[i].outcome)) != 0)
			fail_msg("case %zu: '%s'", i, got);
		/* The same without waiting. */
		plan_clear(&w.plan);
		if (w.e.text[0]) {
			assert_int_equal(
				plan_reserve(&w.store.state, &w.facts, &w.request, &w.plan, &w.e),
				-ERANGE);
			assert_string_equal(w.e.text, got);
		}
		world_clear(&w);
	}
}

/* A request that waits for a kind says in the queue which GPUs these are, and keeps no others. */
static void test_kind_waits(void **state)
{
	const int h100[] = {2, 3};
	const struct queue_entry *q;
	struct cards cards;
	struct world w;

	(void)state;
	world_init(&w, 4);
	world_cards(&w, &cards);
	world_hold(&w, 2, NULL);
	w.request.gpu_type = "h100";
	world_wish(&w, "2");
	assert_string_equal(world_outcome(&w), "collects 3");
	q = &w.store.state.queue[0];
	assert_string_equal(q->gpu_type, "h100");
	assert_int_equal(q->eligible_count, 2);
	assert_memory_equal(q->eligible, h100, sizeof(h100));
	assert_null(plan_first_for(&w.store.state, &w.facts, 0, 1));
	assert_ptr_equal(plan_first_for(&w.store.state, &w.facts, 2, 1), q);
	assert_true(plan_entry_is_possible(&w.store.state, &w.facts, q));
	w.wait.enqueued_ns = NOW;
	/* Without a scan, and where the scan shows nothing of a GPU, its entry counts. */
	w.facts.gpus = NULL;
	assert_string_equal(world_outcome(&w), "waits");
	w.facts.gpus = cards.seen;
	cards.seen[2] = NULL;
	cards.gpus[3].name = NULL;
	assert_string_equal(world_outcome(&w), "waits");
	assert_int_equal(w.store.state.queue[0].eligible_count, 2);
	/* A card was exchanged. */
	cards.gpus[3].name = cards.a100;
	cards.gpus[0].name = cards.h100;
	w.wait.part_id = "aaaaaaaa-0000-4000-8000-000000000001";
	assert_string_equal(world_outcome(&w), "collects 0");
	assert_int_equal(w.store.state.queue[0].eligible[0], 0);
	world_clear(&w);
}

/* A GPU whose kind nobody knows as yet is waited for, but not taken: not by force either. */
static void test_kind_unknown(void **state)
{
	struct cards cards;
	struct world w;

	(void)state;
	world_init(&w, 4);
	world_cards(&w, &cards);
	world_hold(&w, 2, NULL);
	world_hold(&w, 3, NULL);
	cards.gpus[0].name = NULL;
	w.request.gpu_type = "h100";
	w.request.force = true;
	world_wish(&w, "1");
	assert_string_equal(world_outcome(&w), "waits");
	assert_int_equal(w.store.state.queue[0].eligible_count, 3);
	w.wait.enqueued_ns = NOW;
	w.facts.gpus = NULL;
	assert_true(plan_wait_has_prospects(&w.store.state, &w.facts, &w.request, &w.wait));
	w.facts.gpus = cards.seen;
	cards.gpus[0].name = cards.h100;
	assert_string_equal(world_outcome(&w), "granted 0");
	world_clear(&w);
}

/* While the driver answers nothing at all, a request for a kind waits, and takes nothing, not by
   force either; one that does not wait is refused. One for certain GPUs is refused as soon as they
   turn out to be of another kind. */
static void test_kind_unreadable(void **state)
{
	static const struct {
		const char *wish, *then;
	} cases[] = {
		{"1", "granted 2"},
		{"2", "granted 2,3"},
		{"#3", "granted 3"},
		{"#0", "GPU 0 is not of type 'h100': it is A100"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gpu *none[GPUS_MAX] = {NULL};
		struct cards cards;
		struct world w;
		const char *got;

		world_init(&w, 4);
		world_cards(&w, &cards);
		w.facts.gpus = none;
		w.request.gpu_type = "h100";
		w.request.force = true;
		world_wish(&w, cases[i].wish);
		assert_string_equal(world_outcome(&w), "waits");
		plan_clear(&w.plan);
		assert_int_equal(plan_reserve(&w.store.state, &w.facts, &w.request, &w.plan, &w.e),
				 -ERANGE);
		w.wait.enqueued_ns = NOW;
		w.facts.gpus = cards.seen;
		got = world_outcome(&w);
		if (strcmp(got, cases[i].then) != 0)
			fail_msg("case %zu: '%s'", i, got);
		world_clear(&w);
	}
}

/* A request for a kind of which nothing is in service any more says so. */
static void test_kind_retired(void **state)
{
	struct cards cards;
	struct world w;
	AUTO_FREE char *why = NULL;

	(void)state;
	world_init(&w, 4);
	world_cards(&w, &cards);
	world_hold(&w, 2, NULL);
	w.request.gpu_type = "h100";
	world_wish(&w, "2");
	assert_string_equal(world_outcome(&w), "collects 3");
	assert_null(plan_why_passed_over(&w.store.state, &w.facts, 0));
	w.store.state.slots[2].retired_ns = 1;
	why = plan_why_passed_over(&w.store.state, &w.facts, 0);
	assert_string_equal(why, "it needs 2 GPUs of the kind or place that it asks for, and 1 is "
				 "in service");
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_kind_unreadable),
		cmocka_unit_test(test_kind_retired),
		cmocka_unit_test(test_kind_waits),
		cmocka_unit_test(test_kind_unknown),
		cmocka_unit_test(test_waiter_states),
		cmocka_unit_test(test_first_for),
		cmocka_unit_test(test_wait_table),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_join_at_the_right_place),
		cmocka_unit_test(test_waits_since),
		cmocka_unit_test(test_collect_until_granted),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_collected_but_busy),
		cmocka_unit_test(test_dead_and_absent_give_back),
		cmocka_unit_test(test_give_way),
		cmocka_unit_test(test_other_program_keeps_its_part),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_reserve_respects_the_line),
		cmocka_unit_test(test_leave),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_new_pool_tells_those_who_wait),
		cmocka_unit_test(test_prospects),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests_name("plan_queue", tests, NULL, NULL);
}
