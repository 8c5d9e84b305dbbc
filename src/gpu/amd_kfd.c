/*
 * Which processes compute on AMD GPUs: KFD, the kernel's compute driver, under /sys/class/kfd.
 * Called by amd.c. Programs that only draw are not known to KFD; they show as used memory.
 *
 * topology/nodes/<n>/gpu_id and properties (domain, location_id) name the GPUs;
 * proc/<pid>/vram_<gpu_id> is what a process has on each, in bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "gpu/amd.h"
#include "gpu/gpu_backend.h"

/* A KFD node that is one of our GPUs. */
struct node {
	int64_t gpu_id; /* KFD's number for it; 0 is a CPU */
	struct gpu *gpu;
};

struct nodes {
	struct node *list;
	size_t count;
};

static int is_number(const struct dirent *entry)
{
	return *entry->d_name && strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
}

/* The values of "domain 0" and "location_id 768" in a node's list of properties. */
static bool read_location(const char *node, unsigned *ret_domain, unsigned *ret_location)
{
	AUTO_FREE char *path = mem_printf("%s/properties", node);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	bool domain_known = false, location_known = false;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "domain %u", ret_domain) == 1)
			domain_known = true;
		if (sscanf(line, "location_id %u", ret_location) == 1)
			location_known = true;
	}
	return domain_known && location_known;
}

/* location_id is the bus number in the high byte, then device and function as PCI packs them. */
static struct gpu *find_gpu(struct scan *s, unsigned domain, unsigned location)
{
	char address[32];

	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", domain, (location >> 8) & 0xff,
		 (location >> 3) & 0x1f, location & 7);
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].pci_bus_id && !strcmp(s->gpus[i].pci_bus_id, address))
			return &s->gpus[i];
	}
	return NULL;
}

static void read_nodes(const char *kfd, struct scan *s, struct nodes *ret)
{
	AUTO_FREE char *topology = mem_printf("%s/topology/nodes", kfd);
	struct dirent **entries = NULL;
	int count = scandir(topology, &entries, is_number, versionsort);

	for (int i = 0; i < count; i++) {
		AUTO_FREE char *node = mem_printf("%s/%s", topology, entries[i]->d_name);
		struct quantity id = amd_read_number(node, "gpu_id", 1);
		unsigned domain = 0, location = 0;
		struct gpu *g = NULL;

		if (id.known && id.value && read_location(node, &domain, &location))
			g = find_gpu(s, domain, location);
		if (g) {
			ret->list = mem_resize(ret->list, ret->count + 1, sizeof(*ret->list));
			ret->list[ret->count++] = (struct node){.gpu_id = id.value, .gpu = g};
			g->processes_known = true;
		}
		free(entries[i]);
	}
	free(entries);
}

/*
 * What one process has on one GPU. Every process that opened KFD has a file for each GPU that it
 * may use: zero bytes is no use. No file, or a process that has just ended, is none either.
 */
static void read_use(const char *process, pid_t pid, const struct node *node)
{
	AUTO_FREE char *name = mem_printf("vram_%lld", (long long)node->gpu_id);
	AUTO_FREE char *path = mem_printf("%s/%s", process, name);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	long long bytes = 0;
	struct process *p;

	if (!file && (errno == ENOENT || errno == ENODEV))
		return;
	if (!file || fscanf(file, "%lld", &bytes) != 1 || bytes < 0) {
		if (file && ferror(file) && errno == ENODEV)
			return;
		node->gpu->processes_known = false;
		gpu_add_problem(node->gpu, "KFD does not report what process %d uses", (int)pid);
		return;
	}
	if (bytes == 0)
		return;
	p = gpu_add_process(node->gpu);
	p->pid = pid;
	p->memory_mb = quantity_of(bytes >> 20);
}

static void read_processes(const char *kfd, const struct nodes *nodes)
{
	AUTO_FREE char *directory = mem_printf("%s/proc", kfd);
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_number, versionsort);

	for (size_t n = 0; count < 0 && n < nodes->count; n++)
		nodes->list[n].gpu->processes_known = false;
	for (int i = 0; i < count; i++) {
		AUTO_FREE char *process = mem_printf("%s/%s", directory, entries[i]->d_name);
		int64_t pid;

		for (size_t n = 0; n < nodes->count; n++) {
			if (!parse_int(entries[i]->d_name, 1, INT_MAX, &pid, NULL))
				read_use(process, (pid_t)pid, &nodes->list[n]);
		}
		free(entries[i]);
	}
	free(entries);
}

void amd_kfd_read_processes(const char *sysfs, struct scan *s)
{
	AUTO_FREE char *kfd = mem_printf("%s/class/kfd/kfd", sysfs);
	struct nodes nodes = {0};

	read_nodes(kfd, s, &nodes);
	read_processes(kfd, &nodes);
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (!s->gpus[i].processes_known && !s->gpus[i].problem)
			gpu_add_problem(&s->gpus[i],
					"processes are unknown: KFD does not list them");
	}
	free(nodes.list);
}
