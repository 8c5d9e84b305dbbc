/* Which reservations that a store has lost may be made again. */
#include "test.h"

#include "base/mem.h"
#include "plan/plan.h"

#define T0 (INT64_C(1795161600) * NS_PER_SECOND)

/* Three GPUs, and a reservation of 0 and 2 that the state does not know. */
struct lost {
	struct pool_state state;
	struct reservation mine;
	int gpus[2];
	struct plan_past_end past; /* what the history has */
};

static void lose(struct lost *l)
{
	*l = (struct lost){.gpus = {0, 2}};
	pool_state_make_slots(&l->state, 3);
	l->state.initialized = true;
	l->mine = (struct reservation){
		.id = "mine", .type = RESERVATION_RUN, .start_ns = T0, .gpus_count = 2};
	l->mine.gpus = l->gpus;
}

static void expect(struct lost *l, bool restorable)
{
	assert_int_equal(plan_can_restore(&l->state, &(struct plan){0}, &l->mine, &l->past),
			 restorable);
	pool_state_clear(&l->state);
}

static void test_cases(void **state)
{
	struct reservation other = {.id = "other"};
	struct lost l;

	lose(&l);
	expect(&l, true);
	lose(&l);
	l.state.slots[0].last_released_ns = T0 - 1; /* by whoever was there before */
	expect(&l, true);
	lose(&l);
	l.state.slots[2].last_released_ns = T0 + 1; /* since: by hand, or by the next one */
	expect(&l, false);
	lose(&l);
	l.state.slots[1].last_released_ns = T0 + 1; /* of no concern */
	l.state.slots[1].reservation = &other;
	expect(&l, true);
	lose(&l);
	l.state.slots[2].reservation = &other; /* one taken: none of them */
	expect(&l, false);
	lose(&l);
	l.state.slots[0].problem = mem_strdup("unreadable");
	expect(&l, false);
	lose(&l);
	l.gpus[1] = 3; /* a smaller pool than before */
	expect(&l, false);
	lose(&l);
	l.mine.gpus_count = 0;
	expect(&l, false);
}

/* The clock was set between the release of a GPU and now: what came first is a matter of the boot
   clock, where both are of one. */
