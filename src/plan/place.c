/* Demands for GPUs that are together; see place.h. */
#include "plan/place.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/kind.h"
#include "plan/withheld.h"

void plan_topology(const struct pool_state *state, struct topology *ret)
{
	AUTO(topology_clear) struct topology kept = {0};
	AUTO_FREE size_t *places = NULL;
	bool known = false;

	*ret = (struct topology){0};
	if (!state->topology || topology_parse(state->topology, &kept) < 0)
		return;
	topology_init(ret, state->slots_count);
	places = mem_alloc(state->slots_count, sizeof(*places));
	for (size_t i = 0; i < state->slots_count; i++) {
		const char *uuid = state->slots[i].uuid;

		places[i] = uuid ? topology_find(&kept, uuid) : kept.count;
		if (places[i] == kept.count)
			continue;
		known = true;
		ret->gpus[i].numa = kept.gpus[places[i]].numa;
		for (size_t k = 0; k < i; k++) {
			if (places[k] < kept.count)
				topology_set_link(ret, i, k,
						  topology_link(&kept, places[i], places[k]));
		}
	}
	if (!known)
		topology_clear(ret);
}

void plan_record_topology(const char *text, struct plan *p)
{
	if (text)
		plan_add(p, CHANGE_TOPOLOGY)->topology.text = text;
}

bool plan_demands_place(const struct plan_request *request)
{
	return plan_request_count(request) > 1 &&
	       (request->linked == PLACE_REQUIRED || request->same_numa == PLACE_REQUIRED);
}

bool plan_may_join(const struct topology *t, const struct plan_request *request, size_t a, size_t b)
{
	return (request->linked != PLACE_REQUIRED || topology_link(t, a, b) >= LINK_FABRIC) &&
	       (request->same_numa != PLACE_REQUIRED || topology_same_numa(t, a, b));
}

/* Gives all that can be reached from a GPU the number of its group. */
static void spread(const struct topology *t, const struct plan_request *request, const bool *these,
		   size_t from, int number, size_t *stack, int *groups)
{
	size_t depth = 0;

	groups[from] = number;
	stack[depth++] = from;
	while (depth) {
		size_t at = stack[--depth];

		for (size_t i = 0; i < t->count; i++) {
			if (groups[i] || (these && !these[i]) || !plan_may_join(t, request, at, i))
				continue;
			groups[i] = number;
			stack[depth++] = i;
		}
	}
}

void plan_find_groups(const struct topology *t, const struct plan_request *request,
		      const bool *these, int *ret_groups)
{
	AUTO_FREE size_t *stack = mem_alloc(t->count, sizeof(*stack));
	int number = 0;

	memset(ret_groups, 0, t->count * sizeof(*ret_groups));
	for (size_t i = 0; i < t->count; i++) {
		if (!ret_groups[i] && (!these || these[i]))
			spread(t, request, these, i, ++number, stack, ret_groups);
	}
}

/* How many there are in the group of a slot. */
static size_t count_group(const int *groups, size_t count, int number)
{
	size_t size = 0;

	for (size_t i = 0; number && i < count; i++)
		size += groups[i] == number;
	return size;
}

size_t plan_find_islands(const struct topology *t, int *ret_islands)
{
	const struct plan_request linked = {.linked = PLACE_REQUIRED};
	AUTO_FREE int *groups = mem_alloc(t->count, sizeof(*groups));
	AUTO_FREE int *numbers = mem_alloc(t->count + 1, sizeof(*numbers));
	size_t count = 0;

	plan_find_groups(t, &linked, NULL, groups);
	for (size_t i = 0; i < t->count; i++) {
		int *number = &numbers[groups[i]]; /* from 1 */

		if (!*number && count_group(groups, t->count, groups[i]) > 1)
			*number = (int)++count;
		ret_islands[i] = *number - 1;
	}
	return count;
}

