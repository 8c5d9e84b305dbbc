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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),          cmocka_unit_test(test_over_makes_room),
		cmocka_unit_test(test_plan),           cmocka_unit_test(test_past_end),
		cmocka_unit_test(test_taken_for_dead),
	};

	return cmocka_run_group_tests_name("plan restore", tests, NULL, NULL);
}
