/*
 * What selects a GPU for programs: what belongs into CUDA_VISIBLE_DEVICES or its counterpart. The
 * one decision, for every provider: gpu_scan calls it, all others read `visible`. Pure.
 *
 * CUDA leaves out GPUs that it cannot use, and those that are cut into MIG instances, and counts
 * the rest. So its numbers are certain only where there are no such GPUs; UUIDs always are.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"

/* Whether CUDA may fail to list it. Values that it only does not know (processes) do not matter. */
static bool is_unreadable(const struct gpu *g, bool simulated)
{
	if (g->health == HEALTH_FAULTY || (g->problem && !g->memory_used_mb.known))
		return true;
	return !simulated && (!g->uuid || !gpu_bus_rank(g->pci_bus_id, NULL));
}

static const char *why_unreadable(const struct gpu *g)
{
	if (g->health == HEALTH_FAULTY && g->health_reason)
		return g->health_reason;
	return g->problem ? g->problem : "it has no UUID or address";
}

/* Whether the GPU before it, in the order of addresses, is at the same one: they are one card,
   which CUDA counts once. */
static bool is_repeated(const struct scan *s, const struct gpu *g)
{
	int64_t own, before;

	return g > s->gpus && gpu_bus_rank(g->pci_bus_id, &own) &&
	       gpu_bus_rank(g[-1].pci_bus_id, &before) && own == before;
}

/* Why CUDA may count otherwise than we do. NULL: it does not. */
static char *find_doubt(const struct scan *s, bool simulated)
{
	if (s->divided_count)
		return mem_printf("GPU %d of the driver is cut into MIG instances",
				  s->divided[0].index);
	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct gpu *g = &s->gpus[i];

		if (g->profile)
			return mem_printf("a GPU of the driver is cut into MIG instances");
		if (g->instances_problem)
			return mem_printf("GPU %d of the driver: %s", g->index,
					  g->instances_problem);
		if (is_unreadable(g, simulated))
			return mem_printf("GPU %d of the driver cannot be read (%s)", g->index,
					  why_unreadable(g));
		if (!simulated && is_repeated(s, g))
			return mem_printf("the driver lists the GPU at %s twice", g->pci_bus_id);
	}
	return s->complaint ? mem_printf("the driver cannot use a GPU (%s)", s->complaint) : NULL;
}

static const char *id_of(const struct gpu *g)
{
	return g->runtime_id ? g->runtime_id : g->uuid;
}

/* Whether it could not be taken for several names, or for a number. */
static bool is_clean(const char *id)
{
	for (const char *p = id; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_/.:", *p))
			return false;
	}
	return isalpha((unsigned char)*id);
}

/* Whether the id of a GPU is one, and that of no other GPU. */
static bool has_own_id(const struct scan *s, const struct gpu *g)
{
	const char *id = id_of(g);

	if (!id || !is_clean(id))
		return false;
	for (size_t i = 0; i < s->gpus_count; i++) {
		const char *other = id_of(&s->gpus[i]);

		if (&s->gpus[i] != g && other && !strcasecmp(other, id))
			return false;
	}
	return true;
}

static bool has_own_index(const struct scan *s, const struct gpu *g)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct quantity *other = &s->gpus[i].runtime_index;

		if (&s->gpus[i] != g && other->known && other->value == g->runtime_index.value)
			return false;
	}
	return g->runtime_index.known && !s->no_ordinals;
}

/*
 * Which GPUs are where another one is, as their addresses say: then one of the two is not what the
 * driver calls it, and neither is certain. Partitions, which the runtime counts one by one, share
 * theirs. The caller frees the list.
 */
static bool *find_shared_places(const struct scan *s, bool counts_by_bus)
{
	bool *shared = mem_alloc(s->gpus_count, sizeof(*shared));
	AUTO_FREE int64_t *ranks = mem_alloc(s->gpus_count, sizeof(*ranks));

	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct gpu *g = &s->gpus[i];

		if (g->profile || !gpu_bus_rank(g->pci_bus_id, &ranks[i]))
			ranks[i] = -1;
		for (size_t k = 0; ranks[i] >= 0 && k < i; k++) {
			if (ranks[k] != ranks[i] || (!counts_by_bus && g->runtime_index.known &&
						     s->gpus[k].runtime_index.known))
				continue;
			shared[i] = shared[k] = true;
		}
	}
	return shared;
}

static void name_gpu(const struct scan *s, struct gpu *g, enum gpu_naming first,
		     enum gpu_naming second)
{
	const enum gpu_naming order[] = {first, second};

	for (size_t i = 0; i < ARRAY_SIZE(order) && !g->visible; i++) {
		if (order[i] == GPU_NAMING_UUID && has_own_id(s, g))
			g->visible = mem_strdup(id_of(g));
		else if (order[i] == GPU_NAMING_INDEX && has_own_index(s, g))
			g->visible = mem_printf("%lld", (long long)g->runtime_index.value);
	}
}

void gpu_name_all(struct scan *s, const struct gpu_backend *backend, enum gpu_naming naming)
{
	enum gpu_naming first = naming, second = naming;
	AUTO_FREE bool *shared = NULL;

	if (naming == GPU_NAMING_AUTO && backend->counts_by_bus) {
		first = GPU_NAMING_INDEX;
		second = GPU_NAMING_UUID;
	} else if (naming == GPU_NAMING_AUTO) {
		first = GPU_NAMING_UUID;
		second = GPU_NAMING_INDEX;
	}
	shared = find_shared_places(s, backend->counts_by_bus);
	if (backend->counts_by_bus)
		s->no_ordinals = find_doubt(s, backend->simulated);
	for (size_t i = 0; i < s->gpus_count; i++) {
		struct gpu *g = &s->gpus[i];

		if (backend->counts_by_bus && !g->profile)
			g->runtime_index = quantity_of(g->index);
		if (backend->simulated || !shared[i])
			name_gpu(s, g, first, second);
	}
}
