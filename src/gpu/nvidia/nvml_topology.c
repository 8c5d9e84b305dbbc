/* How NVML says that GPUs are linked. Called by nvml.c. */
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/nvml.h"

/* A GPU has at most 18 NVLinks today; bounds what a broken driver makes us ask. */
#define NVLINKS_MAX 64

/* A device, and where its NVLinks lead. */
struct linked {
	nvml_device device;
	size_t place;    /* in the topology; its count: it is not there */
	unsigned bus[3]; /* domain, bus, device */
	int *to;         /* per device: NVLinks between the two */
	int to_switches;
};

static bool is_at(const struct linked *l, const struct nvml_pci_info *pci)
{
	return l->bus[0] == pci->domain && l->bus[1] == pci->bus && l->bus[2] == pci->device;
}

/* What leads to no GPU leads to a switch, or to a processor with NVLinks. */
static void count_nvlink(const struct nvml *n, struct linked *all, size_t count, size_t i,
			 unsigned number)
{
	struct nvml_pci_info pci = {0};
	int type = NVML_NVLINK_TO_SWITCH;

	if (NVML_CALL(n->nvlink_remote_pci, all[i].device, number, &pci) == NVML_SUCCESS) {
		for (size_t k = 0; k < count; k++) {
			if (k != i && is_at(&all[k], &pci)) {
				all[i].to[k]++;
				return;
			}
		}
	}
	(void)NVML_CALL(n->nvlink_remote_type, all[i].device, number, &type);
	all[i].to_switches += type == NVML_NVLINK_TO_SWITCH;
}

static void count_nvlinks(const struct nvml *n, struct linked *all, size_t count, size_t i)
{
	for (unsigned number = 0; number < NVLINKS_MAX; number++) {
		unsigned active = 0;
		int code = NVML_CALL(n->nvlink_state, all[i].device, number, &active);

		if (code == NVML_INVALID_ARGUMENT || code == NVML_FUNCTION_NOT_FOUND)
			return;
		if (code == NVML_SUCCESS && active)
			count_nvlink(n, all, count, i, number);
	}
}

/* The NVLinks of two devices that programs can use: the driver's word on that counts where it has
   one, since links to switches that are not set up lead nowhere. */
static int find_nvlinks(const struct nvml *n, const struct linked *a, const struct linked *b,
			size_t b_number)
{
	int lanes = a->to[b_number], status = NVML_P2P_OK, code;

	if (!lanes)
		lanes = a->to_switches < b->to_switches ? a->to_switches : b->to_switches;
	code = NVML_CALL(n->p2p_status, a->device, b->device, NVML_P2P_NVLINK, &status);
	if (code == NVML_SUCCESS ? status != NVML_P2P_OK : !lanes)
		return LINK_UNKNOWN;
	return LINK_NVLINK + (lanes < LINK_MAX - LINK_NVLINK ? lanes : 0);
}

/* The link by PCIe; LINK_UNKNOWN: the driver does not tell. */
static int find_ancestor(const struct nvml *n, nvml_device a, nvml_device b)
{
	int level = -1;

	if (NVML_CALL(n->common_ancestor, a, b, &level) != NVML_SUCCESS)
		return LINK_UNKNOWN;
	switch (level) {
	case NVML_TOPOLOGY_INTERNAL:
		return LINK_BOARD;
	case NVML_TOPOLOGY_SINGLE:
		return LINK_SWITCH;
	case NVML_TOPOLOGY_MULTIPLE:
		return LINK_SWITCHES;
	case NVML_TOPOLOGY_HOSTBRIDGE:
		return LINK_HOST;
	case NVML_TOPOLOGY_NODE:
		return LINK_NODE;
	case NVML_TOPOLOGY_SYSTEM:
		return LINK_SYSTEM;
	default:
		return LINK_UNKNOWN;
	}
}

static void read_device(const struct nvml *n, unsigned index, struct linked *l, struct topology *t)
{
	char uuid[NVML_UUID_SIZE + 1] = "";
	struct nvml_pci_info pci = {0};

	l->place = t->count;
	if (n->device_by_index(index, &l->device) != NVML_SUCCESS ||
	    NVML_CALL(n->uuid, l->device, uuid, NVML_UUID_SIZE) != NVML_SUCCESS ||
	    NVML_CALL(n->pci_info, l->device, &pci) != NVML_SUCCESS)
		return;
	l->place = topology_find(t, uuid);
	l->bus[0] = pci.domain;
	l->bus[1] = pci.bus;
	l->bus[2] = pci.device;
}

void nvidia_nvml_read_topology(const struct nvml *n, unsigned count, struct topology *t)
{
	struct linked *all = mem_alloc(count, sizeof(*all));
	AUTO_FREE int *counts = mem_alloc((size_t)count * count, sizeof(*counts));

	for (unsigned i = 0; i < count; i++) {
		read_device(n, i, &all[i], t);
		all[i].to = &counts[(size_t)i * count];
	}
	for (unsigned i = 0; i < count; i++) {
		if (all[i].place < t->count)
			count_nvlinks(n, all, count, i);
		for (unsigned k = 0; k < i; k++) {
			int link;

			if (all[i].place == t->count || all[k].place == t->count)
				continue;
			link = find_nvlinks(n, &all[i], &all[k], k);
			if (!link)
				link = find_ancestor(n, all[i].device, all[k].device);
			if (link)
				topology_set_link(t, all[i].place, all[k].place, link);
		}
	}
	mem_auto_free(&all);
}
