/*
 * What amdgpu's error handling says against a GPU without being asked as root: the pages of its
 * memory that are bad, and among them those that it could not take out of use ("F" in
 * docs.kernel.org/gpu/amdgpu/ras.html). Called by amd.c.
 */
#include <stdio.h>

#include "base/mem.h"
#include "gpu/amd.h"
#include "gpu/gpu_backend.h"

void amd_read_ras(const char *device, struct gpu *g)
{
	AUTO_FREE char *path = mem_printf("%s/ras/gpu_vram_bad_pages", device);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	char line[128], flag;
	size_t failed = 0;

	/* "0x00000001 : 0x00001000 : R" */
	while (file && fgets(line, sizeof(line), file))
		failed += sscanf(line, "%*x : %*x : %c", &flag) == 1 && flag == 'F';
	if (failed)
		gpu_add_health(
			g, HEALTH_WARNING,
			"%zu bad pages of its memory are still in use: reset it ('amd-smi "
			"reset --gpureset' as root) when nobody uses it, or reboot this host",
			failed);
}