static void test_clock(void **state)
{
	static const struct {
		const char *clock;  /* of the release */
		int64_t released_s; /* after the start, as the clock showed it then */
		int64_t set_s;      /* by so much since */
		bool before;        /* it was before the start */
	} cases[] = {
		{"boot-1", -10, 0, true},
		{"boot-1", 10, 0, false},
		{"boot-1", -10 - 600, 600, true},
		{"boot-1", 10 - 600, 600, false},
		{"boot-1", -10 + 600, -600, true},
		{"boot-1", 10 + 600, -600, false},
		/* Of another boot or program: the times are all there is. */
		{"boot-0", 10 - 600, 600, true},
		{"", 10, 0, false},
		{"", -10 + 600, -600, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slot *slot;
		struct lost l;

		lose(&l);
		l.mine.base = (struct time_base){"boot-1", T0 - 1000};
		slot = &l.state.slots[2];
		slot->last_released_ns = T0 + cases[i].released_s * NS_PER_SECOND;
		slot->released_base.offset_ns =
			l.mine.base.offset_ns - cases[i].set_s * NS_PER_SECOND + 123456;
		strcpy(slot->released_base.clock, cases[i].clock);
		if (plan_can_restore(&l.state, &(struct plan){0}, &l.mine, &l.past) !=
		    cases[i].before)
			fail_msg("case %zu", i);
		pool_state_clear(&l.state);
	}
}

/* Older data may show a reservation there that is over by now. */
static void test_over_makes_room(void **state)
{
	AUTO(plan_clear) struct plan plan = {0};
	struct reservation *other = reservation_new();
	struct plan_facts facts = {.now_ns = T0 + 10};
	struct lost l;

	(void)state;
	lose(&l);
	other->type = RESERVATION_MANUAL;
	other->expiry_ns = T0 + 5;
	other->gpus = mem_alloc(1, sizeof(int));
	other->gpus_count = 1;
	pool_state_add(&l.state, other);
	assert_false(plan_can_restore(&l.state, &plan, &l.mine, &l.past));
	plan_cleanup(&l.state, &facts, &plan);
	assert_true(plan_can_restore(&l.state, &plan, &l.mine, &l.past));
	pool_state_clear(&l.state);
}

static void test_plan(void **state)
{
	AUTO(plan_clear) struct plan plan = {0};
	struct lost l;

	lose(&l);
	plan_restore(&l.state, &plan, &l.mine, &l.past, T0 + 5);
	assert_int_equal(plan.changes_count, 1);
	assert_int_equal(plan.changes[0].kind, CHANGE_GRANT);
	assert_string_equal(plan.changes[0].grant.reservation->id, "mine");
	assert_int_equal(plan.changes[0].grant.reservation->start_ns, T0);
	assert_int_equal(plan.changes[0].grant.reservation->heartbeat_ns, T0 + 5);
	pool_state_clear(&l.state);
}

/* What the history may have of it. */
static void test_past_end(void **state)
{
	static const struct {
		const char *id;
		enum end_reason reason;
		bool decided, presumed;
	} cases[] = {
		{"mine", END_RELEASED, true, false},     {"mine", END_FORCED, true, false},
		{"mine", END_STALE, false, true},        {"mine", END_HOLDER_DIED, false, true},
		{"somebody's", END_STALE, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct usage_record record = {.reason = cases[i].reason, .end_ns = T0 + 7};
		struct lost l;

		lose(&l);
		snprintf(record.reservation_id, ID_SIZE, "%s", cases[i].id);
		plan_note_past_end(&l.past, &l.mine, &record);
		assert_int_equal(l.past.decided, cases[i].decided);
		assert_int_equal(l.past.presumed, cases[i].presumed);
		assert_int_equal(l.past.until_ns, cases[i].presumed ? T0 + 7 : 0);
		expect(&l, !cases[i].decided);
	}
}

/* What it is charged for, once it was taken for dead, is not how far the clock was set meanwhile.
 */
static void test_taken_for_dead_and_clock(void **state)
{
	static const struct {
		int64_t set_s;         /* since its end, which was 5 s after its start */
		const char *clocks[2]; /* of the release of its GPUs */
		int64_t start_s;       /* when it begins again, 50 s after its start */
	} cases[] = {
		{0, {"boot-1", "boot-1"}, 5},
		{-600, {"boot-1", "boot-1"}, 5},
		{864000, {"boot-1", "boot-1"}, 5},
		/* Of one GPU nobody knows by which clock. */
		{-600, {"boot-1", ""}, 50},
		{0, {"", ""}, 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(plan_clear) struct plan plan = {0};
		int64_t set_ns = cases[i].set_s * NS_PER_SECOND;
		struct lost l;

		lose(&l);
		l.mine.base = (struct time_base){"boot-1", T0 - 1000};
		l.past = (struct plan_past_end){.presumed = true,
						.until_ns = T0 + 5 * NS_PER_SECOND - set_ns};
		for (int k = 0; k < 2; k++) {
			struct slot *slot = &l.state.slots[l.gpus[k]];

			slot->last_released_ns = l.past.until_ns;
			slot->released_base.offset_ns = l.mine.base.offset_ns - set_ns;
			strcpy(slot->released_base.clock, cases[i].clocks[k]);
		}
		plan_restore(&l.state, &plan, &l.mine, &l.past, T0 + 50 * NS_PER_SECOND);
		if (plan.granted->start_ns != T0 + cases[i].start_s * NS_PER_SECOND)
			fail_msg("case %zu: %lld s", i,
				 (long long)((plan.granted->start_ns - T0) / NS_PER_SECOND));
		pool_state_clear(&l.state);
	}
}

/* Taken for dead: it goes on where its record ended, or where others left off. */
static void test_taken_for_dead(void **state)
{
	static const struct {
		int64_t until_ns, released_ns, now_ns, start_ns;
	} cases[] = {
		{T0 + 5, T0 + 5, T0 + 50, T0 + 5},
		{T0 + 5, T0 + 30, T0 + 50, T0 + 30}, /* somebody had one of them until then */
		{T0 + 5, T0 + 90, T0 + 50, T0 + 50}, /* before the clock was set back */
	};
	struct reservation other = {.id = "other"};
	struct lost l;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(plan_clear) struct plan plan = {0};

		lose(&l);
		l.past = (struct plan_past_end){.presumed = true, .until_ns = cases[i].until_ns};
		l.state.slots[0].last_released_ns = cases[i].until_ns;
		l.state.slots[2].last_released_ns = cases[i].released_ns;
		assert_true(plan_can_restore(&l.state, &plan, &l.mine, &l.past));
		assert_null(plan_taken_slot(&l.state, &plan, &l.mine));
		plan_restore(&l.state, &plan, &l.mine, &l.past, cases[i].now_ns);
		assert_int_equal(plan.granted->start_ns, cases[i].start_ns);
		pool_state_clear(&l.state);
	}
	lose(&l);
	l.past.presumed = true;
	l.state.slots[2].reservation = &other;
	assert_int_equal(plan_taken_slot(&l.state, &(struct plan){0}, &l.mine)->id, 2);
	expect(&l, false);
}

/* Where other programs write, too: one that had read the state before the grant stores over it what
   it made of that, and leaves the record of whoever had the GPU before. Its release leaves one of
   this reservation. */
static void test_overwritten(void **state)
{
	static const struct {
		const char *title;
		bool alone;          /* no other programs */
		int64_t released_ms; /* GPU 0, after the start */
		const char *clock;   /* of that: ours names one */
		/* A record without an id: of whom, which GPU, and its start. */
		const char *user;
		int gpu;
		int64_t start_ms;
		bool overwritten, restorable;
	} cases[] = {
		{"nothing is known", true, 0, "", NULL, 0, 0, false, true},
		{"overwritten", false, 20, "", NULL, 0, 0, true, true},
		{"... and recorded", false, 20, "", "bob", 0, -3600000, true, true},
		{"... by a time before the grant", false, -20, "", NULL, 0, 0, true, true},
		{"on a store of our own", true, 20, "", NULL, 0, 0, false, false},
		{"released by ours since", false, 20, "boot-1", NULL, 0, 0, false, false},
		{"released by the other", false, 20, "", "alice", 0, 0, false, false},
		{"... in whole seconds", false, 20, "", "alice", 2, -999, false, false},
		{"the same user had it before", false, 20, "", "alice", 0, -60000, true, true},
		{"another GPU of the same user", false, 20, "", "alice", 1, 0, true, true},
		{"the store forgot it long ago", false, -3600000, "", NULL, 0, 0, false, true},
	};
	static char alice[] = "alice";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lost l;

		lose(&l);
		l.mine.user = alice;
		l.past.shared = !cases[i].alone;
		if (cases[i].released_ms)
			l.state.slots[0].last_released_ns = T0 + cases[i].released_ms * NS_PER_MS;
		strcpy(l.state.slots[0].released_base.clock, cases[i].clock);
		if (cases[i].user)
			plan_note_past_end(&l.past, &l.mine,
					   &(struct usage_record){
						   .user = (char *)(uintptr_t)cases[i].user,
						   .gpu = cases[i].gpu,
						   .start_ns = T0 + cases[i].start_ms * NS_PER_MS,
					   });
		if (plan_was_overwritten(&l.state, &l.mine, &l.past) != cases[i].overwritten ||
		    plan_can_restore(&l.state, &(struct plan){0}, &l.mine, &l.past) !=
			    cases[i].restorable)
			fail_msg("%s", cases[i].title);
		pool_state_clear(&l.state);
	}
}

/* What is left of it is ended without a record, and the whole granted again. */
static void test_part_overwritten(void **state)
{
	AUTO(plan_clear) struct plan p = {0};
	AUTO(reservation_freep) struct reservation *copy = NULL;
	struct reservation *left = reservation_new();
	struct lost l;

	lose(&l);
	l.past.shared = true;
	strcpy(left->id, l.mine.id);
	left->gpus = mem_alloc(1, sizeof(int));
	left->gpus[0] = 2;
	left->gpus_count = 1;
	pool_state_add(&l.state, left);
	l.state.slots[0].last_released_ns = T0 + 1;
	assert_true(plan_can_restore(&l.state, &p, &l.mine, &l.past));
	plan_restore(&l.state, &p, &l.mine, &l.past, T0 + NS_PER_SECOND);
	assert_int_equal(p.changes_count, 2);
	assert_int_equal(p.changes[0].kind, CHANGE_END);
	assert_true(p.changes[0].end.unrecorded);
	assert_int_equal(p.changes[1].kind, CHANGE_GRANT);
	/* What is applied must not point into the state. */
	copy = reservation_copy(left);
	p.changes[0].end.reservation = copy;
	for (size_t i = 0; i < p.changes_count; i++)
		assert_int_equal(change_apply(&l.state, &p.changes[i], NULL), 0);
	assert_int_equal(pool_state_find(&l.state, "mine")->gpus_count, 2);
	plan_clear(&p);
	pool_state_clear(&l.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_part_overwritten),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_over_makes_room),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_past_end),
		cmocka_unit_test(test_taken_for_dead),
		cmocka_unit_test(test_taken_for_dead_and_clock),
	};

	return cmocka_run_group_tests_name("plan restore", tests, NULL, NULL);
}
