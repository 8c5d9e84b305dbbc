/*
 * What KFD, the kernel's compute driver, says of AMD GPUs under /sys/class/kfd: which processes
 * compute on them, how ROCm counts them, and which of them are partitions of one card. Called by
 * amd.c. Programs that only draw are not known to KFD; they show as used memory.
 *
 * topology/nodes/<n>/gpu_id and properties (domain, location_id, unique_id) name the GPUs;
 * proc/<pid>/vram_<gpu_id> is what a process has on each, in bytes. A card in a mode such as CPX
 * has a node for each partition, whose number is in location_id: in the bits from 28 on, in kernels
 * before 6.9 in the lowest ones, where the PCI function is otherwise. ROCm counts the nodes that
 * this process may read, in their order, and calls them GPU-<unique_id>.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "gpu/amd.h"
#include "gpu/gpu_backend.h"

/* No GPU of ours. */
#define NO_GPU SIZE_MAX

/* Kinds of memory banks: HSA_HEAPTYPE_FRAME_BUFFER_PUBLIC and _PRIVATE. */
enum { HEAP_PUBLIC = 1, HEAP_PRIVATE = 2 };

/* A KFD node that is a GPU. */
struct node {
	int64_t gpu_id; /* KFD's number for it; 0 is a CPU */
	bool located;
	unsigned domain, location;
	bool has_unique_id; /* the kernel tells one, if only that there is none (0) */
	uint64_t unique_id;
	char *path;
	size_t gpu; /* its place in the scan, or NO_GPU */
	bool is_partition;
};

struct nodes {
	struct node *list;
	size_t count;
};

static void nodes_clear(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++)
		free(nodes->list[i].path);
	free(nodes->list);
}

static int is_number(const struct dirent *entry)
{
	return *entry->d_name && strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
}

/* Reads "domain 0", "location_id 768" and "unique_id 1885..." in a node's list of properties. */
static void read_properties(struct node *node)
{
	AUTO_FREE char *path = mem_printf("%s/properties", node->path);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	bool domain_known = false, location_known = false;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "domain %u", &node->domain) == 1)
			domain_known = true;
		if (sscanf(line, "location_id %u", &node->location) == 1)
			location_known = true;
		if (sscanf(line, "unique_id %" SCNu64, &node->unique_id) == 1)
			node->has_unique_id = true;
	}
	node->located = domain_known && location_known;
}

static void read_nodes(const char *kfd, struct nodes *ret)
{
	AUTO_FREE char *topology = mem_printf("%s/topology/nodes", kfd);
	struct dirent **entries = NULL;
	int count = scandir(topology, &entries, is_number, versionsort);

	for (int i = 0; i < count; i++) {
		struct node node = {.gpu = NO_GPU};
		struct quantity id;

		node.path = mem_printf("%s/%s", topology, entries[i]->d_name);
		id = amd_read_number(node.path, "gpu_id", 1);
		free(entries[i]);
		if (!id.known || !id.value) {
			free(node.path);
			continue;
		}
		node.gpu_id = id.value;
		read_properties(&node);
		ret->list = mem_resize(ret->list, ret->count + 1, sizeof(*ret->list));
		ret->list[ret->count++] = node;
	}
	free(entries);
}

/* ---- which of our GPUs a node is ---- */

/* The card at that address. location is the bus number in the second byte, then device and function
   as PCI packs them. */
static size_t find_card(const struct scan *s, unsigned domain, unsigned location)
{
	char address[32];

	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", domain, (location >> 8) & 0xff,
		 (location >> 3) & 0x1f, location & 7);
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].pci_bus_id && !strcmp(s->gpus[i].pci_bus_id, address))
			return i;
	}
	return NO_GPU;
}

static void find_cards(const struct scan *s, struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		struct node *node = &nodes->list[i];

		if (!node->located)
			continue;
		node->gpu = find_card(s, node->domain, node->location);
		if (node->gpu == NO_GPU)
			node->gpu = find_card(s, node->domain, node->location & 0xff00);
	}
}

/* What a partition has of the card's memory. */
static struct quantity partition_memory_mb(const struct node *node)
{
	AUTO_FREE char *pattern = mem_printf("%s/mem_banks/*/properties", node->path);
	struct quantity mb = {0};
	glob_t found = {0};

