/* The rows of the list of hosts, and the metrics that are made of them. */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "web/host_row.h"

static const struct row_case {
	struct host_row row;
	const char *gpus, *entries, *expected;
} row_cases[] = {
	{{.name = "gpu1", .url = "http://gpu1", .label = "new"},
	 NULL,
	 NULL,
	 "{\"host\":\"gpu1\",\"label\":\"new\",\"url\":\"http://gpu1\",\"here\":false,"
	 "\"status\":\"connecting\",\"problem\":null,\"last_seen\":null,\"version\":null}"},
	/* What was known of one that is away is not shown. */
	{{.name = "gpu1",
	  .url = "http://gpu1",
	  .status = FOLLOW_AWAY,
	  .problem = "no answer",
	  .seen_ns = 1764504000 * NS_PER_SECOND},
	 "[{\"gpu_id\":0,\"status\":\"AVAILABLE\"}]",
	 NULL,
	 "{\"host\":\"gpu1\",\"label\":null,\"url\":\"http://gpu1\",\"here\":false,"
	 "\"status\":\"away\",\"problem\":\"no answer\",\"last_seen\":\"2025-11-30T12:00:00Z\","
	 "\"version\":null}"},
	{{.name = "gpu2", .status = FOLLOW_UP, .version = "1.0", .problem = "before"},
	 "[{\"gpu_id\":0,\"status\":\"AVAILABLE\",\"gpu_model\":\"A\"},"
	 "{\"gpu_id\":1,\"status\":\"IN_USE\",\"gpu_model\":\"A\",\"ends_at\":\"2026-11-30T15:00:00Z\"},"
	 "{\"gpu_id\":2,\"status\":\"IN_USE\",\"gpu_model\":\"B\",\"profile\":\"1g\","
	 "\"ends_at\":\"2026-11-30T14:00:00Z\",\"ends_at_estimated\":true},"
	 "{\"gpu_id\":3,\"status\":\"IN_USE\",\"ends_at\":\"2026-11-30T11:00:00Z\",\"queue_id\":\"q\"},"
	 "{\"gpu_id\":4,\"status\":\"IN_USE\",\"ends_at\":\"2026-11-30T11:00:00Z\",\"drained_by\":\"r\"},"
	 "{\"gpu_id\":5,\"status\":\"UNRESERVED\"},{\"gpu_id\":6,\"status\":\"of the future\"}]",
	 "[{},{}]",
	 "{\"host\":\"gpu2\",\"label\":null,\"url\":null,\"here\":true,\"status\":\"up\","
	 "\"problem\":null,\"last_seen\":null,\"version\":\"1.0\",\"gpus\":7,\"available\":1,"
	 "\"in_use\":4,\"unreserved\":1,\"other\":1,\"waiting\":2,"
	 "\"next_free\":\"2026-11-30T14:00:00Z\",\"next_free_estimated\":true,"
	 "\"types\":[{\"name\":\"A\",\"gpus\":2,\"available\":1},"
	 "{\"name\":\"B 1g\",\"gpus\":1,\"available\":0}]}"},
	/* An older server knows no queue. */
	{{.name = "gpu3", .url = "http://gpu3", .status = FOLLOW_UP},
	 "[]",
	 NULL,
	 "{\"host\":\"gpu3\",\"label\":null,\"url\":\"http://gpu3\",\"here\":false,"
	 "\"status\":\"up\",\"problem\":null,\"last_seen\":null,\"version\":null,\"gpus\":0,"
	 "\"available\":0,\"in_use\":0,\"unreserved\":0,\"other\":0,\"waiting\":null,"
	 "\"next_free\":null,\"next_free_estimated\":false,\"types\":[]}"},
};

static json_t *make(const struct row_case *c)
{
	json_t *gpus = c->gpus ? json_loads(c->gpus, 0, NULL) : NULL;
	json_t *entries = c->entries ? json_loads(c->entries, 0, NULL) : NULL;
	struct host_row row = c->row;
	json_t *made;

	row.gpus = gpus;
	row.entries = entries;
	made = host_row_json(&row);
	json_decref(gpus);
	json_decref(entries);
	return made;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row_cases); i++) {
		json_t *row = make(&row_cases[i]);
		AUTO_FREE char *text = json_dumps(row, JSON_COMPACT);

		assert_string_equal(text, row_cases[i].expected);
		json_decref(row);
	}
}

static void test_many_types(void **state)
{
	json_t *gpus = json_array(), *row;

	(void)state;
	for (int i = 0; i < 3 * HOST_TYPES_MAX; i++)
		json_array_append_new(gpus, json_pack("{s:i,s:o}", "gpu_id", i, "gpu_model",
						      json_sprintf("type %d", i)));
	row = host_row_json(&(struct host_row){.name = "a", .status = FOLLOW_UP, .gpus = gpus});
	assert_int_equal(json_array_size(json_object_get(row, "types")), HOST_TYPES_MAX);
	json_decref(row);
	json_decref(gpus);
}

static void test_metrics(void **state)
{
	AUTO(str_clear) struct str text = {0};
	json_t *rows[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		rows[i] = make(&row_cases[i + 1]);
	host_rows_metrics(rows, 0, &text);
	assert_string_equal(str_text(&text), "");
	host_rows_metrics(rows, 3, &text);
	assert_string_equal(
		str_text(&text),
		"# HELP canhazgpu_host_up Whether another host answers (1) or not (0).\n"
		"# TYPE canhazgpu_host_up gauge\n"
		"canhazgpu_host_up{host=\"gpu1\"} 0\n"
		"canhazgpu_host_up{host=\"gpu2\"} 1\n"
		"canhazgpu_host_up{host=\"gpu3\"} 1\n"
		"# HELP canhazgpu_host_gpus GPUs of another host by state.\n"
		"# TYPE canhazgpu_host_gpus gauge\n"
		"canhazgpu_host_gpus{host=\"gpu2\",state=\"available\"} 1\n"
		"canhazgpu_host_gpus{host=\"gpu2\",state=\"in_use\"} 4\n"
		"canhazgpu_host_gpus{host=\"gpu2\",state=\"unreserved\"} 1\n"
		"canhazgpu_host_gpus{host=\"gpu2\",state=\"other\"} 1\n"
		"canhazgpu_host_gpus{host=\"gpu3\",state=\"available\"} 0\n"
		"canhazgpu_host_gpus{host=\"gpu3\",state=\"in_use\"} 0\n"
		"canhazgpu_host_gpus{host=\"gpu3\",state=\"unreserved\"} 0\n"
		"canhazgpu_host_gpus{host=\"gpu3\",state=\"other\"} 0\n"
		"# HELP canhazgpu_host_queue_length Requests that wait on another host.\n"
		"# TYPE canhazgpu_host_queue_length gauge\n"
		"canhazgpu_host_queue_length{host=\"gpu2\"} 2\n");
	for (size_t i = 0; i < 3; i++)
		json_decref(rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many_types),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
