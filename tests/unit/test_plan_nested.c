/* A run within a run: whose GPUs it gets, or why it would wait for itself. */
#include "test.h"

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "plan_world.h"

struct nested_case {
	const char *what;
	int count;
	const char *ids;      /* "0,1"; NULL: any */
	const char *expected; /* GPUs of the run around it, "" a request like any other, or "!" an
				 error */
	bool excluded;        /* GPU 5 is out of service */
	uid_t uid;
};

/* Six GPUs: 0, 1 and 2 are the run's around it, 3 is another account's. */
static const struct nested_case cases[] = {
	{"one of its GPUs", 1, "1", "1", false, 1000},
	{"all of its GPUs", 3, "0,1,2", "0,1,2", false, 1000},
	{"others", 2, "3,4", "", false, 1000},
	{"a mixture", 2, "2,3", "!", false, 1000},
	{"as many as there are beside it", 3, NULL, "", false, 1000},
	{"more than there are beside it", 4, NULL, "!", false, 1000},
	{"as many as it has, and fewer beside it", 3, NULL, "0,1,2", true, 1000},
	{"fewer than it has, and there are some", 2, NULL, "", true, 1000},
	{"more than the pool has", 7, NULL, "", false, 1000},
	{"a marker of somebody else's reservation", 1, "1", "", false, 1001},
};

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct nested_case *c = &cases[i];
		AUTO(pool_state_clear) struct pool_state state = {.initialized = true};
		AUTO(plan_clear) struct plan plan = {0};
		AUTO_FREE char *got = NULL;
		AUTO_FREE int *ids = NULL;
		int excluded[] = {5};
		struct plan_policy policy = {.excluded = excluded, .excluded_count = c->excluded};
		struct plan_facts facts = {.now_ns = NOW, .policy = &policy};
		struct plan_request request = {.actor.uid = c->uid, .count = c->count};
		const struct reservation *outer;
		struct err e = {0};
		int r;

		pool_state_make_slots(&state, 6);
		outer = world_hold(&state, 1000, RESERVATION_RUN, 0, 3);
		world_hold(&state, 1001, RESERVATION_RUN, 3, 1);
		if (c->ids) {
			parse_id_list(c->ids, &ids, &request.ids_count, NULL);
			request.ids = ids;
		}
		r = plan_nested(&state, &facts, &request, outer->id, &plan, &e);
		got = r < 0 ? mem_strdup("!")
			    : str_join_ids(plan.granted ? plan.granted->gpus : NULL,
					   plan.granted ? plan.granted->gpus_count : 0, ",");
		if (strcmp(got, c->expected) != 0)
			fail_msg("%s: got '%s' (%s), expected '%s'", c->what, got, e.text,
				 c->expected);
		assert_int_equal(plan.changes_count, 0);
		plan_clear(&plan);
		r = plan_nested(&state, &facts, &request, "gone", &plan, &e);
		assert_int_equal(r, 0);
		assert_null(plan.granted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("plan_nested", tests, NULL, NULL);
}
