/* What the kernel has and a scan does not list: a table for gpu_find_hidden of
   src/gpu/gpu_backend.h. */
#include "gpu_test.h"

#include "gpu/gpu_backend.h"

/* One PCI device, bound to a driver. */
static void make_device(const char *driver, const char *id, const char *class)
{
	AUTO_FREE char *file = mem_printf("sys/bus/pci/devices/%s/class", id);
	AUTO_FREE char *bound = mem_printf("sys/bus/pci/drivers/%s/%s", driver, id);

	write_file(file, class);
	write_file(bound, "");
}

static void make_information(const char *id, const char *text)
{
	AUTO_FREE char *file = mem_printf("proc/driver/nvidia/gpus/%s/information", id);

	write_file(file, text);
}

/* "id class[-]" of each device of the driver, separated by commas; '-': lent to a virtual machine.
 */
static void make_devices(const char *driver, const char *devices)
{
	AUTO_FREE char *copy = mem_strdup(devices);
	char *rest = copy, *one;

	while ((one = strsep(&rest, ","))) {
		char *class = strchr(one, ' ');
		AUTO_FREE char *lent = NULL;

		*class ++ = '\0';
		make_device(driver, one, class);
		lent = mem_printf("sys/bus/pci/devices/%s/physfn", one);
		if (strchr(class, '-'))
			write_file(lent, "");
	}
}

static void find(const struct gpu_backend *backend, const char *const *listed, struct scan *s)
{
	AUTO_FREE char *sys = mem_printf("%s/sys", folder), *proc = mem_printf("%s/proc", folder);
	const struct gpu_options options = {.sysfs_root = sys, .proc_root = proc};

	for (size_t i = 0; listed[i]; i++)
		scan_add_gpu(s)->pci_bus_id = mem_strdup(*listed[i] ? listed[i] : NULL);
	gpu_find_hidden(&options, backend, s);
}

static void test_devices(void **state)
{
	static const struct {
		const char *driver, *devices, *listed[4];
		const char *hidden; /* of the text; NULL: nothing is */
	} cases[] = {
		{"nvidia",
		 "0000:1a:00.0 0x030200,0000:b3:00.0 0x030000",
		 {"00000000:1A:00.0", "00000000:B3:00.0"},
		 NULL},
		{"nvidia",
		 "0000:1a:00.0 0x030200,0000:b3:00.0 0x030000",
		 {"00000000:1A:00.0"},
		 "the kernel has 2 NVIDIA GPUs, of which the driver does not show 1 here "
		 "(0000:b3:00.0)"},
		/* Which card a row without an address is cannot be told. */
		{"nvidia",
		 "0000:1a:00.0 0x030200,0000:b3:00.0 0x030000",
		 {"00000000:1A:00.0", ""},
		 NULL},
		{"nvidia",
		 "0000:1a:00.0 0x030200,0000:b3:00.0 0x030000,0000:b4:00.0 0x030000",
		 {"00000000:1A:00.0", ""},
		 "does not show 1 here (0000:b3:00.0, 0000:b4:00.0)"},
		/* A switch, a virtual function, and a domain of its own. */
		{"nvidia",
		 "0000:1a:00.0 0x068000,0000:b3:00.4 0x030200-,000f:01:00.0 0x030200",
		 {"0000000F:01:00.0"},
		 NULL},
		{"vfio-pci", "0000:1a:00.0 0x030200", {NULL}, NULL},
		{"amdgpu",
		 "0000:03:00.0 0x120000,0000:83:00.0 0x038000",
		 {"0000:03:00.0"},
		 "the kernel has 2 AMD GPUs, of which the driver does not show 1 here "
		 "(0000:83:00.0)"},
		{"amdgpu", "0000:03:00.0 0x120000", {"0000:03:00.0", "0000:03:00.0"}, NULL},
		{"nvidia",
		 "0000:01:00.0 0x03,0000:02:00.0 0x03,0000:03:00.0 0x03,0000:04:00.0 "
		 "0x03,0000:05:00.0 0x03",
		 {NULL},
		 "5 here (0000:01:00.0, 0000:02:00.0, 0000:03:00.0, 0000:04:00.0, ...)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(scan_clear) struct scan s = {0};
		bool amd = !strcmp(cases[i].driver, "amdgpu");

		make_devices(cases[i].driver, cases[i].devices);
		find(amd ? &gpu_amd : &gpu_nvidia, cases[i].listed, &s);
		if (!s.hidden != !cases[i].hidden ||
		    (s.hidden && !strstr(s.hidden, cases[i].hidden)))
			fail_msg("case %zu: %s", i, s.hidden ? s.hidden : "nothing");
		remove_folder(state);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
}

/* Where /sys does not tell, and what the driver itself says of a card. */
static void test_information(void **state)
{
	static const char *const none[] = {NULL};
	AUTO(scan_clear) struct scan s = {0}, without = {0};

	(void)state;
	make_information("0000:1a:00.0", "Model: \t\t NVIDIA A100\nGPU Excluded:\t No\n");
	make_information("0000:1b:00.0", "Model: \t\t NVIDIA A100\nGPU Excluded:\t Yes\n");
	make_information("0000:1c:00.0", "Model: \t\t Tesla V100\nBlacklisted:\t Yes\n");
	find(&gpu_nvidia, none, &s);
	assert_non_null(s.hidden);
	assert_non_null(strstr(s.hidden, "not show 1 here (0000:1a:00.0)"));
	find(&gpu_amd, none, &without);
	assert_null(without.hidden);
}

/* A scan of simulated GPUs hides nothing. */
static void test_simulated(void **state)
{
	static const char *const none[] = {NULL};
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	make_device("nvidia", "0000:1a:00.0", "0x030200");
	find(&gpu_fake, none, &s);
	assert_null(s.hidden);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_devices),
		TEST(test_information),
		TEST(test_simulated),
	};

	return cmocka_run_group_tests_name("gpu_hidden", tests, NULL, NULL);
}
