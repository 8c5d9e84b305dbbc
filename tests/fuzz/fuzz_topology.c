/*
 * Whatever is stored as the topology: no crash, a symmetric matrix, the same again when it is
 * written and read once more, and no GPU of the pool that is linked to itself. The slots of the
 * pool have the UUIDs of the text, the last one first, and one more that the text does not have.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/topology.h"
#include "plan/place.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(const struct topology *t)
{
	for (size_t i = 0; i < t->count; i++) {
		if (topology_link(t, i, i) != LINK_UNKNOWN || t->gpus[i].numa < NUMA_UNKNOWN)
			abort();
		for (size_t k = 0; k < i; k++) {
			if (topology_link(t, i, k) != topology_link(t, k, i))
				abort();
		}
	}
}

static void check_same(const struct topology *a, const struct topology *b)
{
	if (a->count != b->count || memcmp(a->links, b->links, a->count * a->count) != 0)
		abort();
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->gpus[i].uuid, b->gpus[i].uuid) != 0 ||
		    a->gpus[i].numa != b->gpus[i].numa)
			abort();
	}
}

/* Each GPU is in at most one island, and in none alone. */
static void check_islands(const struct topology *t)
{
	AUTO_FREE int *islands = mem_alloc(t->count, sizeof(*islands));
	AUTO_FREE size_t *sizes = mem_alloc(t->count, sizeof(*sizes));
	size_t count = plan_find_islands(t, islands);

	for (size_t i = 0; i < t->count; i++) {
		if (islands[i] < -1 || islands[i] >= (int)count)
			abort();
		if (islands[i] >= 0)
			sizes[islands[i]]++;
	}
	for (size_t i = 0; i < count; i++) {
		if (sizes[i] < 2)
			abort();
	}
}

static void check_pool(const char *text, const struct topology *read)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(topology_clear) struct topology t = {0};

	pool_state_make_slots(&state, read->count + 1);
	for (size_t i = 0; i < read->count; i++)
		state.slots[i].uuid = mem_strdup(read->gpus[read->count - 1 - i].uuid);
	state.slots[read->count].uuid = mem_strdup("not in it");
	state.topology = mem_strdup(text);
	plan_topology(&state, &t);
	if (t.count && t.count != state.slots_count)
		abort();
	check(&t);
	check_islands(&t);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1), *again = NULL;
	AUTO(topology_clear) struct topology t = {0}, same = {0};

	memcpy(text, data, size);
	if (topology_parse(text, &t) < 0) {
		if (t.gpus || t.links)
			abort();
		return 0;
	}
	check(&t);
	again = topology_text(&t);
	if (again && topology_parse(again, &same) < 0)
		abort();
	if (again)
		check_same(&t, &same);
	check_pool(text, &t);
	return 0;
}
