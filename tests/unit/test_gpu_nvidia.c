/* The nvidia provider over NVML: the real code, with the stub library of tests/stubs/nvml_stub.c.
 */
#include "gpu_test.h"

#include <errno.h>
#include <sys/wait.h>

/* Two GPUs that the driver lists against their bus order. */
#define TWO_GPUS                                                                          \
	"{\"driver_version\": \"550.54.14\", \"print\": \"noise\", \"gpus\": ["           \
	"{\"uuid\": \"GPU-b\", \"name\": \"NVIDIA B\", \"bus\": [0, 175, 0],"             \
	" \"memory\": [81559, 600, 0], \"utilization\": 0, \"temperature\": 30},"         \
	"{\"uuid\": \"GPU-a\", \"name\": \"NVIDIA A\", \"bus\": [0, 59, 0],"              \
	" \"memory\": [81559, 600, 8452], \"utilization\": 97, \"temperature\": 61,"      \
	" \"power\": 300000, \"power_limit\": 700000, \"minor\": 5,"                      \
	" \"compute\": [[4242, 8400], [77, null]], \"graphics\": [[4242, 8410], [5, 1]]," \
	" \"mps\": [[88, 2]]}]}"

static struct scan scan_config(const char *variant, const char *config)
{
	use_nvml(variant, config);
	return scan_with("nvidia", LONG_MS);
}

static void expect_error(const char *variant, const char *config, int code, const char *text)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = LONG_MS};

	use_nvml(variant, config);
	use_smi(false);
	scan_fails(&options, code, text);
}

static const struct process *find_process(const struct gpu *g, pid_t pid)
{
	for (size_t i = 0; i < g->processes_count; i++) {
		if (g->processes[i].pid == pid)
			return &g->processes[i];
	}
	fail_msg("process %d is missing", (int)pid);
	return NULL;
}

static void test_all_values(void **state)
{
	AUTO(scan_clear) struct scan s = scan_config("nvml", TWO_GPUS);
	const struct gpu *a = &s.gpus[0], *b = &s.gpus[1];

	(void)state;
	assert_int_equal(s.gpus_count, 2);
	assert_string_equal(s.provider, "nvidia");
	assert_string_equal(s.source, "nvml");
	assert_string_equal(s.driver_version, "550.54.14");
	/* by bus, not as the driver lists them */
	assert_string_equal(a->uuid, "GPU-a");
	assert_string_equal(a->pci_bus_id, "00000000:3B:00.0");
	assert_int_equal(a->index, 0);
	assert_string_equal(b->uuid, "GPU-b");
	assert_string_equal(b->pci_bus_id, "00000000:AF:00.0");
	assert_int_equal(b->index, 1);

	assert_string_equal(a->name, "NVIDIA A");
	assert_known(a->memory_total_mb, 81559);
	assert_known(a->memory_used_mb, 8452); /* without what the driver keeps for itself */
	assert_known(a->utilization_percent, 97);
	assert_known(a->temperature_c, 61);
	assert_known(a->power_mw, 300000);
	assert_known(a->power_limit_mw, 700000);
	assert_known(a->device_minor, 5);
	assert_unknown(b->device_minor);
	assert_false(a->mig);
	assert_null(a->problem);
	assert_known(b->memory_used_mb, 0);
	assert_unknown(b->power_mw);
	assert_true(b->processes_known);
	assert_int_equal(b->processes_count, 0);
}

