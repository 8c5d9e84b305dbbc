/* What the providers say of how GPUs are linked: NVML's answers, KFD's, and the kernel's paths. */
#include "gpu_test.h"

#include "base/topology.h"

#define GPU(letter, bus, more)                                                   \
	"{\"uuid\": \"GPU-" letter "\", \"name\": \"NVIDIA\", \"bus\": [0, " bus \
	", 0], \"memory\": [81559, 600, 0]" more "}"

/* A link in the tree of folder/. */
static void make_link(const char *name, const char *target)
{
	AUTO_FREE char *path = NULL, *to = mem_printf("%s/%s", folder, target);
	AUTO_FREE char *marker = mem_printf("%s.parent", name);

	remove(write_file(marker, ""));
	path = mem_printf("%s/%s", folder, name);
	assert_int_equal(symlink(to, path), 0);
}

/* A PCI device below /sys/devices: "pci0000:00/0000:00:01.0/0000:3b:00.0". */
static void make_device(const char *path, const char *numa)
{
	AUTO_FREE char *directory = mem_printf("devices/%s", path);
	AUTO_FREE char *node = mem_printf("%s/numa_node", directory);
	AUTO_FREE char *link = mem_printf("bus/pci/devices%s", strrchr(path, '/'));

	write_file(node, numa);
	make_link(link, directory);
}

/* The topology of a scan as its text. The caller frees it. */
static char *read_topology(const char *provider)
{
	struct gpu_options options = {.provider = provider,
				      .sysfs_root = folder,
				      .timeout_ms = LONG_MS,
				      .topology = true};
	AUTO(scan_clear) struct scan s = {0};
	struct err e = {0};

	if (gpu_scan(&options, &s, &e))
		fail_msg("%s", e.text);
	return mem_strdup(s.topology ? s.topology : "");
}

static void expect(const char *provider, const char *text)
{
	AUTO_FREE char *got = read_topology(provider);

	assert_string_equal(got, text);
}

static void test_only_where_asked(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	use_nvml("nvml",
		 "{\"gpus\": [" GPU("a", "59", "") "," GPU("b", "60", ", \"ancestor\": [10]") "]}");
	s = scan_with("nvidia", LONG_MS);
	assert_null(s.topology);
	expect("nvidia", "GPU-a -\nGPU-b - PIX\n");
}

static void test_switched(void **state)
{
	(void)state;
	/* To switches; one of c's links is down, d's are not set up for programs. */
	use_nvml(
		"nvml",
		"{\"gpus\": [" GPU("a", "59", ", \"nvlinks\": [\"s\", \"s\", \"s\"]") "," GPU("b", "60", ", \"nvlinks\": [\"s\", \"s\", \"s\"], \"ancestor\": [50]") "," GPU(
			"c", "61",
			", \"nvlinks\": [\"s\", null, \"s\"], \"ancestor\": [50, 20]") "," GPU("d",
											       "62",
											       ", \"nvlinks\": [\"s\"], \"p2p\": [6, 6, 6],"
											       " \"ancestor\": [50, 40, 30]") "]}");
	expect("nvidia", "GPU-a -\nGPU-b - NV3\nGPU-c - NV2 NV2\nGPU-d - SYS NODE PHB\n");
}

static void test_bridged(void **state)
{
	(void)state;
	/* Listed against the bus's order; b leads to a and c. */
	use_nvml(
		"nvml",
		"{\"gpus\": [" GPU("b", "175", ", \"nvlinks\": [[0, 59, 0], [0, 59, 0], [0, 60, 0]]") "," GPU(
			"a", "59",
			", \"nvlinks\": [[0, 175, 0], [0, 175, 0]], \"ancestor\": [50]") "," GPU("c",
												 "60",
												 ", \"nvlinks\": [[0, 175, 0]], \"ancestor\": [50, 10]") "]}");
	make_device("pci0000:00/0000:3b:00.0", "0\n");
	make_device("pci0000:00/0000:3c:00.0", "0\n");
	make_device("pci0000:80/0000:af:00.0", "1\n");
	expect("nvidia", "GPU-b 1\nGPU-a 0 NV2\nGPU-c 0 NV1 PIX\n");
}

