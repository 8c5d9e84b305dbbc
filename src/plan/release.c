/* Ending reservations before their time: plan_release, plan_release_account. */
#include "plan/release.h"

#include "plan/actor.h"
#include "plan/cleanup.h"
#include "plan/queue.h"

static bool has_one_of(const struct reservation *r, const int *ids, size_t count)
{
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (gpu_ids_have(ids, count, r->gpus[i]))
			return true;
	}
	return false;
}

int plan_release(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_actor *actor, const int *ids, size_t ids_count, struct plan *p,
		 struct err *e)
{
	int r;

	r = plan_require(state, e);
	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	r = plan_check_held(state, p, actor, ids, ids_count, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];
		bool mine = plan_owns(actor, held);

		if (plan_ends_any(p, held) || plan_is_collected(state, held))
			continue;
		if (has_one_of(held, ids, ids_count))
			plan_release_part(p, held, ids, ids_count, facts->now_ns,
					  mine ? NULL : actor->account);
		else if (!ids && mine && held->type == RESERVATION_MANUAL)
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  NULL);
	}
	return 0;
}

static bool is_meant(const struct plan_account *account, const struct reservation *r)
{
	return account->everybody ||
	       account_is_same(account->uid, account->name, r->uid, r->account);
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
		return plan_refuse_others(facts->policy, false, "release what others hold", e);
	plan_cleanup(state, facts, p);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];

		if (is_meant(account, held) && !plan_is_collected(state, held) &&
		    !plan_ends_any(p, held))
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  plan_owns(actor, held) ? NULL : actor->account);
	}
	return 0;
}