/* What the driver remembers: energy, and samples, which are asked for where nothing runs now. */
static void test_memory_of_driver(void **state)
{
	static const struct {
		const char *gpu;
		int64_t samples_ms, busy_ms; /* at least; -1: unknown */
	} cases[] = {
		{"\"samples\": [[16000, 0], [9000, 35], [2500, 7], [100, 0]]", 16000, 2500},
		{"\"samples\": [[16000, 0], [100, 0]]", 16000, -1},
		/* It has stopped taking them. */
		{"\"samples\": [[16000, 0], [9000, 35], [7500, 0]]", -1, 9000},
		{"\"samples\": []", -1, -1},
		/* Of the future: the clock was set. */
		{"\"samples\": [[-50000, 90], [400, 0]]", 400, -1},
		{"\"samples\": [[2500, 7]], \"codes\": {\"nvmlDeviceGetSamples\": 3}", -1, -1},
		{"\"name\": \"tells nothing\"", -1, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *config =
			mem_printf("{\"gpus\": [{\"utilization\": 0, \"energy\": 123456789012, %s},"
				   " {\"utilization\": 5, %s}]}",
				   cases[i].gpu, cases[i].gpu);
		AUTO(scan_clear) struct scan s = scan_config("nvml", config);
		struct quantity samples = s.gpus[0].samples_ms, busy = s.gpus[0].busy_ago_ms;

		assert_known(s.gpus[0].energy_mj, 123456789012);
		assert_unknown(s.gpus[1].energy_mj);
		assert_unknown(s.gpus[1].samples_ms);
		if (samples.known != (cases[i].samples_ms >= 0) ||
		    busy.known != (cases[i].busy_ms >= 0) ||
		    (samples.known && (samples.value < cases[i].samples_ms ||
				       samples.value > cases[i].samples_ms + 5000)) ||
		    (busy.known &&
		     (busy.value < cases[i].busy_ms || busy.value > cases[i].busy_ms + 5000)))
			fail_msg("case %zu: samples %lld, busy %lld", i, (long long)samples.value,
				 (long long)busy.value);
	}
}

static void check_processes(const struct gpu *a, size_t count)
{
	assert_true(a->processes_known);
	assert_int_equal(a->processes_count, count);
	assert_known(find_process(a, 4242)->memory_mb, 8410); /* listed twice: once */
	assert_unknown(find_process(a, 77)->memory_mb);
	assert_known(find_process(a, 5)->memory_mb, 1);
}

static void test_processes(void **state)
{
	AUTO(scan_clear) struct scan today = scan_config("nvml", TWO_GPUS);
	AUTO(scan_clear) struct scan old = scan_config("nvml-old", TWO_GPUS);
	AUTO(scan_clear) struct scan newer = scan_config("nvml-new", TWO_GPUS);

	(void)state;
	check_processes(&today.gpus[0], 4);
	check_processes(&old.gpus[0], 3); /* it has no function for MPS */
	check_processes(&newer.gpus[0], 4);
}

static void test_old_library(void **state)
{
	AUTO(scan_clear) struct scan s = scan_config("nvml-old", TWO_GPUS);

	(void)state;
	assert_string_equal(s.gpus[0].uuid, "GPU-a");
	assert_string_equal(s.gpus[0].pci_bus_id, "00000000:3B:00.0");
	assert_known(s.gpus[0].memory_used_mb, 8452 + 600);
	assert_false(s.gpus[0].mig);
}

/* The form that tells more fails: the first one answers. */
static void test_memory_falls_back(void **state)
{
	AUTO(scan_clear)
	struct scan s =
		scan_config("nvml", "{\"gpus\": [{\"codes\": {\"nvmlDeviceGetMemoryInfo_v2\": 25},"
				    " \"memory\": [1000, 100, 50]}]}");

	(void)state;
	assert_known(s.gpus[0].memory_used_mb, 150);
	assert_null(s.gpus[0].problem);
}

static void test_unknown_values(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml",
		"{\"gpus\": [{\"memory\": [null, null, null], \"codes\": {"
		"\"nvmlDeviceGetComputeRunningProcesses\": 3, \"nvmlDeviceGetUUID\": 999}},"
		"{\"codes\": {\"nvmlDeviceGetMemoryInfo\": 3, \"nvmlDeviceGetGraphicsRunningProcesses\": 4}},"
		"{\"memory\": [10, 0, 1], \"codes\": {\"nvmlDeviceGetGraphicsRunningProcesses\": 3}}]}");

	(void)state;
	assert_unknown(s.gpus[0].memory_used_mb);
	assert_unknown(s.gpus[0].memory_total_mb);
	assert_unknown(s.gpus[0].utilization_percent);
	assert_null(s.gpus[0].uuid);
	assert_null(s.gpus[0].name);
	assert_null(s.gpus[0].pci_bus_id);
	assert_false(s.gpus[0].processes_known);
	assert_problem(&s.gpus[0], "memory use is unknown");
	assert_problem(&s.gpus[0], "processes are unknown");
	assert_unknown(s.gpus[1].memory_used_mb);
	assert_false(s.gpus[1].processes_known);
	assert_problem(&s.gpus[1], "Insufficient Permissions (4)");
	/* "there are no graphics processes on such a GPU" is an answer */
	assert_true(s.gpus[2].processes_known);
	assert_null(s.gpus[2].problem);
	for (int i = 0; i < 3; i++)
		assert_int_equal(s.gpus[i].index, i);
}