	if (glob(pattern, 0, NULL, &found))
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		AUTO_FCLOSE FILE *file = fopen(found.gl_pathv[i], "re");
		unsigned heap = 0;
		uint64_t bytes = 0;
		char line[128];

		while (file && fgets(line, sizeof(line), file)) {
			(void)sscanf(line, "heap_type %u", &heap);
			(void)sscanf(line, "size_in_bytes %" SCNu64, &bytes);
		}
		if (heap == HEAP_PUBLIC || heap == HEAP_PRIVATE)
			mb = quantity_of(mb.value + (int64_t)(bytes >> 20));
	}
	globfree(&found);
	return mb;
}

/* Makes a GPU one partition of it. What the card reports as a whole is not the partition's. */
static void make_partition(struct gpu *g, const struct node *node, size_t number, size_t count)
{
	AUTO_FREE char *uuid = g->uuid ? mem_printf("%s/%zu", g->uuid, number) : NULL;
	AUTO_FREE char *name =
		mem_printf("%s partition %zu/%zu", g->name ? g->name : "AMD GPU", number, count);

	mem_replace(&g->uuid, uuid);
	mem_replace(&g->name, name);
	mem_replace(&g->problem, NULL);
	g->memory_total_mb = partition_memory_mb(node);
	g->memory_used_mb = g->utilization_percent = (struct quantity){0};
	g->power_mw = g->power_limit_mw = (struct quantity){0};
	/* Its own id, if ROCm knows one: that of the card stands for all of them. */
	mem_replace(&g->runtime_id, "");
}

static void copy_card(struct gpu *to, const struct gpu *from)
{
	to->uuid = mem_strdup(from->uuid);
	to->name = mem_strdup(from->name);
	to->pci_bus_id = mem_strdup(from->pci_bus_id);
	to->temperature_c = from->temperature_c;
}

/* A card with several nodes becomes as many GPUs: itself, and new ones behind all others. */
static void split_card(struct scan *s, struct nodes *nodes, size_t card)
{
	size_t count = 0, number = 0, whole;

	for (size_t i = 0; i < nodes->count; i++)
		count += nodes->list[i].gpu == card;
	if (count < 2)
		return;
	whole = s->gpus_count;
	for (size_t i = 1; i < count; i++) {
		struct gpu *g = scan_add_gpu(s);

		copy_card(g, &s->gpus[card]);
	}
	for (size_t i = 0; i < nodes->count; i++) {
		struct node *node = &nodes->list[i];

		if (node->gpu != card)
			continue;
		if (number)
			node->gpu = whole + number - 1;
		node->is_partition = true;
		make_partition(&s->gpus[node->gpu], node, number++, count);
	}
}

/* How ROCm calls the GPU of a node, which is the rank-th. */
static void name_gpu(struct scan *s, const struct node *node, size_t rank)
{
	struct gpu *g = &s->gpus[node->gpu];
	AUTO_FREE char *id = mem_printf("GPU-%016" PRIx64, node->unique_id);

	g->runtime_index = quantity_of((int64_t)rank);
	if (node->has_unique_id)
		mem_replace(&g->runtime_id, node->unique_id ? id : "");
}

/* What ROCm does not list it cannot select, whatever its id is: a card that KFD does not support,
   or that this container may not use. Nothing is known of a node whose card is not. */
static void name_unlisted(struct scan *s, const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		if (!nodes->list[i].located)
			return;
	}
	for (size_t i = 0; nodes->count && i < s->gpus_count; i++) {
		if (!s->gpus[i].runtime_index.known)
			mem_replace(&s->gpus[i].runtime_id, "");
	}
}

/* ---- processes ---- */

/*
 * What one process has on one GPU. Every process that opened KFD has a file for each GPU that it
 * may use: zero bytes is no use. No file, or a process that has just ended, is none either.
 */
static void read_use(const char *process, pid_t pid, const struct node *node, struct gpu *g)
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
		g->processes_known = false;
		gpu_add_problem(g, "KFD does not report what process %d uses", (int)pid);
		return;
	}
	if (bytes == 0)
		return;
	p = gpu_add_process(g);
	p->pid = pid;
	p->memory_mb = quantity_of(bytes >> 20);
}

