/*
 * The MIG instances of a GPU, each a GPU of its own in the scan. Called by nvml.c.
 *
 * Of a GPU in MIG mode the driver tells memory and processes to root alone; of an instance, to
 * everyone the memory, and processes as far as it lets them be seen. What is not told is unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvidia.h"
#include "gpu/nvidia/nvml.h"

/* A GPU has at most 7 instances today; bounds what a broken driver makes us ask. */
#define MIG_INSTANCES_MAX 64

/* Sizes of instances are eighths of the GPU's memory. */
#define MEMORY_PARTS 8

/* "10gb" of a profile's name, as nvidia-smi shows it: the eighths that the memory takes, of the
   GPU's memory in whole GiB. */
static unsigned size_gb(const struct quantity *total_mb, uint64_t memory_mb)
{
	uint64_t total_gb, parts;

	if (!total_mb->known || total_mb->value <= 0)
		return (unsigned)((memory_mb + 1023) / 1024);
	parts = (memory_mb * MEMORY_PARTS + (uint64_t)total_mb->value - 1) /
		(uint64_t)total_mb->value;
	total_gb = ((uint64_t)total_mb->value + 1023) / 1024;
	return (unsigned)((total_gb * parts + MEMORY_PARTS / 2) / MEMORY_PARTS);
}

/* The profile is in the name that newer drivers give an instance. Older ones give that of the GPU:
   there it is made of what the instance has. */
static void read_profile(const struct nvml *n, nvml_device instance, const struct gpu *card,
			 struct gpu *g)
{
	struct nvml_attributes has = {0};
	const char *mark = g->name ? strstr(g->name, " MIG ") : NULL;

	if (mark && mark[strlen(" MIG ")]) {
		mem_replace(&g->profile, mark + strlen(" MIG "));
		return;
	}
	if (NVML_CALL(n->attributes, instance, &has) != NVML_SUCCESS || !has.gpu_slices)
		g->profile = mem_strdup("unknown");
	else if (has.compute_slices && has.compute_slices < has.gpu_slices)
		g->profile = mem_printf("%uc.%ug.%ugb", has.compute_slices, has.gpu_slices,
					size_gb(&card->memory_total_mb, has.memory_mb));
	else
		g->profile = mem_printf("%ug.%ugb", has.gpu_slices,
					size_gb(&card->memory_total_mb, has.memory_mb));
	mark = g->name ? g->name : card->name;
	if (mark) {
		char *name = mem_printf("%s MIG %s", mark, g->profile);

		free(g->name);
		g->name = name;
	}
}

/* Drivers before R470 have no UUIDs for instances: their name is made of the GPU's and two ids. */
static void read_uuid(const struct nvml *n, nvml_device instance, const struct gpu *card,
		      struct gpu *g)
{
	char uuid[NVML_UUID_SIZE + 1] = "";
	unsigned gpu_instance = 0, compute_instance = 0;

	if (NVML_CALL(n->uuid, instance, uuid, NVML_UUID_SIZE) == NVML_SUCCESS &&
	    !strncmp(uuid, "MIG-", 4))
		mem_replace(&g->uuid, uuid);
	else if (card->uuid &&
		 NVML_CALL(n->gpu_instance_id, instance, &gpu_instance) == NVML_SUCCESS &&
		 NVML_CALL(n->compute_instance_id, instance, &compute_instance) == NVML_SUCCESS)
		g->uuid = mem_printf("MIG-%s/%u/%u", card->uuid, gpu_instance, compute_instance);
	else
		gpu_add_problem(g, "the driver does not tell the UUID of this MIG instance");
}

static void read_instance(const struct nvml *n, nvml_device instance, const struct gpu *card,
			  struct gpu *g)
{
	char name[NVML_NAME_SIZE + 1] = "";

	read_uuid(n, instance, card, g);
	if (NVML_CALL(n->name, instance, name, NVML_NAME_SIZE) == NVML_SUCCESS)
		mem_replace(&g->name, name);
	read_profile(n, instance, card, g);
	mem_replace(&g->parent, card->uuid);
	mem_replace(&g->pci_bus_id, card->pci_bus_id);
	nvidia_nvml_read_use(n, instance, g);
	/* A card that is ill is ill in all its parts. */
	if (card->health != HEALTH_GOOD)
		gpu_add_health(g, card->health, "%s", card->health_reason);
}

void nvidia_nvml_read_instances(const struct nvml *n, nvml_device device, struct scan *s)
{
	const size_t place = s->gpus_count - 1;
	unsigned slots = 0;
	int code = NVML_CALL(n->mig_max_count, device, &slots);
	bool is_cut = slots > MIG_INSTANCES_MAX;

	for (unsigned i = 0; code == NVML_SUCCESS && i < slots && i < MIG_INSTANCES_MAX; i++) {
		nvml_device instance = NULL;
		struct gpu *g;

		code = NVML_CALL(n->mig_by_index, device, i, &instance);
		if (code == NVML_NOT_FOUND) {
			code = NVML_SUCCESS; /* an empty slot */
			continue;
		}
		if (code != NVML_SUCCESS)
			break;
		if (s->gpus_count >= POOL_GPUS_MAX) {
			is_cut = true;
			break;
		}
		g = scan_add_gpu(s);
		g->index = (int)s->gpus_count - 1;
		read_instance(n, instance, &s->gpus[place], g);
	}
	if (code != NVML_SUCCESS)
		s->gpus[place].instances_problem =
			mem_printf("its MIG instances cannot be listed: %s (%d)",
				   nvidia_nvml_error(n, code), code);
	else if (is_cut)
		s->gpus[place].instances_problem =
			mem_strdup("it has more MIG instances than can be listed");
}