/* A GPU that may not be read is there, in the driver's order, with nothing known. */
static void test_no_permission(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml",
		"{\"gpus\": [{\"uuid\": \"GPU-b\", \"bus\": [0, 9, 0], \"memory\": [9, 0, 0]},"
		"{\"uuid\": \"GPU-x\", \"codes\": {\"nvmlDeviceGetHandleByIndex\": 4}},"
		"{\"uuid\": \"GPU-y\", \"codes\": {\"nvmlDeviceGetHandleByIndex\": 15}}]}");

	(void)state;
	assert_int_equal(s.gpus_count, 3);
	assert_string_equal(s.gpus[0].uuid, "GPU-b");
	assert_null(s.gpus[1].uuid);
	assert_unknown(s.gpus[1].memory_used_mb);
	assert_false(s.gpus[1].processes_known);
	assert_problem(&s.gpus[1], "no permission");
	assert_problem(&s.gpus[2], "GPU is lost (15)");
}

/* What the driver says against a GPU, and what follows from it. */
struct health_case {
	const char *what, *gpu; /* members of the stub's GPU */
	enum gpu_health health;
	const char *reason; /* a part of it; NULL: there is none */
};

static const struct health_case health_cases[] = {
	{"a driver that has nothing against it",
	 "\"recovery_action\": 0, \"remapped\": [3, 1, 0, 0]", HEALTH_GOOD, NULL},
	{"a driver that does not know the questions",
	 "\"codes\": {\"nvmlDeviceGetFieldValues\": 2, \"nvmlDeviceGetRemappedRows\": 3,"
	 " \"nvmlDeviceGetRetiredPagesPendingStatus\": 3}",
	 HEALTH_GOOD, NULL},
	{"a reset", "\"recovery_action\": 1", HEALTH_FAULTY,
	 "'nvidia-smi --gpu-reset -i 00000000:3B:00.0' as root, or reboot this host"},
	{"a reboot", "\"recovery_action\": 2", HEALTH_FAULTY, "reboot this host"},
	{"peer-to-peer traffic", "\"recovery_action\": 3", HEALTH_FAULTY, "several GPUs"},
	{"reduced capacity", "\"recovery_action\": 4", HEALTH_FAULTY, "reduced capacity"},
	{"a reset of the bus", "\"recovery_action\": 5", HEALTH_FAULTY, "--gpu-reset"},
	{"an action of the future", "\"recovery_action\": 77", HEALTH_FAULTY, "action 77"},
	{"a remapping that failed", "\"remapped\": [0, 2, 0, 1]", HEALTH_FAULTY, "replaced"},
	{"one that is pending", "\"remapped\": [0, 2, 1, 0]", HEALTH_WARNING,
	 "about to be remapped"},
	{"both", "\"remapped\": [0, 2, 1, 1]", HEALTH_FAULTY, "about to be remapped"},
	{"a page that is pending", "\"retired_pending\": 1", HEALTH_WARNING, "about to be retired"},
	{"no page", "\"retired_pending\": 0", HEALTH_GOOD, NULL},
	{"lost, says the memory", "\"codes\": {\"nvmlDeviceGetMemoryInfo\": 15}", HEALTH_FAULTY,
	 "GPU is lost"},
	{"lost, says the name", "\"codes\": {\"nvmlDeviceGetUUID\": 15}", HEALTH_FAULTY,
	 "GPU is lost"},
	{"needs a reset, say the processes",
	 "\"codes\": {\"nvmlDeviceGetComputeRunningProcesses\": 16}", HEALTH_FAULTY,
	 "needs a reset"},
	{"lost, says the handle", "\"codes\": {\"nvmlDeviceGetHandleByIndex\": 15}", HEALTH_FAULTY,
	 "GPU is lost"},
	{"unreachable, says the handle", "\"codes\": {\"nvmlDeviceGetHandleByIndex\": 999}",
	 HEALTH_FAULTY, "'nvidia-smi --gpu-reset -i 0'"},
	{"cables", "\"codes\": {\"nvmlDeviceGetHandleByIndex\": 8}", HEALTH_FAULTY, "power cables"},
	{"not ours to read", "\"codes\": {\"nvmlDeviceGetHandleByIndex\": 4}", HEALTH_GOOD, NULL},
	{"a sensor that fails", "\"codes\": {\"nvmlDeviceGetTemperature\": 999}", HEALTH_GOOD,
	 NULL},
	{"its infoROM", "\"codes\": {\"nvmlDeviceGetUUID\": 14}", HEALTH_WARNING, "infoROM"},
};

