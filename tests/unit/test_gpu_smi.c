/* nvidia-smi: the parser with recorded texts (fixtures/nvidia-smi), the program with a stub of it.
 */
#include "gpu_test.h"

#include <errno.h>
#include <signal.h>

#include "gpu/nvidia/smi_parse.h"

static int parse_gpus(const char *text, size_t length, struct scan *ret_scan, struct err *e)
{
	const struct nvidia_smi_query q = nvidia_smi_query_gpus();

	return nvidia_smi_parse_gpus(&q, text, length, ret_scan, e);
}

static void parse_processes(const char *text, size_t length, struct scan *s)
{
	const struct nvidia_smi_query q = nvidia_smi_query_processes();

	nvidia_smi_parse_processes(&q, text, length, s);
}

static int parse_fixture(const char *name, struct scan *ret_scan, struct err *e)
{
	AUTO_FREE char *path = mem_printf("unit/fixtures/nvidia-smi/%s", name);
	size_t length = 0;
	AUTO_FREE char *text = read_source(path, &length);

	return parse_gpus(text, length, ret_scan, e);
}

/* The GPUs of one fixture with the processes of another. The caller clears it. */
static struct scan read_fixtures(const char *gpus, const char *processes)
{
	struct scan s = {0};
	struct err e = {0};

	if (parse_fixture(gpus, &s, &e))
		fail_msg("%s", e.text);
	if (processes) {
		AUTO_FREE char *path = mem_printf("unit/fixtures/nvidia-smi/%s", processes);
		size_t length = 0;
		AUTO_FREE char *text = read_source(path, &length);

		parse_processes(text, length, &s);
	}
	return s;
}

static void test_good(void **state)
{
	AUTO(scan_clear) struct scan s = read_fixtures("good.gpus.csv", "good.apps.csv");
	const struct gpu *g = &s.gpus[0];

	(void)state;
	assert_int_equal(s.gpus_count, 2);
	assert_string_equal(s.driver_version, "550.54.14");
	assert_string_equal(g->uuid, "GPU-5d2f1b0e-0000-4000-8000-000000000000");
	assert_string_equal(g->name, "NVIDIA H100 80GB HBM3");
	assert_string_equal(g->pci_bus_id, "00000000:19:00.0");
	assert_known(g->memory_total_mb, 81559);
	assert_known(g->memory_used_mb, 8452);
	assert_known(g->utilization_percent, 97);
	assert_known(g->temperature_c, 61);
	assert_known(g->power_mw, 301250);
	assert_known(s.gpus[1].power_mw, 69900);
	assert_false(g->mig);
	assert_null(g->problem);
	assert_true(g->processes_known);
	assert_int_equal(g->processes_count, 2);
	assert_int_equal(g->processes[0].pid, 4242);
	assert_string_equal(g->processes[0].name, "/usr/bin/python3");
	assert_known(g->processes[0].memory_mb, 8400);
	assert_int_equal(g->processes[1].pid, 77);
	assert_null(g->processes[1].name);
	assert_unknown(g->processes[1].memory_mb);
	assert_true(s.gpus[1].processes_known);
	assert_int_equal(s.gpus[1].processes_count, 0);
}

static void test_unknown_values(void **state)
{
	AUTO(scan_clear)
	struct scan s = read_fixtures("unknown-values.gpus.csv", "no-processes.txt");

	(void)state;
	assert_int_equal(s.gpus_count, 5);
	assert_known(s.gpus[0].memory_used_mb, 150);
	assert_unknown(s.gpus[0].utilization_percent);
	assert_unknown(s.gpus[0].power_mw);
	assert_null(s.gpus[0].problem);
	assert_true(s.gpus[0].processes_known);
	assert_true(s.gpus[1].mig);
	for (size_t i = 1; i < 5; i++) {
		assert_unknown(s.gpus[i].memory_used_mb);
		assert_problem(&s.gpus[i], "memory use is unknown");
	}
	assert_problem(&s.gpus[3], "[GPU requires reset]");
	assert_non_null(s.gpus[3].instances_problem); /* it may be in MIG mode */
	assert_null(s.gpus[0].instances_problem);
	assert_unknown(s.gpus[2].temperature_c);
	assert_null(s.gpus[4].uuid);
	assert_null(s.gpus[4].name);
	assert_unknown(s.gpus[4].utilization_percent);
	assert_unknown(s.gpus[4].temperature_c);
	assert_unknown(s.gpus[4].power_mw);
	assert_false(s.gpus[4].processes_known); /* no UUID to lay a process to it */
}

