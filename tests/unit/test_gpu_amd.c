/* The amd provider, with a tree of files like the kernel's /sys. */
#include "gpu_test.h"

#include <errno.h>

#define DEVICE "devices/pci0000:00/0000:"

/* A link in the tree, to somewhere else in it. */
static void make_link(const char *name, const char *target)
{
	AUTO_FREE char *to = mem_printf("%s/%s", folder, target);
	AUTO_FREE char *from = mem_strdup(write_file(name, ""));

	unlink(from);
	assert_int_equal(symlink(to, from), 0);
}

/* Writes one file of a device. */
static void device_file(const char *device, const char *name, const char *text)
{
	AUTO_FREE char *path = mem_printf("%s/%s", device, name);

	write_file(path, text);
}

/* A card of that driver, on that PCI address. */
static void make_card(const char *card, const char *address, const char *driver, const char *vendor)
{
	AUTO_FREE char *device = mem_printf(DEVICE "%s", address);
	AUTO_FREE char *device_driver = mem_printf("%s/driver", device);
	AUTO_FREE char *drivers = mem_printf("bus/pci/drivers/%s", driver);
	AUTO_FREE char *marker = mem_printf("%s/bind", drivers);
	AUTO_FREE char *link = mem_printf("class/drm/%s/device", card);

	device_file(device, "vendor", vendor);
	device_file(device, "device", "0x740f\n");
	write_file(marker, "");
	make_link(device_driver, drivers);
	make_link(link, device);
}

static void make_node(const char *node, const char *gpu_id, const char *properties)
{
	AUTO_FREE char *directory = mem_printf("class/kfd/kfd/topology/nodes/%s", node);

	device_file(directory, "gpu_id", gpu_id);
	device_file(directory, "properties", properties);
}

/* Two AMD GPUs (card2 is before card10, and on the later bus), a CPU node, and another vendor's
 * card. */
static void make_tree(void)
{
	const char *first = DEVICE "03:00.0", *second = DEVICE "c3:00.0";

	make_card("card0", "01:00.0", "ast", "0x1a03\n");
	make_card("card2", "c3:00.0", "amdgpu", "0x1002\n");
	make_card("card10", "03:00.0", "amdgpu", "0x1002\n");
	write_file("class/drm/card2-DP-1/status", "connected\n");
	write_file("class/drm/renderD128/dev", "226:128\n");
	device_file(first, "mem_info_vram_total", "68702699520\n");
	device_file(first, "mem_info_vram_used", "8862564352\n");
	device_file(first, "gpu_busy_percent", "42\n");
	device_file(first, "unique_id", "1a2b3c4d5e6f7081\n");
	device_file(first, "drm/renderD129/dev", "226:129\n");
	device_file(first, "product_name", "AMD Instinct MI210\n");
	device_file(first, "hwmon/hwmon7/temp1_input", "45500\n");
	device_file(first, "hwmon/hwmon7/power1_average", "41000000\n");
	device_file(first, "hwmon/hwmon7/power1_cap", "300000000\n");
	device_file(second, "mem_info_vram_used", "?\n");
	device_file(second, "hwmon/hwmon3/power1_input", "9000000\n");
	make_node("0", "0\n", "cpu_cores_count 64\ndomain 0\nlocation_id 0\n");
	make_node("1", "54321\n", "simd_count 416\ndomain 0\nlocation_id 768\n");
	make_node("2", "999\n", "location_id 49920\ndomain 0\n");
	write_file("class/kfd/kfd/proc/4242/vram_54321", "8590983168\n");
	write_file("class/kfd/kfd/proc/4242/vram_999", "0\n");
	write_file("class/kfd/kfd/proc/77/vram_54321", "1048576\n");
	write_file("class/kfd/kfd/proc/77/pasid", "32770\n");
}

static struct scan scan_tree(void)
{
	struct gpu_options options = {
		.provider = "amd", .sysfs_root = folder, .timeout_ms = LONG_MS};
	struct scan s = {0};
	struct err e = {0};

