/* What users call GPUs, and what is recorded of them: pool_find_gpus, pool_gpu_names and
   pool_topology of pool.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pool/private.h"

static bool all_recorded(const struct pool_state *state)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!state->slots[i].uuid)
			return false;
	}
	return true;
}

int pool_find_gpus(struct pool *p, const struct gpu_list *list, int **ret_ids, size_t *ret_count,
		   struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(observation_clear) struct observation o = {0};
	int r = pool_read(p, &state, e);

	if (r < 0)
		return r;
	if (list->names_count && !all_recorded(&state))
		observe_gpus(&p->config, &p->observer, &state, NULL, &o);
	r = plan_find_gpus(&state, o.gpus, list, ret_ids, ret_count, e);
	if (r == -ENOENT && o.problem)
		return err_set(
			e, ENOENT,
			"the UUIDs of this pool's GPUs are not all recorded, and the driver does "
			"not tell them: %s",
			o.problem);
	return r;
}

int pool_gpu_names(struct pool *p, char ***ret_names, size_t *ret_count, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	size_t count = 0;
	char **names;
	int r = pool_read(p, &state, e);

	if (r < 0)
		return r;
	names = mem_alloc(2 * state.slots_count, sizeof(*names));
	for (size_t i = 0; i < state.slots_count; i++)
		names[count++] = mem_printf("%zu", i);
	for (size_t i = 0; i < state.slots_count; i++) {
		/* Other programs may have written anything. */
		if (state.slots[i].uuid && parse_is_gpu_name(state.slots[i].uuid))
			names[count++] = mem_strdup(state.slots[i].uuid);
	}
	*ret_names = names;
	*ret_count = count;
	return 0;
}

int pool_topology(struct pool *p, struct topology *ret, bool *ret_known, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = pool_read(p, &state, e);

	if (r < 0)
		return r;
	plan_topology(&state, ret);
	*ret_known = ret->count > 0;
	if (!*ret_known)
		topology_init(ret, state.slots_count);
	for (size_t i = 0; i < state.slots_count; i++)
		mem_replace(&ret->gpus[i].uuid, state.slots[i].uuid);
	return 0;
}
