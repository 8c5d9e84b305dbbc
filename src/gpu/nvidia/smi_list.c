/*
 * What `nvidia-smi -L` prints: the only list of MIG instances that is made for programs. Pure.
 *
 *     GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)
 *       MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/smi_parse.h"
#include "gpu/nvidia/smi_value.h"

/* What stands between "(UUID: " and ")", cut out of the line; NULL: it has none. */
static char *find_uuid(char *line)
{
	char *uuid = strstr(line, "(UUID: ");
	char *end = uuid ? strchr(uuid, ')') : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	return nvidia_smi_trim(uuid + strlen("(UUID: "));
}

static const struct gpu *find_card(const struct scan *s, const char *uuid)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].uuid && !strcasecmp(s->gpus[i].uuid, uuid))
			return &s->gpus[i];
	}
	return NULL;
}

/* A line about an instance; false: it is something else. */
static bool read_instance(char *line, const struct gpu *card, struct gpu *g)
{
	char profile[32] = "";

	if (sscanf(line, "MIG %31s Device", profile) != 1)
		return false;
	g->uuid = mem_strdup(find_uuid(line));
	g->profile = mem_strdup(profile);
	g->name = mem_printf("%s MIG %s", card->name ? card->name : "NVIDIA", profile);
	g->parent = mem_strdup(card->uuid);
	g->pci_bus_id = mem_strdup(card->pci_bus_id);
	if (card->health != HEALTH_GOOD)
		gpu_add_health(g, card->health, "%s", card->health_reason);
	gpu_add_problem(g, "nvidia-smi does not tell how much memory of a MIG instance is used");
	return true;
}

/* Puts the instances of one card, which are at the end, behind it. */
static void insert(struct scan *to, struct gpu *card, struct scan *instances)
{
	*scan_add_gpu(to) = *card;
	for (size_t i = 0; i < instances->gpus_count; i++) {
		struct gpu *g = &instances->gpus[i];

		if (g->profile && g->parent && card->uuid && !strcasecmp(g->parent, card->uuid)) {
			*scan_add_gpu(to) = *g;
			*g = (struct gpu){0};
		}
	}
}

void nvidia_smi_parse_list(const char *text, size_t length, struct scan *s)
{
	AUTO_FREE char *copy = nvidia_smi_copy(text, length);
	AUTO_FREE bool *listed = mem_alloc(s->gpus_count, sizeof(*listed));
	const struct gpu *card = NULL;
	struct scan instances = {0}, all = {0};
	char *rest = copy;

	for (char *line; (line = nvidia_smi_next_line(&rest));) {
		char *uuid;

		if (!strncmp(line, "GPU ", 4)) {
			uuid = find_uuid(line);
			card = uuid ? find_card(s, uuid) : NULL;
			if (card)
				listed[card - s->gpus] = true;
		} else if (card && card->mig && instances.gpus_count < POOL_GPUS_MAX) {
			struct gpu g = {0};

			if (read_instance(line, card, &g))
				*scan_add_gpu(&instances) = g;
		}
	}
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].mig && !listed[i])
			nvidia_smi_no_list(&s->gpus[i], "nvidia-smi -L does not name the GPU");
		insert(&all, &s->gpus[i], &instances);
	}
	free(s->gpus);
	s->gpus = all.gpus;
	s->gpus_count = all.gpus_count;
	scan_clear(&instances);
}

void nvidia_smi_no_list(struct gpu *g, const char *why)
{
	AUTO_FREE char *text = mem_printf("its MIG instances cannot be listed: %s", why);

	mem_replace(&g->instances_problem, text);
}