static void test_health(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(health_cases); i++) {
		const struct health_case *c = &health_cases[i];
		AUTO_FREE char *config = mem_printf(
			"{\"gpus\": [{\"bus\": [0, 59, 0], \"memory\": [9, 0, 0], %s}]}", c->gpu);
		AUTO(scan_clear) struct scan s = scan_config("nvml", config);
		const struct gpu *g = &s.gpus[0];

		if (g->health != c->health)
			fail_msg("%s: %s", c->what, gpu_health_name(g->health));
		if (!c->reason != !g->health_reason ||
		    (c->reason && !strstr(g->health_reason, c->reason)))
			fail_msg("%s: '%s'", c->what, g->health_reason ? g->health_reason : "");
	}
}

/* Drivers that have no memory to tell of list the processes that use the system's. */
static void test_unified_memory(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml", "{\"gpus\": [{\"uuid\": \"GPU-i\", \"name\": \"NVIDIA GB10\"},"
			"{\"compute\": [[7, 500], [8, 600]]}, {\"compute\": [[7, 500], [8, null]]},"
			"{\"codes\": {\"nvmlDeviceGetComputeRunningProcesses\": 3}},"
			"{\"memory\": [0, 0, 0], \"compute\": [[7, 500]]},"
			"{\"name\": \"Orin (nvgpu)\"},"
			"{\"codes\": {\"nvmlDeviceGetMemoryInfo\": 4}}]}");

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_true(s.gpus[i].memory_shared);
		assert_true(s.gpus[i].memory_total_mb.known);
		assert_true(s.gpus[i].memory_total_mb.value > 0);
	}
	assert_known(s.gpus[0].memory_used_mb, 0);
	assert_null(s.gpus[0].problem);
	assert_known(s.gpus[1].memory_used_mb, 1100);
	assert_unknown(s.gpus[2].memory_used_mb);
	assert_unknown(s.gpus[3].memory_used_mb);
	assert_problem(&s.gpus[3], "processes are unknown");
	assert_known(s.gpus[4].memory_used_mb, 500);
	/* An empty list of a driver that never lists any is none. */
	assert_unknown(s.gpus[5].memory_used_mb);
	assert_problem(&s.gpus[5], "Jetson");
	assert_false(s.gpus[6].memory_shared);
}

/* More processes than the first buffer holds: asked again with a larger one. */
static void test_many_processes(void **state)
{
	AUTO(str_clear) struct str config = {0};
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	str_add(&config, "{\"gpus\": [{\"memory\": [9, 0, 0], \"compute\": [[1, 1]");
	for (int i = 2; i <= 1000; i++)
		str_addf(&config, ", [%d, 1]", i);
	str_add(&config, "]}]}");
	s = scan_config("nvml", str_text(&config));
	assert_true(s.gpus[0].processes_known);
	assert_int_equal(s.gpus[0].processes_count, 1000);
	find_process(&s.gpus[0], 1000);
}

