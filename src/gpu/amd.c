/*
 * AMD GPUs, from the kernel's own files: amdgpu under /sys/class/drm. Behind gpu_backend.h, in a
 * child process, since reading a sensor of a GPU that hangs may hang too. No tool of the vendor is
 * asked: where the amdgpu driver has no GPU, such a tool has none either (ENODEV).
 */
#include "gpu/amd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "gpu/gpu_backend.h"

char *amd_read_text(const char *directory, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", directory, name);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[256];
	ssize_t n = fd >= 0 ? read(fd, buffer, sizeof(buffer) - 1) : -1;

	if (n <= 0)
		return NULL;
	buffer[n] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
	for (size_t i = strlen(buffer); i && isspace((unsigned char)buffer[i - 1]); i--)
		buffer[i - 1] = '\0';
	return buffer[0] ? mem_strdup(buffer) : NULL;
}

struct quantity amd_read_number(const char *directory, const char *name, int64_t divisor)
{
	AUTO_FREE char *text = amd_read_text(directory, name);
	int64_t value;

	if (!text || parse_int(text, 0, INT64_MAX, &value, NULL))
		return (struct quantity){0};
	return quantity_of(value / divisor);
}

/* The last part of where a link leads: a PCI address, a driver's name. The caller frees it. */
static char *link_name(const char *directory, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", directory, name);
	AUTO_FREE char *target = realpath(path, NULL);

	return target ? mem_strdup(basename(target)) : NULL;
}

/* True for card0, card12; not for card0-DP-1, renderD128. */
static int is_card(const struct dirent *entry)
{
	const char *number = entry->d_name + 4;

	return !strncmp(entry->d_name, "card", 4) && *number &&
	       strspn(number, "0123456789") == strlen(number);
}

static bool is_amdgpu(const char *device)
{
	AUTO_FREE char *driver = link_name(device, "driver");
	AUTO_FREE char *vendor = amd_read_text(device, "vendor");

	return driver && !strcmp(driver, "amdgpu") && vendor && !strcmp(vendor, "0x1002");
}

/* Temperature and power, from the card's one directory under hwmon (its number means nothing). */
static void read_sensors(const char *device, struct gpu *g)
{
	AUTO_FREE char *pattern = mem_printf("%s/hwmon/hwmon*", device);
	glob_t found = {0};

	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc > 0) {
		const char *sensors = found.gl_pathv[0];

		g->temperature_c = amd_read_number(sensors, "temp1_input", 1000);
		g->power_mw = amd_read_number(sensors, "power1_average", 1000);
		if (!g->power_mw.known) /* newer GPUs have the present power only */
			g->power_mw = amd_read_number(sensors, "power1_input", 1000);
		g->power_limit_mw = amd_read_number(sensors, "power1_cap", 1000);
	}
	globfree(&found);
}

/* Of its render node, which Slurm and containers know it by. */
static struct quantity read_minor(const char *device)
{
	AUTO_FREE char *pattern = mem_printf("%s/drm/renderD*", device);
	struct quantity device_minor = {0};
	glob_t found = {0};
	int64_t value;

	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc == 1 &&
	    !parse_int(strrchr(found.gl_pathv[0], '/') + strlen("/renderD"), 0, INT32_MAX, &value,
		       NULL))
		device_minor = quantity_of(value);
	globfree(&found);
	return device_minor;
}

static void read_card(const char *device, struct gpu *g)
{
	AUTO_FREE char *unique_id = amd_read_text(device, "unique_id");
	AUTO_FREE char *model = amd_read_text(device, "device");

	/* As AMD's own tools and ROCR_VISIBLE_DEVICES write it. */
	if (unique_id)
		g->uuid = mem_printf("GPU-%s", unique_id);
	g->name = amd_read_text(device, "product_name");
	if (!g->name && model)
		g->name = mem_printf("AMD GPU %s", model);
	g->pci_bus_id = link_name(device, ".");
	g->device_minor = read_minor(device);
	g->memory_total_mb = amd_read_number(device, "mem_info_vram_total", AMD_BYTES_PER_MB);
	g->memory_used_mb = amd_read_number(device, "mem_info_vram_used", AMD_BYTES_PER_MB);
	amd_add_system_memory(device, g);
	amd_read_ras(device, g);
	g->utilization_percent = amd_read_number(device, "gpu_busy_percent", 1);
	read_sensors(device, g);
	if (!g->memory_used_mb.known)
		gpu_add_problem(g, "memory use is unknown: amdgpu does not report it");
}

static int scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e)
{
	const char *sysfs = gpu_sysfs(options);
	AUTO_FREE char *cards = mem_printf("%s/class/drm", sysfs);
	struct dirent **entries = NULL;
	struct scan s = {0};
	int count = scandir(cards, &entries, is_card, versionsort);

	for (int i = 0; i < count; i++) {
		AUTO_FREE char *device = mem_printf("%s/%s/device", cards, entries[i]->d_name);

		if (is_amdgpu(device))
			read_card(device, scan_add_gpu(&s));
		free(entries[i]);
	}
	free(entries);
	if (s.gpus_count == 0)
		return err_set(e, ENODEV, "there is no GPU with the amdgpu driver under %s", cards);
	amd_kfd_read(sysfs, &s, options->topology);
	mem_replace(&s.source, "sysfs");
	*ret_scan = s;
	return 0;
}

/* ROCr selects first; HIP, which reads CUDA's variable where its own is not set, among the rest. */
static const struct gpu_variable variables[] = {
	{"ROCR_VISIBLE_DEVICES", GPU_VARIABLE_NAMES, NULL},
	{"HIP_VISIBLE_DEVICES", GPU_VARIABLE_PLACES, NULL},
	{"CUDA_VISIBLE_DEVICES", GPU_VARIABLE_PLACES, NULL},
	{"GPU_DEVICE_ORDINAL", GPU_VARIABLE_REMOVED, NULL},
	{.name = NULL},
};

static const struct engine_vendor vendor = {
	.cdi_kind = "amd.com/gpu",
	.apptainer_option = "--rocm",
	.by_number = true,
};

const struct gpu_backend gpu_amd = {
	.name = "amd",
	.vendor_name = "AMD",
	.trusted_source = "sysfs",
	.isolated = true,
	.detectable = true,
	.pci_driver = "amdgpu",
	.variables = variables,
	.vendor = &vendor,
	.scan = scan,
};
