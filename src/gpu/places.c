/*
 * Where GPUs are, as the kernel says of every PCI device: its NUMA node, and the bridges between it
 * and the processor, which are the directories of its path below /sys/devices.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "gpu/gpu_backend.h"

/* The directory of a PCI device; NULL: there is none. The caller frees it. */
static char *find_device(const char *sysfs, const char *bus_id)
{
	unsigned domain, bus, device, function;
	AUTO_FREE char *path = NULL;

	if (!bus_id || sscanf(bus_id, "%8x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4)
		return NULL;
	path = mem_printf("%s/bus/pci/devices/%04x:%02x:%02x.%x", sysfs, domain, bus, device,
			  function);
	return realpath(path, NULL);
}

static bool has_one_node(const char *sysfs)
{
	AUTO_FREE char *pattern = mem_printf("%s/devices/system/node/node[0-9]*", sysfs);
	glob_t found = {0};
	bool one = !glob(pattern, 0, NULL, &found) && found.gl_pathc == 1;

	globfree(&found);
	return one;
}

/* A host of one node does not number it (-1). */
static int read_numa(const char *sysfs, const char *device)
{
	AUTO_FREE char *path = mem_printf("%s/numa_node", device);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	int node = NUMA_UNKNOWN;

	if (!file || fscanf(file, "%d", &node) != 1 || node < 0)
		node = file && has_one_node(sysfs) ? 0 : NUMA_UNKNOWN;
	return node;
}

/* How many directories there are in the rest of a path. */
static int count_parts(const char *path)
{
	int count = 0;

	for (; *path; path++)
		count += *path == '/';
	return count;
}

/*
 * The link of two devices by their paths: /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0 has a
 * host bridge, a bridge, and the device. A switch is an upstream port with a port for each device
 * behind it.
 */
static int compare_paths(const char *a, const char *b, bool same_numa)
{
	const char *root = strstr(a, "/pci");
	size_t common = 0, last = 0, host;

	for (; a[common] && a[common] == b[common]; common++)
		last = a[common] == '/' ? common : last;
	if (a[common] == b[common])
		return LINK_BOARD; /* parts of one card */
	host = root ? (size_t)(root - a) + strcspn(root + 1, "/") + 1 : 0;
	if (!root || last < host)
		return same_numa ? LINK_NODE : LINK_SYSTEM;
	if (last == host)
		return LINK_HOST;
	return count_parts(a + last) <= 2 && count_parts(b + last) <= 2 ? LINK_SWITCH
									: LINK_SWITCHES;
}

void gpu_read_places(const char *sysfs, const struct scan *s, struct topology *ret)
{
	char **devices = mem_alloc(s->gpus_count, sizeof(*devices));

	topology_init(ret, s->gpus_count);
	for (size_t i = 0; i < s->gpus_count; i++) {
		ret->gpus[i].uuid = mem_strdup(s->gpus[i].uuid);
		devices[i] = find_device(sysfs, s->gpus[i].pci_bus_id);
		if (devices[i])
			ret->gpus[i].numa = read_numa(sysfs, devices[i]);
		for (size_t k = 0; k < i; k++) {
			if (devices[i] && devices[k])
				topology_set_link(ret, i, k,
						  compare_paths(devices[i], devices[k],
								topology_same_numa(ret, i, k)));
		}
	}
	for (size_t i = 0; i < s->gpus_count; i++)
		free(devices[i]);
	free(devices);
}

void gpu_add_places(const struct gpu_options *options, struct scan *s)
{
	AUTO(topology_clear) struct topology t;

	gpu_read_places(gpu_sysfs(options), s, &t);
	s->topology = topology_text(&t);
}