/* Instances are GPUs of their own; a GPU that is cut into them is none. The whole GPU tells nothing
   to an ordinary user; its instances do. */
static void test_mig(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml",
		"{\"gpus\": [{\"uuid\": \"GPU-c\", \"bus\": [0, 3, 0], \"memory\": [500, 0, 40]},"
		"{\"uuid\": \"GPU-m\", \"name\": \"NVIDIA A100-SXM4-40GB\", \"bus\": [0, 1, 0],"
		" \"codes\": {\"nvmlDeviceGetMemoryInfo\": 4,"
		" \"nvmlDeviceGetComputeRunningProcesses\": 4}, \"recovery_action\": 1, \"mig\": [null,"
		" {\"uuid\": \"MIG-1\", \"name\": \"NVIDIA A100-SXM4-40GB MIG 3g.20gb\","
		"  \"memory\": [20096, 0, 30], \"compute\": [[7, 6], [8, 20]]},"
		" {\"gpu_instance\": 7, \"compute_instance\": 0, \"slices\": [1, 1, 4864],"
		"  \"name\": \"NVIDIA A100-SXM4-40GB\", \"memory\": [4864, 0, 3],"
		"  \"codes\": {\"nvmlDeviceGetComputeRunningProcesses\": 4}}, null]},"
		"{\"uuid\": \"GPU-e\", \"bus\": [0, 2, 0], \"mig\": []}]}");
	const struct gpu *new = &s.gpus[0], *old = &s.gpus[1], *whole = &s.gpus[2];

	(void)state;
	assert_int_equal(s.gpus_count, 3);
	assert_string_equal(new->uuid, "MIG-1");
	assert_string_equal(new->profile, "3g.20gb");
	assert_string_equal(new->parent, "GPU-m");
	assert_known(new->parent_index, 0);
	assert_string_equal(new->visible, "MIG-1");
	assert_known(new->memory_total_mb, 20096);
	assert_known(new->memory_used_mb, 30);
	assert_true(new->processes_known);
	assert_known(find_process(new, 8)->memory_mb, 20);
	assert_int_equal(new->health, HEALTH_FAULTY);
	/* As drivers before R470 have it, for a user who may not see the processes. */
	assert_string_equal(old->uuid, "MIG-GPU-m/7/0");
	assert_string_equal(old->profile, "1g.5gb");
	assert_string_equal(old->name, "NVIDIA A100-SXM4-40GB MIG 1g.5gb");
	assert_known(old->memory_used_mb, 3);
	assert_false(old->processes_known);
	assert_problem(old, "processes are unknown");
	assert_string_equal(whole->uuid, "GPU-c");
	assert_int_equal(whole->index, 2);
	assert_null(whole->profile);
	assert_string_equal(whole->visible, "GPU-c");
	assert_int_equal(s.divided_count, 2);
	assert_string_equal(s.divided[1].uuid, "GPU-e");
	assert_null(s.divided[0].instances_problem);
}

/* What cannot be listed is not "none". */
static void test_mig_unlisted(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml",
		"{\"gpus\": [{\"uuid\": \"GPU-m\", \"codes\":"
		" {\"nvmlDeviceGetMaxMigDeviceCount\": 4}, \"mig\": [{}]},"
		"{\"uuid\": \"GPU-n\", \"codes\": {\"nvmlDeviceGetMigDeviceHandleByIndex\": 4},"
		" \"mig\": [{\"uuid\": \"MIG-1\"}]}, {\"uuid\": \"GPU-o\", \"mig\": [{\"name\": \"N MIG \"}]}]}");

	(void)state;
	assert_int_equal(s.gpus_count, 1);
	assert_string_equal(s.gpus[0].profile, "unknown");
	assert_problem(&s.gpus[0], "does not tell the UUID");
	assert_null(s.gpus[0].visible);
	assert_int_equal(s.divided_count, 3);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(s.divided[i].instances_problem, "cannot be listed"));
	assert_null(s.divided[2].instances_problem);
}

