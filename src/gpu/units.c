/*
 * The numbers of what a driver lists, and which of it can be used: whole GPUs, and the instances of
 * those in MIG mode. Called by gpu.c. Pure.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"

static int compare_ranks(const struct gpu *a, const struct gpu *b)
{
	int64_t rank_a = 0, rank_b = 0;

	(void)gpu_bus_rank(a->pci_bus_id, &rank_a);
	(void)gpu_bus_rank(b->pci_bus_id, &rank_b);
	return (rank_a > rank_b) - (rank_a < rank_b);
}

static int compare_bus(const void *left, const void *right)
{
	const struct gpu *a = left, *b = right;
	int r = compare_ranks(a, b);

	if (r)
		return r;
	return (a->index > b->index) - (a->index < b->index);
}

/*
 * By PCI bus, as users get them with CUDA_DEVICE_ORDER=PCI_BUS_ID; the driver's own order is not
 * stable over reboots. Where a bus id is not known, the driver's order is all there is.
 */
static void sort_by_bus(struct scan *s)
{
	bool all_known = true;

	for (size_t i = 0; i < s->gpus_count; i++) {
		s->gpus[i].index = (int)i;
		all_known &= gpu_bus_rank(s->gpus[i].pci_bus_id, NULL);
	}
	if (all_known && s->gpus_count > 1)
		qsort(s->gpus, s->gpus_count, sizeof(s->gpus[0]), compare_bus);
}

/* Cards count as the driver counts them; instances, which stand behind their card, follow: programs
   know no number for them. */
static void number_all(struct scan *s)
{
	int cards = 0, instances = 0, card = -1;

	for (size_t i = 0; i < s->gpus_count; i++)
		cards += !s->gpus[i].profile;
	for (size_t i = 0; i < s->gpus_count; i++) {
		struct gpu *g = &s->gpus[i];

		g->index = g->profile ? cards + instances++ : ++card;
		if (g->profile && card >= 0)
			g->parent_index = quantity_of(card);
	}
}

/* Whether two neighbours in the order of addresses are one card that is listed twice. Partitions,
   which a runtime counts one by one, are not. */
static bool is_repeated(const struct gpu *a, const struct gpu *b)
{
	return compare_ranks(a, b) == 0 && (!a->runtime_index.known || !b->runtime_index.known);
}

/* Whether the numbers are those that the places of the cards give, for certain. */
static bool is_ordered(const struct scan *s)
{
	const struct gpu *last = NULL;
	size_t cards = 0, unplaced = 0;
	bool repeated = false;

	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct gpu *g = &s->gpus[i];

		if (g->profile)
			continue;
		unplaced += !gpu_bus_rank(g->pci_bus_id, NULL);
		repeated |= last && is_repeated(last, g);
		last = g;
		cards++;
	}
	return cards < 2 || (!unplaced && !repeated);
}

/* A GPU in MIG mode can be used by its instances alone, also where it has none. */
static void set_divided_aside(struct scan *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->gpus_count; i++) {
		if (!s->gpus[i].mig || s->gpus[i].profile) {
			s->gpus[kept++] = s->gpus[i];
			continue;
		}
		s->divided = mem_resize(s->divided, s->divided_count + 1, sizeof(*s->divided));
		s->divided[s->divided_count++] = s->gpus[i];
	}
	s->gpus_count = kept;
}

void gpu_find_units(struct scan *s, bool simulated)
{
	sort_by_bus(s);
	s->ordered = is_ordered(s);
	/* The numbers of simulated ones are what their file says. */
	if (!simulated)
		number_all(s);
	set_divided_aside(s);
}