int *plan_place_eligible(const struct topology *t, const struct pool_state *state,
			 const struct plan_facts *facts, const struct plan_request *request,
			 const int *base, size_t base_count, size_t *ret_count)
{
	AUTO_FREE bool *these = mem_alloc(state->slots_count, sizeof(*these));
	AUTO_FREE int *groups = mem_alloc(t->count, sizeof(*groups));
	int *ids = mem_alloc(state->slots_count, sizeof(*ids));

	*ret_count = 0;
	for (size_t i = 0; i < state->slots_count; i++)
		these[i] = (!base || gpu_ids_have(base, base_count, (int)i)) &&
			   !plan_is_withheld(state, facts->policy, (int)i);
	plan_find_groups(t, request, these, groups);
	for (size_t i = 0; i < t->count; i++) {
		if (count_group(groups, t->count, groups[i]) >= plan_request_count(request))
			ids[(*ret_count)++] = (int)i;
	}
	return ids;
}

void plan_keep_group(const struct topology *t, const struct plan_request *request, int gpu,
		     int *ids, size_t *count)
{
	AUTO_FREE int *groups = mem_alloc(t->count, sizeof(*groups));
	AUTO_FREE bool *these = mem_alloc(t->count, sizeof(*these));
	size_t left = 0;

	for (size_t i = 0; i < *count; i++)
		these[ids[i]] = true;
	plan_find_groups(t, request, these, groups);
	for (size_t i = 0; i < *count; i++) {
		if (groups[ids[i]] == groups[gpu])
			ids[left++] = ids[i];
	}
	*count = left;
}

const char *plan_place_text(const struct plan_request *request)
{
	if (!plan_demands_place(request))
		return "";
	if (request->linked != PLACE_REQUIRED)
		return "same-node ";
	return request->same_numa == PLACE_REQUIRED ? "linked same-node " : "linked ";
}

/* The GPUs that are named must be one group by themselves. */
static int check_ids(const struct topology *t, const struct plan_request *request, struct err *e)
{
	AUTO_FREE bool *these = mem_alloc(t->count, sizeof(*these));
	AUTO_FREE int *groups = mem_alloc(t->count, sizeof(*groups));

	for (size_t i = 0; i < request->ids_count; i++)
		these[request->ids[i]] = true;
	plan_find_groups(t, request, these, groups);
	for (size_t i = 1; i < request->ids_count; i++) {
		if (groups[request->ids[i]] != groups[request->ids[0]])
			return err_set(e, ERANGE,
				       "GPU %d and GPU %d are not %s: 'canhazgpu status "
				       "--topology' shows which are",
				       request->ids[0], request->ids[i],
				       request->linked == PLACE_REQUIRED ? "linked"
									 : "of one NUMA node");
	}
	return 0;
}

static bool is_of_kind(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan_request *request, int gpu)
{
	bool known;

	return !plan_asks_for_kind(state, request) ||
	       plan_is_of_kind(state, facts, request, gpu, &known);
}

/* The most GPUs in service and of the kind that are together. */
static size_t find_largest(const struct topology *t, const struct pool_state *state,
			   const struct plan_facts *facts, const struct plan_request *request)
{
	AUTO_FREE bool *these = mem_alloc(t->count, sizeof(*these));
	AUTO_FREE int *groups = mem_alloc(t->count, sizeof(*groups));
	size_t largest = 0;

	for (size_t i = 0; i < t->count; i++)
		these[i] = is_of_kind(state, facts, request, (int)i) &&
			   !plan_is_withheld(state, facts->policy, (int)i);
	plan_find_groups(t, request, these, groups);
	for (size_t i = 0; i < t->count; i++) {
		size_t size = count_group(groups, t->count, groups[i]);

		largest = size > largest ? size : largest;
	}
	return largest;
}

int plan_check_place(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, struct err *e)
{
	AUTO(topology_clear) struct topology t = {0};
	size_t largest;

	if (!plan_demands_place(request))
		return 0;
	plan_topology(state, &t);
	if (!t.count)
		return err_set(e, ERANGE,
			       "how the GPUs of this pool are linked is not recorded: 'canhazgpu "
			       "admin --refresh' does it where the driver tells, and "
			       "--linked=prefer or --same-numa=prefer takes any");
	if (request->ids)
		return check_ids(&t, request, e);
	largest = find_largest(&t, state, facts, request);
	if (largest >= plan_request_count(request))
		return 0;
	return err_set(e, ERANGE,
		       "Requested %d %sGPUs, but at most %zu in service are so: 'canhazgpu status "
		       "--topology' shows which",
		       request->count, plan_place_text(request), largest);
}