/* As many instances for each GPU as given. */
static struct scan scan_instances(const int *counts, size_t gpus_count)
{
	AUTO(str_clear) struct str config = {0};

	for (size_t i = 0; i < gpus_count; i++) {
		str_addf(&config, "%s{\"uuid\": \"GPU-%zu\", \"bus\": [0, %zu, 0], \"mig\": [",
			 i ? "," : "{\"gpus\": [", i, i + 1);
		for (int k = 0; k < counts[i]; k++)
			str_addf(&config, "%s{\"uuid\": \"MIG-%zu-%d\"}", k ? "," : "", i, k);
		str_add(&config, "]}");
	}
	str_add(&config, "]}");
	return scan_config("nvml", str_text(&config));
}

/* Those that have no place in a pool, or that are not asked for, are not "none" either. */
static void test_mig_cut(void **state)
{
	/* With the GPUs 1024 units, and one too many. */
	static const struct {
		int last;
		bool cut;
	} cases[] = {{48, false}, {49, true}};
	static const int many[] = {64, 65};
	struct scan s = scan_instances(many, 2);

	(void)state;
	assert_null(s.divided[0].instances_problem);
	assert_non_null(s.divided[1].instances_problem);
	scan_clear(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int counts[16];

		for (size_t k = 0; k < ARRAY_SIZE(counts); k++)
			counts[k] = 64;
		counts[15] = cases[i].last;
		s = scan_instances(counts, ARRAY_SIZE(counts));
		assert_int_equal(s.gpus_count, 15 * 64 + 48);
		assert_int_equal(s.divided[15].instances_problem != NULL, cases[i].cut);
		scan_clear(&s);
	}
}

/* Nor is a GPU whole because the driver does not say whether it is. */
static void test_mig_unknown(void **state)
{
	AUTO(scan_clear)
	struct scan s = scan_config(
		"nvml",
		"{\"gpus\": [{\"uuid\": \"GPU-m\", \"bus\": [0, 1, 0], \"memory\": [500, 0, 40],"
		" \"codes\": {\"nvmlDeviceGetMigMode\": 999}},"
		"{\"uuid\": \"GPU-n\", \"bus\": [0, 2, 0], \"memory\": [500, 0, 40], \"codes\": {\"nvmlDeviceGetMigMode\": 3}}]}");

	(void)state;
	assert_int_equal(s.gpus_count, 2);
	assert_non_null(strstr(s.gpus[0].instances_problem, "not known"));
	assert_null(s.gpus[1].instances_problem);
	/* CUDA may count otherwise. */
	assert_string_equal(s.gpus[1].visible, "GPU-n");
}

static void test_init_errors(void **state)
{
	(void)state;
	expect_error("nvml", "{\"codes\": {\"nvmlInit\": 9}}", ENODEV, "is not loaded");
	expect_error("nvml", "{\"codes\": {\"nvmlInit\": 18}}", EIO, "reboot");
	expect_error("nvml", "{\"codes\": {\"nvmlInit\": 4}}", EACCES, "/dev/nvidia*");
	expect_error("nvml", "{\"codes\": {\"nvmlInit\": 999}}", ENODEV,
		     "nvidia-smi is not in PATH");
	expect_error("nvml", "{\"gpus\": []}", ENODEV, "sees no GPU");
	expect_error("nvml-broken", "{\"gpus\": [{}]}", ENODEV, "nvmlDeviceGetHandleByIndex_v2");
}

static void test_crash(void **state)
{
	(void)state;
	expect_error("nvml", "{\"crash\": \"nvmlInit\"}", EIO, "SIGABRT");
	expect_error("nvml", "{\"gpus\": [{}], \"crash\": \"nvmlDeviceGetName\"}", EIO, "crashed");
}