	if (gpu_scan(&options, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

static void test_values(void **state)
{
	AUTO(scan_clear) struct scan s = {0};
	const struct gpu *a, *b;

	(void)state;
	make_tree();
	s = scan_tree();
	assert_int_equal(s.gpus_count, 2);
	assert_string_equal(s.source, "sysfs");
	a = &s.gpus[0];
	b = &s.gpus[1];
	assert_string_equal(a->pci_bus_id, "0000:03:00.0");
	assert_string_equal(a->uuid, "GPU-1a2b3c4d5e6f7081");
	assert_string_equal(a->name, "AMD Instinct MI210");
	assert_known(a->memory_total_mb, 65520);
	assert_known(a->memory_used_mb, 8452);
	assert_known(a->utilization_percent, 42);
	assert_known(a->temperature_c, 45);
	assert_known(a->power_mw, 41000);
	assert_known(a->power_limit_mw, 300000);
	assert_known(a->device_minor, 129);
	assert_unknown(b->device_minor);
	assert_null(a->problem);
	assert_string_equal(b->pci_bus_id, "0000:c3:00.0");
	assert_string_equal(b->name, "AMD GPU 0x740f");
	assert_null(b->uuid);
	assert_unknown(b->memory_used_mb);
	assert_unknown(b->memory_total_mb);
	assert_known(b->power_mw, 9000);
	assert_problem(b, "memory use is unknown");
}

static void test_processes(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	make_tree();
	s = scan_tree();
	assert_true(s.gpus[0].processes_known);
	assert_int_equal(s.gpus[0].processes_count, 2);
	assert_int_equal(s.gpus[0].processes[0].pid, 77);
	assert_known(s.gpus[0].processes[0].memory_mb, 1);
	assert_int_equal(s.gpus[0].processes[1].pid, 4242);
	assert_known(s.gpus[0].processes[1].memory_mb, 8193);
	assert_true(s.gpus[1].processes_known);
	assert_int_equal(s.gpus[1].processes_count, 0); /* zero bytes is no use */
}

/* What KFD says cannot be understood, or it is silent about a GPU: unknown, not free. */
static void test_processes_unknown(void **state)
{
	AUTO(scan_clear) struct scan broken = {0};
	AUTO(scan_clear) struct scan silent = {0};
	AUTO_FREE char *node = NULL;

	(void)state;
	make_tree();
	write_file("class/kfd/kfd/proc/78/vram_54321", "oops\n");
	broken = scan_tree();
	assert_false(broken.gpus[0].processes_known);
	assert_problem(&broken.gpus[0], "process 78");
	assert_true(broken.gpus[1].processes_known);

	node = mem_strdup(write_file("class/kfd/kfd/topology/nodes/1/properties", "domain 0\n"));
	silent = scan_tree();
	assert_false(silent.gpus[0].processes_known);
	assert_problem(&silent.gpus[0], "KFD does not list them");
}

/* ROCm counts the nodes of KFD, not the cards on the bus, and calls them by their unique ids. */
static void test_names(void **state)
{
	AUTO(scan_clear) struct scan s = {0};
	AUTO(scan_clear) struct scan with_ids = {0};
	AUTO(scan_clear) struct scan without = {0};

	(void)state;
	make_tree();
	make_node("1", "999\n", "location_id 49920\ndomain 0\n");
	make_node("2", "54321\n", "location_id 768\ndomain 0\n");
	s = scan_tree();
	assert_string_equal(s.gpus[0].visible, "GPU-1a2b3c4d5e6f7081");
	assert_string_equal(s.gpus[1].visible, "0");
	assert_null(s.no_ordinals);
	/* A node that this account may not read is none to ROCm. */
	make_node("1", "\n", "");
	make_node("2", "54321\n", "location_id 768\ndomain 0\nunique_id 0\n");
	make_node("5", "999\n", "location_id 49920\ndomain 0\nunique_id 291\n");
	with_ids = scan_tree();
	assert_string_equal(with_ids.gpus[0].uuid, "GPU-1a2b3c4d5e6f7081");
	assert_string_equal(with_ids.gpus[0].visible, "0");
	assert_string_equal(with_ids.gpus[1].visible, "GPU-0000000000000123");
	/* Nor has it a name for a card that has no node, though that has an id. */
	make_node("2", "\n", "");
	without = scan_tree();
	assert_string_equal(without.gpus[0].uuid, "GPU-1a2b3c4d5e6f7081");
	assert_null(without.gpus[0].visible);
	assert_string_equal(without.gpus[1].visible, "GPU-0000000000000123");
}

/* A card in CPX mode, as kernels before 6.9 and later ones show it, with ids of the card and of
   each partition. */
static void test_partitions(void **state)
{
	static const struct {
		const char *first, *second; /* properties of the two nodes */
		const char *names[3];
	} cases[] = {
		{"location_id 768\ndomain 0\nunique_id 17\n",
		 "location_id 769\ndomain 0\nunique_id 17\n",
		 {"0", "1", "2"}},
		{"location_id 768\ndomain 0\nunique_id 17\n",
		 "location_id 268436224\ndomain 0\nunique_id 18\n",
		 {"GPU-0000000000000011", "GPU-0000000000000012", "2"}},
		{"location_id 768\ndomain 0\n",
		 "location_id 268436224\ndomain 0\n",
		 {"0", "1", "2"}},
	};

	(void)state;
	make_tree();
	make_node("3", "999\n", "location_id 49920\ndomain 0\n");
	write_file("class/kfd/kfd/topology/nodes/2/mem_banks/0/properties",
		   "heap_type 1\nsize_in_bytes 25769803776\n");
	write_file("class/kfd/kfd/proc/77/vram_54322", "2097152\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(scan_clear) struct scan s = {0};
		const struct gpu *g;

		make_node("1", "54321\n", cases[i].first);
		make_node("2", "54322\n", cases[i].second);
		s = scan_tree();
		assert_int_equal(s.gpus_count, 3);
		for (size_t k = 0; k < 3; k++)
			assert_string_equal(s.gpus[k].visible, cases[i].names[k]);
		assert_string_equal(s.gpus[0].uuid, "GPU-1a2b3c4d5e6f7081/0");
		g = &s.gpus[1];
		assert_string_equal(g->uuid, "GPU-1a2b3c4d5e6f7081/1");
		assert_string_equal(g->name, "AMD Instinct MI210 partition 1/2");
		assert_string_equal(g->pci_bus_id, "0000:03:00.0");
		assert_known(g->memory_total_mb, 24576);
		/* The card's own number is that of all partitions. */
		assert_known(g->memory_used_mb, 2);
		assert_int_equal(g->processes_count, 1);
		assert_known(s.gpus[0].memory_used_mb, 8194);
		assert_unknown(g->power_mw);
		assert_string_equal(s.gpus[2].pci_bus_id, "0000:c3:00.0");
	}
}

static void test_no_kfd(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	make_card("card0", "03:00.0", "amdgpu", "0x1002\n");
	s = scan_tree();
	assert_int_equal(s.gpus_count, 1);
	assert_false(s.gpus[0].processes_known);
	assert_non_null(s.gpus[0].problem);
}

/* What tells that a GPU is part of a processor, and what that means for its memory. */
static void test_apu(void **state)
{
	static const struct {
		const char *vram, *label, *format;
		bool shared;
	} cases[] = {
		{"536870912\n", NULL, NULL, true}, /* 512 MiB, and nothing else is known */
		{"34359738368\n", "vddnb\n", NULL, true},
		{"34359738368\n", NULL, "\x68\x01\x02\x03", true},
		{"34359738368\n", NULL, "\x68\x01\x03\x01", true},
		{"34359738368\n", "vddgfx\n", "\x68\x01\x01\x03", false},
		{"34359738368\n", NULL, NULL, false},
	};
	const char *device = DEVICE "c4:00.0";

	(void)state;
	make_card("card0", "c4:00.0", "amdgpu", "0x1002\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(scan_clear) struct scan s = {0};

		device_file(device, "mem_info_vram_total", cases[i].vram);
		device_file(device, "mem_info_vram_used", "268435456\n");
		device_file(device, "mem_info_gtt_total", "68719476736\n");
		device_file(device, "mem_info_gtt_used", "21474836480\n");
		device_file(device, "hwmon/hwmon3/in1_label", cases[i].label ? cases[i].label : "");
		device_file(device, "gpu_metrics", cases[i].format ? cases[i].format : "");
		s = scan_tree();
		if (s.gpus[0].memory_shared != cases[i].shared)
			fail_msg("case %zu", i);
		assert_known(s.gpus[0].memory_used_mb, cases[i].shared ? 256 + 20480 : 256);
		if (cases[i].shared)
			assert_true(s.gpus[0].memory_total_mb.value > 65536);
	}
	unlink(write_file("devices/pci0000:00/0000:c4:00.0/mem_info_gtt_used", ""));
	device_file(device, "mem_info_vram_total", "536870912\n");
	{
		AUTO(scan_clear) struct scan s = scan_tree();

		assert_unknown(s.gpus[0].memory_used_mb);
		assert_problem(&s.gpus[0], "memory use is unknown");
	}
}

static void test_bad_pages(void **state)
{
	AUTO(scan_clear) struct scan good = {0};
	AUTO(scan_clear) struct scan bad = {0};

	(void)state;
	make_card("card0", "c4:00.0", "amdgpu", "0x1002\n");
	device_file(DEVICE "c4:00.0", "ras/gpu_vram_bad_pages",
		    "0x00000001 : 0x00001000 : R\n0x00000002 : 0x00001000 : P\n");
	good = scan_tree();
	assert_int_equal(good.gpus[0].health, HEALTH_GOOD);
	device_file(DEVICE "c4:00.0", "ras/gpu_vram_bad_pages",
		    "0x00000001 : 0x00001000 : R\n0x00000002 : 0x00001000 : F\n");
	bad = scan_tree();
	assert_int_equal(bad.gpus[0].health, HEALTH_WARNING);
	assert_non_null(strstr(bad.gpus[0].health_reason, "1 bad pages"));
}

static void test_none(void **state)
{
	struct gpu_options options = {
		.provider = "amd", .sysfs_root = folder, .timeout_ms = LONG_MS};

	(void)state;
	scan_fails(&options, ENODEV, "no GPU with the amdgpu driver");
	make_card("card0", "01:00.0", "nouveau", "0x10de\n");
	make_card("card1", "02:00.0", "radeon", "0x1002\n");
	scan_fails(&options, ENODEV, "no GPU with the amdgpu driver");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values), TEST(test_processes),  TEST(test_processes_unknown),
		TEST(test_names),  TEST(test_partitions), TEST(test_no_kfd),
		TEST(test_none),   TEST(test_apu),        TEST(test_bad_pages),
	};

	return cmocka_run_group_tests_name("gpu_amd", tests, NULL, NULL);
}
