/* GPUs out of service, and what administrators do to others' reservations: see limits.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/private.h"

/* ---- GPUs out of service ---- */

static bool is_excluded(const struct plan_policy *policy, int gpu)
{
	return policy && policy->excluded_count &&
	       bsearch(&gpu, policy->excluded, policy->excluded_count, sizeof(gpu),
		       plan_compare_ids);
}

bool plan_is_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu)
{
	return state->slots[gpu].drained_by || is_excluded(policy, gpu);
}

char *plan_why_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu)
{
	if (state->slots[gpu].drained_by)
		return mem_printf("drained by %s", state->slots[gpu].drained_by);
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

int plan_check_service(const struct pool_state *state, const struct plan_policy *policy,
		       const struct plan_request *request, struct err *e)
{
	AUTO_FREE char *list = NULL;
	size_t count = 0;

	if (plan_is_in_service(state, policy, request->ids, plan_request_count(request)))
		return 0;
	for (size_t i = 0; i < request->ids_count; i++) {
		AUTO_FREE char *why = plan_why_withheld(state, policy, request->ids[i]);

		if (why)
			return err_set(e, ERANGE,
				       "GPU %d is out of service (%s): ask for another one",
				       request->ids[i], why);
	}
	list = list_withheld(state, policy, &count);
	return err_set(e, ERANGE,
		       "Requested %d GPUs, but only %zu of the pool's %zu are in service (%s)",
		       request->count, state->slots_count - count, state->slots_count, list);
}

int plan_drain(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const int *ids, size_t ids_count, bool drain,
	       struct plan *p, struct err *e)
{
	struct change *c;
	int *list;
	int r = plan_require(state, e);

	for (size_t i = 0; r == 0 && i < ids_count; i++)
		r = plan_check_id(state, ids[i], e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids_count; i++) {
		if (!state->slots[ids[i]].drained_by == drain)
			plan_note_affected(p, ids[i]);
	}
	if (!p->affected_gpus_count)
		return 0;
	list = plan_own(p, mem_alloc(p->affected_gpus_count, sizeof(*list)));
	memcpy(list, p->affected_gpus, p->affected_gpus_count * sizeof(*list));
	c = plan_add(p, CHANGE_DRAIN);
	c->gpus = list;
	c->gpus_count = p->affected_gpus_count;
	c->actor = drain ? plan_own(p, mem_strdup(actor->account)) : NULL;
	c->time_ns = facts->now_ns;
	return 0;
}

/* ---- release --user, release --all ---- */

static bool is_of(const struct plan_account *account, const struct reservation *r)
{
	if (account->everybody ||
	    (account->uid.known && r->uid.known && account->uid.value == r->uid.value))
		return true;
	return account->name && r->account && !strcmp(account->name, r->account) &&
	       !(account->uid.known && r->uid.known);
}

int plan_release_account(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct plan_account *account,
			 struct plan *p, struct err *e)
{
	bool own = !account->everybody && account->uid.known &&
		   account->uid.value == (int64_t)actor->uid;
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	if (!own && !plan_is_administrator(actor))
		return plan_refuse_others(facts->policy, false, "release what others have reserved",
					  e);
	plan_cleanup(state, facts, p);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];

		if (is_of(account, held) && !plan_is_collected(state, held) &&
		    !plan_ends(p, held, held->gpus[0]))
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  plan_owns(actor, held) ? NULL : actor->account);
	}
	if (p->affected_gpus_count)
		qsort(p->affected_gpus, p->affected_gpus_count, sizeof(*p->affected_gpus),
		      plan_compare_ids);
	return 0;
}