static void test_hang(void **state)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = SHORT_MS};

	(void)state;
	use_nvml("nvml", "{\"gpus\": [{}], \"hang\": \"nvmlDeviceGetMemoryInfo\"}");
	scan_fails(&options, ETIMEDOUT, "did not answer within 200 ms");
}

/* Driver libraries print; nobody who asks for JSON wants to see it. */
static void test_silent(void **state)
{
	AUTO_FREE char *path = mem_strdup(write_file("stdout", ""));
	AUTO_CLOSE int out = dup(STDOUT_FILENO);
	AUTO(scan_clear) struct scan s = {0};
	struct stat st;

	(void)state;
	fflush(stdout);
	assert_non_null(freopen(path, "a", stdout));
	use_nvml("nvml", TWO_GPUS);
	s = scan_with("nvidia", LONG_MS);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

/*
 * The library may come from anywhere, and nvidia-smi comes from the user's PATH: neither must run
 * with the group of a set-group-id program.
 */
static void test_without_group(void **state)
{
	AUTO_FREE char *own = mem_printf("%d", (int)getgid());
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can take another group */
	use_nvml("nvml", "{\"driver_version\": \"group\", \"gpus\": [{}]}");
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(setegid(12345), 0);
	s = scan_with("nvidia", LONG_MS);
	assert_int_equal(getegid(), 12345);
	assert_int_equal(setegid(getgid()), 0);
	assert_string_equal(s.driver_version, own);
}

/* No child, and no descriptor, is left behind by any of the outcomes. */
static void test_nothing_left(void **state)
{
	int before, after;

	(void)state;
	before = dup(0);
	close(before);
	test_all_values(NULL);
	test_crash(NULL);
	test_hang(NULL);
	test_all_values(NULL); /* what hung does not harm the next one */
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Where the library is no good, nvidia-smi is asked. */
static void test_falls_back_to_smi(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	use_smi(true);
	write_file("gpus.csv", "0, GPU-s, NVIDIA S, 00000000:3B:00.0, 100, 7, 1, 30, 70.51, "
			       "Disabled, 470.1\n");
	s = scan_config("nvml-broken", "{}");
	assert_string_equal(s.source, "nvidia-smi");
	assert_string_equal(s.driver_version, "470.1");
	assert_string_equal(s.gpus[0].uuid, "GPU-s");
	assert_known(s.gpus[0].power_mw, 70510);
	assert_true(s.gpus[0].processes_known);
}

static void test_detect(void **state)
{
	struct gpu_options options = {.timeout_ms = LONG_MS, .sysfs_root = folder};
	AUTO(scan_clear) struct scan s = {0};
	const char *provider = NULL;
	struct err e = {0};

	(void)state;
	use_smi(false);
	use_nvml("nvml", TWO_GPUS);
	assert_int_equal(gpu_detect(&options, &provider, &s, &e), 0);
	assert_string_equal(provider, "nvidia");
	assert_int_equal(s.gpus_count, 2);
	use_nvml("nvml", "{\"codes\": {\"nvmlInit\": 9}}");
	assert_int_equal(gpu_detect(&options, &provider, &(struct scan){0}, &e), -ENODEV);
	assert_non_null(strstr(e.text, "nvidia: the NVIDIA driver is not loaded"));
	assert_non_null(strstr(e.text, "amd: there is no GPU with the amdgpu driver"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_values),
		TEST(test_processes),
		TEST(test_memory_of_driver),
		TEST(test_old_library),
		TEST(test_memory_falls_back),
		TEST(test_unknown_values),
		TEST(test_no_permission),
		TEST(test_health),
		TEST(test_unified_memory),
		TEST(test_many_processes),
		TEST(test_mig),
		TEST(test_mig_unlisted),
		TEST(test_mig_cut),
		TEST(test_mig_unknown),
		TEST(test_init_errors),
		TEST(test_crash),
		TEST(test_hang),
		TEST(test_nothing_left),
		TEST(test_falls_back_to_smi),
		TEST(test_silent),
		TEST(test_without_group),
		TEST(test_detect),
	};

	return cmocka_run_group_tests_name("gpu_nvidia", tests, NULL, NULL);
}
