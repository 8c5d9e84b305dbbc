/* The fake provider: what its state file means, and what it says about a wrong one. */
#include "gpu_test.h"

#include <errno.h>

static struct scan scan_file(const char *text, int count)
{
	struct gpu_options options = {.provider = "fake", .fake_count = count};
	struct scan s = {0};
	struct err e = {0};

	options.fake_state_path = text ? write_file("state.json", text) : NULL;
	if (gpu_scan(&options, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

static void file_fails(const char *text, int code, const char *message)
{
	struct gpu_options options = {.provider = "fake", .fake_count = 4, .timeout_ms = SHORT_MS};

	options.fake_state_path = write_file("state.json", text);
	scan_fails(&options, code, message);
}

static void test_idle(void **state)
{
	AUTO(scan_clear) struct scan s = scan_file(NULL, 3);

	(void)state;
	assert_int_equal(s.gpus_count, 3);
	assert_string_equal(s.provider, "fake");
	assert_string_equal(s.source, "file");
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *uuid = mem_printf("GPU-fake-%d", i);

		assert_int_equal(s.gpus[i].index, i);
		assert_string_equal(s.gpus[i].uuid, uuid);
		assert_string_equal(s.gpus[i].name, "Fake GPU");
		assert_known(s.gpus[i].memory_total_mb, 81920);
		assert_known(s.gpus[i].memory_used_mb, 0);
		assert_true(s.gpus[i].processes_known);
		assert_int_equal(s.gpus[i].processes_count, 0);
	}
}

static void test_units(void **state)
{
	AUTO(scan_clear)
	struct scan s =
		scan_file("{\"gpus\":[{\"mig\":true},{\"profile\":\"1g.10gb\",\"parent\":0},"
			  "{}]}",
			  3);

	(void)state;
	assert_int_equal(s.divided_count, 1);
	assert_int_equal(s.gpus_count, 2);
	assert_int_equal(s.gpus[0].index, 1);
	assert_string_equal(s.gpus[0].profile, "1g.10gb");
	assert_string_equal(s.gpus[0].parent, "GPU-fake-0");
	assert_known(s.gpus[0].parent_index, 0);
	assert_string_equal(s.gpus[1].visible, "GPU-fake-2");
	assert_null(s.gpus[1].profile);
}

static void test_full_file(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_file(
		"{\"gpus\":[{\"index\":2,\"name\":\"NVIDIA H100 80GB HBM3\",\"memory_total_mb\":81559,"
		"\"memory_used_mb\":8452,\"processes\":[{\"pid\":4242,\"name\":\"python3\","
		"\"memory_mb\":8400},{}],\"utilization_percent\":7,\"temperature_c\":50,"
		"\"power_mw\":70000,\"power_limit_mw\":700000,\"device_minor\":6,\"problem\":\"warm\","
		"\"uuid\":\"GPU-z\"},{\"index\":9,\"memory_used_mb\":1}],\"driver_version\":\"1.2\"}",
		4);
	const struct gpu *g = &s.gpus[2];

	(void)state;
	assert_int_equal(s.gpus_count, 4); /* 9 is beyond the count */
	assert_string_equal(s.driver_version, "1.2");
	assert_string_equal(g->name, "NVIDIA H100 80GB HBM3");
	assert_string_equal(g->uuid, "GPU-z");
	assert_known(g->memory_total_mb, 81559);
	assert_known(g->memory_used_mb, 8452);
	assert_known(g->utilization_percent, 7);
	assert_known(g->temperature_c, 50);
	assert_known(g->power_mw, 70000);
	assert_known(g->power_limit_mw, 700000);
	assert_known(g->device_minor, 6);
	assert_unknown(s.gpus[3].device_minor);
	assert_string_equal(g->problem, "warm");
	assert_int_equal(g->processes_count, 2);
	assert_int_equal(g->processes[0].pid, 4242);
	assert_string_equal(g->processes[0].name, "python3");
	assert_known(g->processes[0].memory_mb, 8400);
	assert_int_equal(g->processes[1].pid, 0);
	assert_null(g->processes[1].name);
	assert_known(g->processes[1].memory_mb, 0);
	assert_known(s.gpus[3].memory_used_mb, 0);
}

static void test_null_is_unknown(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_file(
		"{\"gpus\":[{\"memory_used_mb\":null,\"memory_total_mb\":null,\"name\":null,"
		"\"uuid\":null,\"processes\":null,\"utilization_percent\":null},"
		"{\"processes\":[{\"pid\":null,\"name\":null,\"memory_mb\":null}]}]}",
		2);

	(void)state;
	assert_unknown(s.gpus[0].memory_used_mb);
	assert_unknown(s.gpus[0].memory_total_mb);
	assert_unknown(s.gpus[0].utilization_percent);
	assert_null(s.gpus[0].name);
	assert_null(s.gpus[0].uuid);
	assert_false(s.gpus[0].processes_known);
	assert_true(s.gpus[1].processes_known);
	assert_int_equal(s.gpus[1].processes[0].pid, 0);
	assert_unknown(s.gpus[1].processes[0].memory_mb);
}

/* Without a count there are as many GPUs as the file names. */
static void test_count_from_file(void **state)
{
	AUTO(scan_clear) struct scan s = scan_file("{\"gpus\":[{\"index\":5},{\"index\":1}]}", 0);
	AUTO(scan_clear) struct scan none = scan_file("{\"error\": \"\"}", 0);
	AUTO(scan_clear) struct scan empty_path = {0};
	struct gpu_options options = {.provider = "fake", .fake_count = 1, .fake_state_path = ""};
	struct err e = {0};

	(void)state;
	assert_int_equal(s.gpus_count, 6);
	assert_int_equal(s.gpus[5].index, 5);
	assert_int_equal(none.gpus_count, 0);
	assert_int_equal(gpu_scan(&options, &empty_path, &e), 0);
	assert_int_equal(empty_path.gpus_count, 1);
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{\n\"gpus\": [\n}", "state.json:3:1: "},
		{"", "state.json:1:"},
		{"{} x", "state.json:1:"},
		{"{\"gpus\":[], \"gpus\":[]}", "duplicate"},
		{"[]", "must hold an object"},
		{"{\"gpus\":{}}", "state.json: gpus must be a list"},
		{"{\"gpu\":[]}", "state.json: gpu is not known"},
		{"{\"gpus\":[1]}", "gpus[0] must be an object"},
		{"{\"gpus\":[{},{\"memory_used\":1}]}", "gpus[1].memory_used is not known"},
		{"{\"gpus\":[{\"memory_used_mb\":\"1\"}]}",
		 "gpus[0].memory_used_mb must be a whole"},
		{"{\"gpus\":[{\"memory_used_mb\":-1}]}", "gpus[0].memory_used_mb must be"},
		{"{\"gpus\":[{\"memory_used_mb\":1.5}]}", "gpus[0].memory_used_mb must be"},
		{"{\"gpus\":[{\"name\":1}]}", "gpus[0].name must be text or null"},
		{"{\"gpus\":[{\"mig\":1}]}", "gpus[0].mig must be true or false"},
		{"{\"gpus\":[{\"index\":-1}]}", "gpus[0].index must be a GPU id"},
		{"{\"gpus\":[{\"index\":1024}]}", "gpus[0].index must be a GPU id"},
		{"{\"gpus\":[{\"index\":1},{}]}", "index 1 appears twice"},
		{"{\"gpus\":[{\"index\":77,\"mig\":1}]}", "gpus[0].mig must be"},
		{"{\"gpus\":[{\"processes\":{}}]}", "gpus[0].processes must be a list or null"},
		{"{\"gpus\":[{\"processes\":[7]}]}", "gpus[0].processes[0] must be an object"},
		{"{\"gpus\":[{\"processes\":[{},{\"pid\":\"7\"}]}]}",
		 "gpus[0].processes[1].pid must"},
		{"{\"gpus\":[{\"processes\":[{\"pid\":9999999999}]}]}",
		 "gpus[0].processes[0].pid must"},
		{"{\"gpus\":[{\"processes\":[{\"user\":1}]}]}", "gpus[0].processes[0].user is not"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		file_fails(cases[i].text, EINVAL, cases[i].message);
}

/* One more than there can be, without an index of its own. */
static void test_too_many(void **state)
{
	AUTO(str_clear) struct str text = {0};

	(void)state;
	str_add(&text, "{\"gpus\":[{}");
	for (int i = 0; i < POOL_GPUS_MAX; i++)
		str_add(&text, ",{}");
	str_add(&text, "]}");
	file_fails(str_text(&text), EINVAL, "state.json: gpus names 1025 GPUs, more than 1024");
}

static void test_missing_file(void **state)
{
	struct gpu_options options = {.provider = "fake", .fake_count = 1};
	AUTO_FREE char *path = mem_printf("%s/not-there.json", folder);

	(void)state;
	options.fake_state_path = path;
	scan_fails(&options, ENOENT, "not-there.json': No such file");
	options.fake_state_path = NULL;
	options.fake_count = POOL_GPUS_MAX + 1;
	scan_fails(&options, EINVAL, "fake GPUs");
}

/* A driver that fails, and one that is slower than the time limit. */
static void test_bad_driver(void **state)
{
	(void)state;
	file_fails("{\"error\": \"the fan fell off\"}", EIO, "the fan fell off");
	file_fails("{\"delay_ms\": 3600000}", ETIMEDOUT, "within 200 ms");
	file_fails("{\"delay_ms\": 1, \"error\": \"late\"}", EIO, "late");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_idle),
		TEST(test_units),
		TEST(test_full_file),
		TEST(test_null_is_unknown),
		TEST(test_count_from_file),
		TEST(test_wrong_files),
		TEST(test_too_many),
		TEST(test_missing_file),
		TEST(test_bad_driver),
	};

	return cmocka_run_group_tests_name("gpu_fake", tests, NULL, NULL);
}