static void read_processes(const char *kfd, struct scan *s, const struct nodes *nodes)
{
	AUTO_FREE char *directory = mem_printf("%s/proc", kfd);
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_number, versionsort);

	for (size_t n = 0; n < nodes->count; n++) {
		if (nodes->list[n].gpu != NO_GPU)
			s->gpus[nodes->list[n].gpu].processes_known = count >= 0;
	}
	for (int i = 0; i < count; i++) {
		AUTO_FREE char *process = mem_printf("%s/%s", directory, entries[i]->d_name);
		int64_t pid;

		if (!parse_int(entries[i]->d_name, 1, INT_MAX, &pid, NULL)) {
			for (size_t n = 0; n < nodes->count; n++) {
				const struct node *node = &nodes->list[n];

				if (node->gpu != NO_GPU)
					read_use(process, (pid_t)pid, node, &s->gpus[node->gpu]);
			}
		}
		free(entries[i]);
	}
	free(entries);
}

/* The kernel tells the memory used of a card alone: of a partition it is that of its processes. */
static void sum_partition(struct gpu *g)
{
	int64_t sum_mb = 0;

	for (size_t i = 0; i < g->processes_count; i++)
		sum_mb += g->processes[i].memory_mb.value;
	if (g->processes_known)
		g->memory_used_mb = quantity_of(sum_mb);
}

/* Without KFD there is no ROCm, and what else counts them (Vulkan, OpenCL of Mesa) has the bus. */
static void count_without_kfd(struct scan *s)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		int64_t rank = 0, own = 0, before = 0;

		gpu_bus_rank(s->gpus[i].pci_bus_id, &own);
		for (size_t k = 0; k < s->gpus_count; k++) {
			if (gpu_bus_rank(s->gpus[k].pci_bus_id, &rank) && rank < own)
				before++;
		}
		s->gpus[i].runtime_index = quantity_of(before);
	}
}

static size_t node_number(const struct node *node)
{
	return strtoul(strrchr(node->path, '/') + 1, NULL, 10);
}

static void read_topology(const char *sysfs, struct scan *s, const struct nodes *nodes)
{
	AUTO(topology_clear) struct topology t;
	AUTO_FREE size_t *gpus = mem_alloc(POOL_GPUS_MAX, sizeof(*gpus));

	gpu_read_places(sysfs, s, &t);
	for (size_t i = 0; i < POOL_GPUS_MAX; i++)
		gpus[i] = NO_GPU;
	for (size_t i = 0; i < nodes->count; i++) {
		if (node_number(&nodes->list[i]) < POOL_GPUS_MAX)
			gpus[node_number(&nodes->list[i])] = nodes->list[i].gpu;
	}
	for (size_t i = 0; i < nodes->count; i++) {
		if (nodes->list[i].gpu != NO_GPU)
			amd_read_links(nodes->list[i].path, nodes->list[i].gpu, gpus, POOL_GPUS_MAX,
				       &t);
	}
	s->topology = topology_text(&t);
}

void amd_kfd_read(const char *sysfs, struct scan *s, bool topology)
{
	AUTO_FREE char *kfd = mem_printf("%s/class/kfd/kfd", sysfs);
	AUTO(nodes_clear) struct nodes nodes = {0};
	size_t cards = s->gpus_count;

	read_nodes(kfd, &nodes);
	find_cards(s, &nodes);
	for (size_t i = 0; i < cards; i++)
		split_card(s, &nodes, i);
	for (size_t i = 0; i < nodes.count; i++) {
		if (nodes.list[i].gpu != NO_GPU)
			name_gpu(s, &nodes.list[i], i);
	}
	name_unlisted(s, &nodes);
	if (!nodes.count)
		count_without_kfd(s);
	read_processes(kfd, s, &nodes);
	if (topology)
		read_topology(sysfs, s, &nodes);
	for (size_t i = 0; i < nodes.count; i++) {
		if (nodes.list[i].is_partition)
			sum_partition(&s->gpus[nodes.list[i].gpu]);
	}
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (!s->gpus[i].processes_known && !s->gpus[i].problem)
			gpu_add_problem(&s->gpus[i],
					"processes are unknown: KFD does not list them");
	}
}