/* Failure class 26: a row that cannot be read must not make its GPU look free, or vanish. */
static void test_broken_rows(void **state)
{
	AUTO(scan_clear) struct scan s = read_fixtures("broken-rows.gpus.csv", "no-processes.txt");

	(void)state;
	assert_int_equal(s.gpus_count, 5);
	assert_known(s.gpus[0].memory_used_mb, 8452);
	assert_string_equal(s.gpus[1].pci_bus_id, "00000000:3B:00.0");
	assert_problem(&s.gpus[1], "Unable to determine the device handle");
	for (size_t i = 1; i < 5; i++) {
		assert_int_equal(s.gpus[i].index, i);
		assert_unknown(s.gpus[i].memory_used_mb);
		assert_false(s.gpus[i].processes_known);
		assert_non_null(s.gpus[i].problem);
	}
}

static void test_spaces_units_crlf(void **state)
{
	AUTO(scan_clear) struct scan s = read_fixtures("spaces-units-crlf.gpus.csv", NULL);

	(void)state;
	assert_int_equal(s.gpus_count, 1);
	assert_string_equal(s.gpus[0].uuid, "GPU-0");
	assert_string_equal(s.gpus[0].name, "NVIDIA A100-SXM4-80GB");
	assert_known(s.gpus[0].memory_total_mb, 81920);
	assert_known(s.gpus[0].memory_used_mb, 4);
	assert_known(s.gpus[0].utilization_percent, 0);
	assert_known(s.gpus[0].temperature_c, 33);
	assert_known(s.gpus[0].power_mw, 62470);
	assert_true(s.gpus[0].mig);
	assert_string_equal(s.driver_version, "535.1");
}

static void test_list(void **state)
{
	static const char list[] = "WARNING: infoROM is corrupted at gpu 0000:01:00.0\n"
				   "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-0)\n"
				   "  MIG 3g.40gb     Device  0: (UUID: MIG-1)\r\n"
				   "  MIG 1g.10gb+me Device 1: (UUID: MIG-GPU-0/9/0)\n"
				   "  MIG 1g.10gb     Device  2:\n"
				   "GPU 7: NVIDIA of another kind (UUID: GPU-7)\n"
				   "  MIG 1g.10gb     Device  0: (UUID: MIG-7)\n";
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct gpu *g = scan_add_gpu(&s);

		g->uuid = mem_printf("GPU-%d", i);
		g->mig = i < 2;
	}
	nvidia_smi_parse_list(list, sizeof(list) - 1, &s);
	assert_int_equal(s.gpus_count, 6);
	assert_string_equal(s.gpus[1].uuid, "MIG-1");
	assert_string_equal(s.gpus[1].profile, "3g.40gb");
	assert_string_equal(s.gpus[1].parent, "GPU-0");
	assert_unknown(s.gpus[1].memory_used_mb);
	assert_string_equal(s.gpus[2].uuid, "MIG-GPU-0/9/0");
	assert_string_equal(s.gpus[2].profile, "1g.10gb+me");
	assert_null(s.gpus[3].uuid);
	assert_null(s.gpus[0].instances_problem);
	assert_string_equal(s.gpus[4].uuid, "GPU-1");
	assert_non_null(s.gpus[4].instances_problem);
	assert_null(s.gpus[5].instances_problem);
}

static void test_process_names(void **state)
{
	AUTO(scan_clear) struct scan s = read_fixtures("good.gpus.csv", "names.apps.csv");
	const struct gpu *g = &s.gpus[1];

	(void)state;
	assert_true(g->processes_known);
	assert_int_equal(g->processes_count, 4);
	assert_string_equal(g->processes[0].name, "python train.py --gpus 0,1, --name a, b");
	assert_known(g->processes[0].memory_mb, 512);
	assert_int_equal(g->processes[1].pid, 11);
	assert_string_equal(g->processes[1].name, "x");
	assert_known(g->processes[1].memory_mb, 7);
	assert_int_equal(g->processes[2].pid, 0); /* somebody, not nobody */
	assert_null(g->processes[2].name);
	assert_int_equal(g->processes[3].pid, 12);
}

static void test_stray_processes(void **state)
{
	AUTO(scan_clear) struct scan stray = read_fixtures("good.gpus.csv", "stray.apps.csv");
	AUTO(scan_clear) struct scan brief = read_fixtures("good.gpus.csv", "short-row.apps.csv");
	AUTO(scan_clear) struct scan words = read_fixtures("good.gpus.csv", "no-driver.txt");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_false(stray.gpus[i].processes_known);
		assert_problem(&stray.gpus[i], "processes are unknown");
		assert_false(words.gpus[i].processes_known);
	}
	assert_true(brief.gpus[0].processes_known);
	assert_int_equal(brief.gpus[0].processes_count, 1);
	assert_false(brief.gpus[1].processes_known);
}

static void parse_fails(const char *fixture, int code, const char *text)
{
	struct scan s = {0};
	struct err e = {0};

	if (parse_fixture(fixture, &s, &e) != -code)
		fail_msg("%s: code %d", fixture, e.code);
	if (!strstr(e.text, text))
		fail_msg("%s: '%s'", fixture, e.text);
}

