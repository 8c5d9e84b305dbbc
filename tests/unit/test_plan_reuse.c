/* Reservations that a request of their account can use as they are. */
#include "test.h"

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "plan_world.h"

struct reuse_case {
	const char *what;
	int count;
	const char *ids;      /* NULL: any */
	const char *expected; /* the GPUs of the reservation; "": none will do */
	uid_t uid;
};

/* Eight GPUs: 0 and 1-2 are held by hand by 1000, of which 1-2 twice as long as 6-7; 3 is a run of
   theirs, 4 is somebody else's, and 5 has expired. */
static const struct reuse_case cases[] = {
	{"one", 1, NULL, "0", 1000},
	{"two: of several the one that ends last", 2, NULL, "1,2", 1000},
	{"three: no reservation has as many", 3, NULL, "", 1000},
	{"by its ids", 1, "6,7", "6,7", 1000},
	{"some of its ids", 1, "1", "", 1000},
	{"ids of two reservations", 1, "0,1", "", 1000},
	{"the run's", 1, "3", "", 1000},
	{"somebody else's", 1, "4", "", 1000},
	{"what has expired", 1, "5", "", 1000},
	{"of an account that holds one", 1, NULL, "4", 1001},
	{"of an account that holds nothing", 1, NULL, "", 1002},
	{"root holds nothing here", 1, NULL, "", 0},
};

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct reuse_case *c = &cases[i];
		AUTO(pool_state_clear) struct pool_state state = {.initialized = true};
		AUTO(plan_clear) struct plan plan = {0};
		AUTO_FREE char *got = NULL;
		AUTO_FREE int *ids = NULL;
		const struct plan_facts facts = {.now_ns = NOW};
		struct plan_request request = {.actor.uid = c->uid, .count = c->count};

		pool_state_make_slots(&state, 8);
		world_hold(&state, 1000, RESERVATION_MANUAL, 6, 2)->expiry_ns = NOW + NS_PER_HOUR;
		world_hold(&state, 1000, RESERVATION_MANUAL, 1, 2)->expiry_ns =
			NOW + 2 * NS_PER_HOUR;
		world_hold(&state, 1000, RESERVATION_MANUAL, 0, 1)->expiry_ns = NOW + NS_PER_HOUR;
		world_hold(&state, 1000, RESERVATION_RUN, 3, 1);
		world_hold(&state, 1001, RESERVATION_MANUAL, 4, 1)->expiry_ns = NOW + NS_PER_HOUR;
		world_hold(&state, 1000, RESERVATION_MANUAL, 5, 1)->expiry_ns = NOW;
		if (c->ids) {
			parse_id_list(c->ids, &ids, &request.ids_count, NULL);
			request.ids = ids;
		}
		plan_reuse(&state, &facts, &request, &plan);
		got = str_join_ids(plan.granted ? plan.granted->gpus : NULL,
				   plan.granted ? plan.granted->gpus_count : 0, ",");
		if (strcmp(got, c->expected) != 0)
			fail_msg("%s: got '%s', expected '%s'", c->what, got, c->expected);
		assert_int_equal(plan.changes_count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("plan_reuse", tests, NULL, NULL);
}
