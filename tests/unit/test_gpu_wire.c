/* A scan survives its way through the pipe, and what is no scan is refused. */
#include "gpu_test.h"

#include <errno.h>

#include "gpu/wire.h"

static struct scan send(const struct scan *s)
{
	AUTO_FREE char *text = gpu_wire_pack(s, NULL);
	struct scan back = {0};
	struct err e = {0};

	if (gpu_wire_unpack(text, strlen(text), &back, &e))
		fail_msg("%s", e.text);
	return back;
}

static void test_scan(void **state)
{
	AUTO(scan_clear) struct scan s = {0};
	AUTO(scan_clear) struct scan back = {0};
	struct process *p;
	struct gpu *g;

	(void)state;
	s.source = mem_strdup("nvml");
	scan_add_gpu(&s);
	g = scan_add_gpu(&s);
	g->index = 1;
	g->uuid = mem_strdup("GPU-1");
	g->name = mem_strdup("x\x1b[31m \xff");
	g->memory_used_mb = quantity_of(0);
	g->power_mw = quantity_of(INT64_MAX);
	g->mig = g->processes_known = true;
	g->runtime_index = quantity_of(0);
	g->device_minor = quantity_of(3);
	g->runtime_id = mem_strdup(""); /* not the same as none */
	p = gpu_add_process(g);
	p->pid = 7;
	p->name = mem_strdup("\xc3");

	back = send(&s);
	assert_string_equal(back.source, "nvml");
	assert_null(back.driver_version);
	assert_int_equal(back.gpus_count, 2);
	assert_false(back.gpus[0].processes_known);
	assert_unknown(back.gpus[0].memory_used_mb);
	assert_null(back.gpus[0].uuid);
	g = &back.gpus[1];
	assert_int_equal(g->index, 1);
	assert_string_equal(g->uuid, "GPU-1");
	assert_string_equal(g->name, "x\x1b[31m \xef\xbf\xbd"); /* bytes that are no UTF-8 */
	assert_known(g->memory_used_mb, 0);
	assert_known(g->power_mw, INT64_MAX);
	assert_unknown(g->temperature_c);
	assert_true(g->mig && g->processes_known);
	assert_known(g->runtime_index, 0);
	assert_known(g->device_minor, 3);
	assert_string_equal(g->runtime_id, "");
	assert_null(back.gpus[0].runtime_id);
	assert_int_equal(g->processes_count, 1);
	assert_int_equal(g->processes[0].pid, 7);
	assert_non_null(g->processes[0].name);
	assert_unknown(g->processes[0].memory_mb);
}

static void test_error(void **state)
{
	struct err sent = {.code = EACCES, .text = "no \xff way"}, e = {0};
	AUTO_FREE char *text = gpu_wire_pack(NULL, &sent);
	struct scan s = {0};

	(void)state;
	assert_int_equal(gpu_wire_unpack(text, strlen(text), &s, &e), -EACCES);
	assert_string_equal(e.text, "no \xef\xbf\xbd way");
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"gpus\":[",
		"{\"gpus\":[{}]}",
		"{\"gpus\":[[]]}",
		"{\"gpus\":[{\"processes\":[],\"uuid\":1}]}",
		"{\"gpus\":[{\"processes\":[],\"index\":\"1\"}]}",
		"{\"gpus\":[{\"processes\":[],\"mig\":0}]}",
		"{\"gpus\":[{\"processes\":[{\"memory_mb\":1.5}]}]}",
		"{\"gpus\":[{\"processes\":[3]}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scan s = {0};
		struct err e = {0};

		if (gpu_wire_unpack(cases[i], strlen(cases[i]), &s, &e) != -EBADMSG)
			fail_msg("'%s' was taken", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("gpu_wire", tests, NULL, NULL);
}