static void test_complaints(void **state)
{
	struct scan s = {0};
	struct err e = {0};

	(void)state;
	parse_fails("no-devices.txt", ENODEV, "No devices were found");
	parse_fails("no-driver.txt", EIO, "couldn't communicate");
	parse_fails("mismatch.txt", EIO, "reboot");
	assert_int_equal(parse_gpus("", 0, &s, &e), -EIO);
	assert_non_null(strstr(e.text, "nothing"));
}

/* A NUL in the text hides nothing behind it. */
static void test_nul(void **state)
{
	static const char text[] = "0, GPU-0, A, 0, 1, 1, 1, 1, 1, Disabled, 1\0\n"
				   "1, GPU-1, B, 0, 1, 1, 1, 1, 1, Disabled, 1\n";
	AUTO(scan_clear) struct scan s = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse_gpus(text, sizeof(text) - 1, &s, &e), 0);
	assert_int_equal(s.gpus_count, 2);
	assert_string_equal(s.gpus[1].uuid, "GPU-1");
}

/* ---- the program ---- */

static void write_fixture(const char *name, const char *fixture)
{
	AUTO_FREE char *path = mem_printf("unit/fixtures/nvidia-smi/%s", fixture);
	size_t length = 0;
	AUTO_FREE char *text = read_source(path, &length);

	write_file(name, text);
}

static void test_program(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	write_fixture("gpus.csv", "good.gpus.csv");
	write_fixture("apps.csv", "good.apps.csv");
	s = scan_with("nvidia", LONG_MS);
	assert_string_equal(s.source, "nvidia-smi");
	assert_int_equal(s.gpus_count, 2);
	assert_int_equal(s.gpus[0].processes_count, 2);
}

/* It ends with a failure when one GPU is lost, and still says what it knows. */
static void test_program_partly_fails(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	write_fixture("gpus.csv", "broken-rows.gpus.csv");
	write_file("gpus.status", "15");
	write_file("apps.csv", "Unknown Error\n");
	write_file("apps.status", "255");
	s = scan_with("nvidia", LONG_MS);
	assert_int_equal(s.gpus_count, 5);
	assert_known(s.gpus[0].memory_used_mb, 8452);
	assert_false(s.gpus[0].processes_known);
	assert_problem(&s.gpus[0], "status 255");
}

static void test_program_fails(void **state)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = LONG_MS};

	(void)state;
	write_fixture("gpus.csv", "no-driver.txt");
	write_file("gpus.status", "9");
	scan_fails(&options, EIO, "couldn't communicate with the NVIDIA driver");
	write_fixture("gpus.csv", "no-devices.txt");
	scan_fails(&options, ENODEV, "No devices were found");
}

/* True when that process is gone, or a zombie that nobody has collected yet. */
static bool is_dead(pid_t pid)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/stat", (int)pid);
	AUTO_FCLOSE FILE *file = fopen(path, "r");
	char line[512];

	return !file || !fgets(line, sizeof(line), file) || strstr(line, ") Z ");
}

/* The number that the stub wrote to a file (or that was there before). */
static int read_number(const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "r");
	int number = 0;

	assert_non_null(file);
	/* empty: the stub is about to write it */
	return fscanf(file, "%d", &number) == 1 ? number : 0;
}

/* The scan ends in time, and so do nvidia-smi and its child. (On a busy machine it may need more
 * time to start.) */
static void test_program_hangs(void **state)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = SHORT_MS};
	AUTO_FREE char *path = mem_strdup(write_file("gpus.hang", "0"));
	pid_t pid = 0;

	(void)state;
	for (; pid == 0 && options.timeout_ms < LONG_MS; options.timeout_ms *= 3) {
		scan_fails(&options, ETIMEDOUT, "did not answer within");
		pid = read_number(path);
	}
	assert_true(pid > 1);
	for (int i = 0; i < 6000 && !is_dead(pid); i++)
		usleep(10000);
	assert_true(is_dead(pid));
}

static int setup_program(void **state)
{
	int r = make_folder(state);

	use_nvml("nvml-broken", "{}");
	use_smi(true);
	return r;
}

#define PROGRAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup_program, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_unknown_values),
		cmocka_unit_test(test_broken_rows),   cmocka_unit_test(test_spaces_units_crlf),
		cmocka_unit_test(test_list),          cmocka_unit_test(test_stray_processes),
		cmocka_unit_test(test_process_names), cmocka_unit_test(test_stray_processes),
		cmocka_unit_test(test_complaints),    cmocka_unit_test(test_nul),
		PROGRAM_TEST(test_program),           PROGRAM_TEST(test_program_partly_fails),
		PROGRAM_TEST(test_program_fails),     PROGRAM_TEST(test_program_hangs),
	};

	return cmocka_run_group_tests_name("gpu_smi", tests, NULL, NULL);
}