static void test_nothing_is_told(void **state)
{
	(void)state;
	use_nvml("nvml-old", "{\"gpus\": [" GPU("a", "59", "") "," GPU("b", "60", "") "]}");
	expect("nvidia", "");
	/* Then the kernel knows. */
	make_device("pci0000:00/0000:3b:00.0", "-1\n");
	make_device("pci0000:00/0000:3c:00.0", "-1\n");
	expect("nvidia", "GPU-a -\nGPU-b - PHB\n");
	write_file("devices/system/node/node0/cpulist", "0-63\n");
	expect("nvidia", "GPU-a 0\nGPU-b 0 PHB\n");
}

static void test_paths(void **state)
{
	(void)state;
	use_nvml("nvml-old",
		 "{\"gpus\": [" GPU("a", "16", "") "," GPU("b", "17", "") "," GPU(
			 "c", "18", "") "," GPU("d", "19", "") "," GPU("e", "20",
								       "") "," GPU("f", "21",
										   "") "]}");
	make_device("pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:10:00.0", "0\n");
	make_device("pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:01.0/0000:11:00.0", "0\n");
	make_device("pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:02.0/0000:03:00.0/0000:12:00.0",
		    "0\n");
	make_device("pci0000:00/0000:00:02.0/0000:13:00.0", "0\n");
	make_device("pci0000:40/0000:14:00.0", "0\n");
	make_device("pci0000:80/0000:15:00.0", "1\n");
	expect("nvidia", "GPU-a 0\n"
			 "GPU-b 0 PIX\n"
			 "GPU-c 0 PXB PXB\n"
			 "GPU-d 0 PHB PHB PHB\n"
			 "GPU-e 0 NODE NODE NODE NODE\n"
			 "GPU-f 1 SYS SYS SYS SYS SYS\n");
}

static void make_amd(int number, const char *bus, const char *location)
{
	AUTO_FREE char *path = mem_printf("pci0000:%.2s/0000:%s", bus, bus);
	AUTO_FREE char *device = mem_printf("devices/%s", path);
	AUTO_FREE char *vendor = mem_printf("%s/vendor", device);
	AUTO_FREE char *id = mem_printf("%s/unique_id", device);
	AUTO_FREE char *driver = mem_printf("%s/driver", device);
	AUTO_FREE char *card = mem_printf("class/drm/card%d/device", number);
	AUTO_FREE char *node = mem_printf("class/kfd/kfd/topology/nodes/%d", number);
	AUTO_FREE char *gpu_id = mem_printf("%s/gpu_id", node);
	AUTO_FREE char *properties = mem_printf("%s/properties", node);
	AUTO_FREE char *text = mem_printf("domain 0\nlocation_id %s\n", location);
	AUTO_FREE char *name = mem_printf("%d\n", number);

	make_device(path, *bus == '0' ? "0\n" : "1\n");
	write_file(vendor, "0x1002\n");
	write_file(id, name);
	write_file("drivers/amdgpu/bind", "");
	make_link(driver, "drivers/amdgpu");
	make_link(card, device);
	write_file(gpu_id, name);
	write_file(properties, text);
}

static void test_kfd(void **state)
{
	(void)state;
	make_amd(1, "03:00.0", "768");
	make_amd(2, "04:00.0", "1024");
	make_amd(3, "c3:00.0", "49920");
	expect("amd", "GPU-1 0\nGPU-2 0 NODE\nGPU-3 1 SYS SYS\n");
	/* To a processor over PCIe, and to the others by XGMI; one leads nowhere. */
	write_file("class/kfd/kfd/topology/nodes/1/io_links/0/properties",
		   "type 2\nnode_from 1\nnode_to 0\nweight 20\n");
	write_file("class/kfd/kfd/topology/nodes/1/io_links/1/properties",
		   "type 11\nnode_from 1\nnode_to 2\nweight 15\n");
	write_file("class/kfd/kfd/topology/nodes/1/io_links/2/properties",
		   "type 11\nnode_from 1\nnode_to 4000000000\n");
	write_file("class/kfd/kfd/topology/nodes/3/io_links/0/properties",
		   "type 2\nnode_from 3\nnode_to 2\n");
	expect("amd", "GPU-1 0\nGPU-2 0 XGMI\nGPU-3 1 SYS SYS\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_where_asked), TEST(test_switched), TEST(test_bridged),
		TEST(test_nothing_is_told),  TEST(test_paths),    TEST(test_kfd),
	};

	return cmocka_run_group_tests_name("gpu_topology", tests, NULL, NULL);
}
