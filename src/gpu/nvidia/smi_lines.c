/* The lines of nvidia-smi that are no rows; see smi_lines.h. Pure. */
#include "gpu/nvidia/smi_lines.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvidia.h"

/* Complaints are one short sentence; sscanf at every place of a long line would take for ever. */
#define COMPLAINT_MAX 512

char *nvidia_smi_bus_id(const char *line)
{
	AUTO_FREE char *start = strndup(line, COMPLAINT_MAX);

	for (const char *p = start; p && *p; p++) {
		unsigned domain, bus, device, function;
		int length = 0;

		if (!isxdigit((unsigned char)*p) ||
		    sscanf(p, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &length) != 4)
			continue;
		return mem_printf("%08X:%02X:%02X.%X", domain, bus, device, function);
	}
	return NULL;
}

bool nvidia_smi_is_complaint(const char *line)
{
	static const char *const words[] = {"unable to determine", "is lost", "requires reset",
					    "reset required", "unknown error"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasestr(line, words[i]))
			return true;
	}
	return false;
}

bool nvidia_smi_is_warning(const char *line)
{
	return !strncasecmp(line, "warning", strlen("warning"));
}

/* The GPU of a bus id as nvidia_smi_bus_id writes it. */
static struct gpu *find_by_bus(struct scan *s, const char *bus_id)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		AUTO_FREE char *own =
			s->gpus[i].pci_bus_id ? nvidia_smi_bus_id(s->gpus[i].pci_bus_id) : NULL;

		if (own && !strcmp(own, bus_id))
			return &s->gpus[i];
	}
	return NULL;
}

bool nvidia_smi_take_verdict(struct scan *s, const char *line)
{
	AUTO_FREE char *bus_id = nvidia_smi_bus_id(line);
	struct gpu *g = bus_id ? find_by_bus(s, bus_id) : NULL;

	if (!g)
		return false;
	if (nvidia_smi_is_warning(line))
		gpu_add_health(g, HEALTH_WARNING, "nvidia-smi says: %.200s", line);
	else if (nvidia_smi_is_complaint(line))
		nvidia_needs_reset(g, "nvidia-smi says: %.200s", line);
	return true;
}

void nvidia_smi_judge(struct gpu *g, const char *value)
{
	if (strcasestr(value, "is lost"))
		nvidia_is_lost(g, "it is lost");
	else if (strcasestr(value, "requires reset") || strcasestr(value, "reset required"))
		nvidia_needs_reset(g, "the driver says that it needs a reset");
	else if (!strcasecmp(value, "ERR!") || strcasestr(value, "unknown error"))
		nvidia_needs_reset(g, "the driver fails to read it (%.40s)", value);
}
