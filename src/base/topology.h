/*
 * How GPUs are linked, and near which processors they are: what `admin` reads from the driver and
 * the pool keeps, as text, since nothing but a choice between free GPUs depends on it.
 */
#ifndef BASE_TOPOLOGY_H
#define BASE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A link between two GPUs, the better the greater. From LINK_FABRIC on it is one of the GPUs' own:
 * LINK_XGMI, or LINK_NVLINK + n for n NVLinks (LINK_NVLINK: so many as the driver does not tell).
 */
enum link {
	LINK_UNKNOWN,
	LINK_SYSTEM,   /* across NUMA nodes */
	LINK_NODE,     /* across host bridges of one NUMA node */
	LINK_HOST,     /* through one host bridge */
	LINK_SWITCHES, /* through several PCIe switches */
	LINK_SWITCH,   /* through one PCIe switch */
	LINK_BOARD,    /* on one board */
	LINK_FABRIC = 16,
	LINK_XGMI = LINK_FABRIC,
	LINK_NVLINK = LINK_FABRIC + 1,
	LINK_MAX = 255,
};

#define LINK_NAME_SIZE 8

/* As `nvidia-smi topo -m` calls it: "SYS", "NODE", "PHB", "PXB", "PIX", "NV18"; also "PSB", "XGMI"
   and "?". */
const char *topology_link_name(int link, char name[LINK_NAME_SIZE]);

/* The link of that name; LINK_UNKNOWN for one that is none. */
int topology_link_parse(const char *name);

#define NUMA_UNKNOWN (-1)

struct topology_gpu {
	char *uuid;
	int numa; /* number of its NUMA node, or NUMA_UNKNOWN */
};

struct topology {
	size_t count;
	struct topology_gpu *gpus;
	uint8_t *links; /* count * count; symmetric */
};

/* All unknown; topology_clear frees it. */
void topology_init(struct topology *t, size_t count);
void topology_clear(struct topology *t);

int topology_link(const struct topology *t, size_t a, size_t b);
void topology_set_link(struct topology *t, size_t a, size_t b, int link);

/* Whether both are in one NUMA node, for certain. */
bool topology_same_numa(const struct topology *t, size_t a, size_t b);

/* The GPU of that UUID; t->count: there is none. */
size_t topology_find(const struct topology *t, const char *uuid);

/*
 * One line for each GPU that has a UUID: the UUID, its NUMA node ("-": unknown), and its links to
 * those of the lines before. NULL where nothing is known. The caller frees it.
 */
char *topology_text(const struct topology *t);

/* Reads such a text; a name of a link that is not known is an unknown link. -EBADMSG for a text
   that is no list of GPUs; NULL is an empty one. The caller clears *ret. */
int topology_parse(const char *text, struct topology *ret);

#endif
