/* GPUs out of service; see withheld.h. */
#include "plan/withheld.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/match.h"

static bool is_excluded(const struct plan_policy *policy, int gpu)
{
	return policy && gpu_ids_have(policy->excluded, policy->excluded_count, gpu);
}

bool plan_is_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu)
{
	return state->slots[gpu].drained_by || state->slots[gpu].retired_ns != TIME_NONE ||
	       is_excluded(policy, gpu);
}

char *plan_why_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu)
{
	if (state->slots[gpu].drained_by)
		return mem_printf("drained by %s%s%s", state->slots[gpu].drained_by,
				  state->slots[gpu].drained_note ? ": " : "",
				  state->slots[gpu].drained_note ? state->slots[gpu].drained_note
								 : "");
	if (state->slots[gpu].retired_ns != TIME_NONE)
		return mem_strdup("retired");
	return is_excluded(policy, gpu) ? mem_strdup("kept out by pool.exclude") : NULL;
}

bool plan_is_in_service(const struct pool_state *state, const struct plan_policy *policy,
			const int *ids, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; ids && i < count; i++) {
		if (plan_is_withheld(state, policy, ids[i]))
			return false;
	}
	for (size_t i = 0; !ids && found < count && i < state->slots_count; i++)
		found += !plan_is_withheld(state, policy, (int)i);
	return ids || found >= count;
}

size_t plan_count_in_service(const struct pool_state *state, const struct plan_policy *policy,
			     const int *ids, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += ids[i] >= 0 && (size_t)ids[i] < state->slots_count &&
			 !plan_is_withheld(state, policy, ids[i]);
	return found;
}

/* "GPU 1: drained by root; GPU 3: ...", with how many there are in *ret_count. */
static char *list_withheld(const struct pool_state *state, const struct plan_policy *policy,
			   size_t *ret_count)
{
	struct str out = {0};

	*ret_count = 0;
	for (size_t i = 0; i < state->slots_count; i++) {
		AUTO_FREE char *why = plan_why_withheld(state, policy, (int)i);

		if (why)
			str_addf(&out, "%sGPU %zu: %s", (*ret_count)++ ? "; " : "", i, why);
	}
	return str_steal(&out);
}

/* One that is retired may be there still, divided into MIG instances. */
static int refuse_withheld(const struct pool_state *state, const struct plan_policy *policy,
			   int gpu, struct err *e)
{
	AUTO_FREE char *why = plan_why_withheld(state, policy, gpu);
	AUTO_FREE char *instances = plan_instances_text(state, state->slots[gpu].uuid);

	if (instances)
		return err_set(e, ERANGE,
			       "GPU %d is out of service (%s): ask for its MIG instances, %s", gpu,
			       why, instances);
	return err_set(e, ERANGE, "GPU %d is out of service (%s): ask for another one", gpu, why);
}

int plan_check_service(const struct pool_state *state, const struct plan_policy *policy,
		       const struct plan_request *request, struct err *e)
{
	AUTO_FREE char *list = NULL;
	size_t count = 0;

	if (plan_is_in_service(state, policy, request->ids, plan_request_count(request)))
		return 0;
	for (size_t i = 0; i < request->ids_count; i++) {
		if (plan_is_withheld(state, policy, request->ids[i]))
			return refuse_withheld(state, policy, request->ids[i], e);
	}
	list = list_withheld(state, policy, &count);
	return err_set(e, ERANGE,
		       "Requested %d GPU%s, but only %zu of the pool's %zu are in service (%s)",
		       request->count, str_plural((size_t)request->count),
		       state->slots_count - count, state->slots_count, list);
}
