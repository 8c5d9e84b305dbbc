/* The orders of a supervisor: complete when they are read again, and refused where anything is
 * wrong. */
#include "test.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/mem.h"
#include "supervise/orders.h"

static void test_round_trip(void **state)
{
	int gpus[] = {0, 3}, excluded[] = {7};
	struct process_ref adopted[] = {{5, 6}, {9, 10}};
	struct reservation reservation = {
		.id = "52da1c68-755d-4669-8670-7a63002184a8",
		.uid = quantity_of((int64_t)getuid()),
		.user = (char *)"al\xff"
				"ce",
		.start_ns = 1,
		.deadline_ns = 2,
		.base = {"a boot/time:[1]", 1234567},
		.gpus = gpus,
		.gpus_count = 2,
		.holder = {.host = (char *)"h",
			   .boot_id = (char *)"b",
			   .command = {5, 6},
			   .supervisor = {7, 8}},
	};
	const struct orders in = {
		.reservation = &reservation,
		.timeout_ns = 3,
		.grace_ns = 4,
		.heartbeat_ns = 5,
		.kill_on_lost = true,
		.cid_file = (char *)"/run/c/id",
		.cid_directory = (char *)"/run/c",
		.container_kill = (char *)"docker kill",
		.notify = (char *)"",
		.notify_what = (char *)"python train.py",
		.notify_waited = true,
		.sendmail = (char *)"/usr/sbin/sendmail",
		.adopted = adopted,
		.adopted_count = 2,
		.pool = {.store_url = (char *)"sqlite:/x.db",
			 .memory_threshold_mb = 6,
			 .history_keep_ns = 7,
			 .backfill = true,
			 .policy = {.max_gpus = 8,
				    .max_run_ns = 77,
				    .excluded = excluded,
				    .excluded_count = 1}},
	};
	AUTO_FREE char *text = orders_write(&in);
	AUTO(orders_clear) struct orders out = {0};
	AUTO_FREE char *again = NULL;

	(void)state;
	assert_int_equal(orders_read(text, &out, NULL), 0);
	assert_string_equal(out.reservation->user, "al\xef\xbf\xbd"
						   "ce");
	assert_int_equal(out.reservation->uid.value, getuid());
	assert_non_null(out.reservation->account);
	assert_int_equal(out.reservation->type, RESERVATION_RUN);
	assert_int_equal(out.reservation->gpus[1], 3);
	assert_string_equal(out.reservation->base.clock, "a boot/time:[1]");
	assert_int_equal(out.reservation->base.offset_ns, 1234567);
	assert_int_equal(out.reservation->holder.supervisor.start_ticks, 8);
	assert_true(out.timeout_ns == 3 && out.grace_ns == 4 && out.heartbeat_ns == 5);
	assert_true(out.kill_on_lost && out.pool.backfill && !out.pool.history_set_by_user);
	assert_int_equal(out.adopted[1].pid, 9);
	assert_int_equal(out.pool.policy.max_gpus, 8);
	assert_int_equal(out.pool.policy.max_run_ns, 77);
	assert_int_equal(out.pool.policy.excluded[0], 7);
	assert_string_equal(out.cid_file, "/run/c/id");
	assert_string_equal(out.cid_directory, "/run/c");
	assert_string_equal(out.container_kill, "docker kill");
	assert_string_equal(out.notify, "");
	assert_string_equal(out.notify_what, "python train.py");
	assert_string_equal(out.sendmail, "/usr/sbin/sendmail");
	assert_true(out.notify_waited);
	again = orders_write(&out);
	assert_string_equal(again, text);
}

/* A request that waits through an upgrade gives its orders to the new program: those of 0.1.0 stay
   valid for ever, and what a later one adds is no mistake. */
static void test_other_versions(void **state)
{
	static const char first[] =
		"{\"timeout\":1,\"grace\":2,\"stop_signal\":2,\"warn_before\":0,\"warn_signal\":0,"
		"\"until\":1,\"linger\":3,\"heartbeat\":4,\"kill\":true,\"reservation\":{\"id\":"
		"\"52da1c68-755d-4669-8670-7a63002184a8\",\"uid\":1000,\"start\":1,\"deadline\":0,"
		"\"gpus\":[0,1],\"command\":5,\"command_start\":6,\"supervisor\":7,"
		"\"supervisor_start\":8%s},\"pool\":{\"store\":\"sqlite:/x.db\",\"threshold\":1024,"
		"\"history\":7,\"personal\":false,\"backfill\":false,\"backfill_personal\":false,"
		"\"policy\":{\"max_gpus\":2,\"max_duration\":0,\"max_wait\":0,\"note_required\":false"
		"%s}%s}%s}";
	static const char *const additions[] = {"", ",\"of-later\":[{\"x\":1}]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(additions); i++) {
		const char *more = additions[i];
		AUTO_FREE char *text = mem_printf(first, more, more, more, more);
		AUTO(orders_clear) struct orders out = {0};
		struct err e = {0};

		if (orders_read(text, &out, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(out.heartbeat_ns, 4);
		assert_string_equal(out.reservation->base.clock, "");
		assert_true(out.kill_on_lost);
		assert_int_equal(out.reservation->gpus_count, 2);
		assert_int_equal(out.pool.policy.max_gpus, 2);
	}
}

/* What the fuzzer begins with: orders that are right, and for each case one member that is not. */
static void test_refused(void **state)
{
	static const char *const seeds[] = {"run.json", "adopt.json"};
	static const struct {
		const char *object, *member, *value; /* NULL: the document itself; not there */
	} cases[] = {
		{NULL, "timeout", NULL},
		{NULL, "kill", "0"},
		{NULL, "adopted", "[]"},
		{NULL, "adopted", "[{\"pid\": 1}]"},
		{NULL, "reservation", NULL},
		{NULL, "pool", NULL},
		{"reservation", "id", "\"1\""},
		{"reservation", "uid", NULL},
		{"reservation", "uid", "-1"},
		{"reservation", "uid", "4294967295"},
		{"reservation", "gpus", "[\"0\"]"},
		{"reservation", "command", "4294967296"},
		{"reservation", "clock", "7"},
		{"reservation", "clock",
		 "\"0123456789012345678901234567890123456789012345678901234567890123\""},
		{"reservation", "clock_offset", "\"7\""},
		{"reservation", "user",
		 "\"0123456789012345678901234567890123456789012345678901234567890123x\""},
		{"pool", "store", NULL},
		{"pool", "policy", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		AUTO_FREE char *path = mem_printf("%s/fuzz/corpus/orders/%s",
						  getenv("CANHAZGPU_TEST_SOURCE"), seeds[i]);
		json_t *seed = json_load_file(path, 0, NULL);
		AUTO_FREE char *right = json_dumps(seed, 0);
		AUTO(orders_clear) struct orders orders = {0};

		assert_non_null(right);
		assert_int_equal(orders_read(right, &orders, NULL), 0);
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
			json_t *wrong = json_deep_copy(seed), *object = wrong;
			struct orders out = {0};
			struct err e = {0};

			if (cases[k].object)
				object = json_object_get(wrong, cases[k].object);
			if (cases[k].value)
				json_object_set_new(
					object, cases[k].member,
					json_loads(cases[k].value, JSON_DECODE_ANY, NULL));
			else
				json_object_del(object, cases[k].member);
			AUTO_FREE char *text = json_dumps(wrong, 0);

			json_decref(wrong);
			if (orders_read(text, &out, &e) != -EPROTO || out.reservation)
				fail_msg("%s was taken", text);
		}
		json_decref(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
