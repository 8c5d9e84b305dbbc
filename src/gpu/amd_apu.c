/*
 * APUs: processors with a GPU, whose own memory ("VRAM") is what the firmware has cut off the
 * system's, often 512 MiB. A model lies in the rest of it, which the GPU reaches by a table of its
 * own (GTT). Called by amd.c.
 *
 * No file says "APU". Documented are (docs.kernel.org/gpu/amdgpu/thermal.html, and the structs of
 * kgd_pp_interface.h in the kernel) that the voltage of the northbridge, "vddnb", is there on APUs
 * only, and that gpu_metrics has the formats 2 and 3 on them and 1 on cards. A small VRAM beside a
 * larger GTT means the same: cards that compute have more.
 */
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "gpu/amd.h"

/* Cards that ROCm supports have at least twice that much. */
#define SMALL_VRAM_MB 2048

/* The start of every struct gpu_metrics. */
struct metrics_header {
	uint16_t size;
	uint8_t format, content;
};

static bool has_apu_metrics(const char *device)
{
	AUTO_FREE char *path = mem_printf("%s/gpu_metrics", device);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct metrics_header header;

	return fd >= 0 && read(fd, &header, sizeof(header)) == sizeof(header) &&
	       (header.format == 2 || header.format == 3);
}

static bool has_northbridge(const char *device)
{
	AUTO_FREE char *pattern = mem_printf("%s/hwmon/hwmon*", device);
	glob_t found = {0};
	bool has = false;

	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc > 0) {
		AUTO_FREE char *label = amd_read_text(found.gl_pathv[0], "in1_label");

		has = label && !strcmp(label, "vddnb");
	}
	globfree(&found);
	return has;
}

static struct quantity add(struct quantity a, struct quantity b)
{
	return a.known && b.known ? quantity_of(a.value + b.value) : (struct quantity){0};
}

void amd_add_system_memory(const char *device, struct gpu *g)
{
	struct quantity total = amd_read_number(device, "mem_info_gtt_total", AMD_BYTES_PER_MB);
	bool is_small = g->memory_total_mb.known && g->memory_total_mb.value < SMALL_VRAM_MB &&
			total.known && total.value > g->memory_total_mb.value;

	if (!is_small && !has_northbridge(device) && !has_apu_metrics(device))
		return;
	g->memory_shared = true;
	g->memory_total_mb = add(g->memory_total_mb, total);
	g->memory_used_mb = add(g->memory_used_mb,
				amd_read_number(device, "mem_info_gtt_used", AMD_BYTES_PER_MB));
}
