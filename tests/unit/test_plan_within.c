/* Which runs go on GPUs that their account holds by hand: plan_within. */
#include "test.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "plan/plan.h"
#include "plan_world.h"

/* GPUs 0 to 2 are reserved by hand by account 1000 until NOW + HOUR, 3 until NOW + 2 hours; 4 by
   hand by account 1001; 5 is a run of account 1000; 6 is collected for it, 7 has been over for a
   second, and 8 is free. */
static const struct within_case {
	const char *what, *ids; /* NULL: none are named */
	const char *expected;   /* GPUs; "": a request like any other */
	int64_t end_ns;
	enum reservation_type type;
	uid_t uid;
} cases[] = {
	{"none are named", NULL, "", 0, RESERVATION_RUN, 1000},
	{"one's own", "0", "0", NOW + HOUR, RESERVATION_RUN, 1000},
	{"a part of a reservation", "0,2", "0,2", NOW + HOUR, RESERVATION_RUN, 1000},
	{"of two reservations: until the first ends", "2,3", "2,3", NOW + HOUR, RESERVATION_RUN,
	 1000},
	{"the longer one", "3", "3", NOW + 2 * HOUR, RESERVATION_RUN, 1000},
	{"another reservation by hand", "0", "", 0, RESERVATION_MANUAL, 1000},
	{"somebody else's", "4", "", 0, RESERVATION_RUN, 1000},
	{"not even for root", "0", "", 0, RESERVATION_RUN, 0},
	{"of a run", "5", "", 0, RESERVATION_RUN, 1000},
	{"collected for a request", "6", "", 0, RESERVATION_RUN, 1000},
	{"over", "7", "", 0, RESERVATION_RUN, 1000},
	{"free", "8", "", 0, RESERVATION_RUN, 1000},
	{"beyond the pool", "99", "", 0, RESERVATION_RUN, 1000},
	{"one's own and a free one", "0,8", "", 0, RESERVATION_RUN, 1000},
	{"one's own and another's", "3,4", "", 0, RESERVATION_RUN, 1000},
};

static void make_state(struct pool_state *state)
{
	state->initialized = true;
	pool_state_make_slots(state, 9);
	world_hold(state, 1000, RESERVATION_MANUAL, 0, 3)->expiry_ns = NOW + HOUR;
	world_hold(state, 1000, RESERVATION_MANUAL, 3, 1)->expiry_ns = NOW + 2 * HOUR;
	world_hold(state, 1001, RESERVATION_MANUAL, 4, 1)->expiry_ns = NOW + HOUR;
	world_hold(state, 1000, RESERVATION_RUN, 5, 1);
	world_hold(state, 1000, RESERVATION_MANUAL, 6, 1)->queue_id = mem_strdup("q");
	world_hold(state, 1000, RESERVATION_MANUAL, 7, 1)->expiry_ns = NOW - NS_PER_SECOND;
}

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct within_case *c = &cases[i];
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO(plan_clear) struct plan plan = {0};
		AUTO_FREE char *got = NULL;
		AUTO_FREE int *ids = NULL;
		struct plan_facts facts = {.now_ns = NOW};
		char host[] = "here";
		struct plan_request request = {
			.actor.uid = c->uid,
			.type = c->type,
			.count = 1,
			.holder.host = host,
			.id = "33333333-3333-3333-3333-333333333333",
		};

		make_state(&state);
		if (c->ids)
			parse_id_list(c->ids, &ids, &request.ids_count, NULL);
		request.ids = ids;
		plan_within(&state, &facts, &request, &plan);
		got = str_join_ids(plan.granted ? plan.granted->gpus : NULL,
				   plan.granted ? plan.granted->gpus_count : 0, ",");
		if (strcmp(got, c->expected) != 0)
			fail_msg("%s: got '%s', expected '%s'", c->what, got, c->expected);
		assert_int_equal(plan.changes_count, 0);
		if (!plan.granted)
			continue;
		assert_string_equal(plan.granted->id, request.id);
		assert_string_equal(plan.granted->holder.host, "here");
		assert_int_equal(plan.granted->expiry_ns, c->end_ns);
		assert_int_equal(plan.granted->start_ns, NOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("plan_within", tests, NULL, NULL);
}
