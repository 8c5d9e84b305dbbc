/* What NVIDIA's driver says against a GPU, in words with the way out; see nvidia.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/nvidia.h"

/* What nvidia-smi's option -i takes for it; its numbers may differ from the pool's. */
static char *name_of(const struct gpu *g)
{
	if (g->pci_bus_id || g->uuid)
		return mem_strdup(g->pci_bus_id ? g->pci_bus_id : g->uuid);
	return mem_printf("%d", g->index);
}

__attribute__((format(printf, 4, 0))) static void
add_reset(struct gpu *g, enum gpu_health health, const char *when, const char *format, va_list args)
{
	AUTO_FREE char *name = name_of(g);
	char what[256];

	vsnprintf(what, sizeof(what), format, args);
	gpu_add_health(g, health,
		       "%s: 'nvidia-smi --gpu-reset -i %s' as root%s, or reboot this host", what,
		       name, when);
}

void nvidia_needs_reset(struct gpu *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_reset(g, HEALTH_FAULTY, "", format, args);
	va_end(args);
}

void nvidia_wants_reset(struct gpu *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_reset(g, HEALTH_WARNING, " when nobody uses it", format, args);
	va_end(args);
}

void nvidia_is_lost(struct gpu *g, const char *what)
{
	gpu_add_health(g, HEALTH_FAULTY,
		       "%s: reboot this host, and have the card looked at if it does not come back",
		       what);
}

bool nvidia_is_nvgpu(const struct gpu *g)
{
	return g->name && strstr(g->name, "nvgpu");
}
