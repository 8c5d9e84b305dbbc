/* Who may do what, and requests that make no sense; see actor.h. */
#include "plan/actor.h"

#include <errno.h>

/* ---- what belongs to the actor ---- */

bool plan_owns(const struct plan_actor *actor, const struct reservation *r)
{
	return account_is_same(quantity_of((int64_t)actor->uid), actor->account, r->uid,
			       r->account);
}

bool plan_owns_entry(const struct plan_actor *actor, const struct queue_entry *q)
{
	return account_is_same(quantity_of((int64_t)actor->uid), actor->account, q->uid,
			       q->account);
}

bool plan_holds_by_hand(const struct pool_state *state, int64_t now_ns,
			const struct plan_actor *actor, int id)
{
	const struct reservation *r =
		id >= 0 && (size_t)id < state->slots_count ? state->slots[id].reservation : NULL;

	return r && r->type == RESERVATION_MANUAL && !r->queue_id && plan_owns(actor, r) &&
	       (r->expiry_ns == TIME_NONE || r->expiry_ns > now_ns);
}

bool plan_is_administrator(const struct plan_actor *actor)
{
	return actor->uid == 0 || actor->administrator;
}

bool plan_may_alter(const struct plan_actor *actor, const struct reservation *r)
{
	return plan_is_administrator(actor) || plan_owns(actor, r);
}

bool plan_may_cancel(const struct plan_actor *actor, const struct queue_entry *q)
{
	return plan_is_administrator(actor) || plan_owns_entry(actor, q);
}

int plan_refuse_others(const struct plan_policy *policy, bool owned, const char *what,
		       struct err *e)
{
	const char *owner = owned ? " and the owner of the pool" : "";

	if (policy && policy->admin_group)
		return err_set(e, EPERM, "only root%s the group '%s' (admin.group)%s may %s",
			       owned ? "," : " and", policy->admin_group, owner, what);
	return err_set(e, EPERM,
		       "only root%s may %s (admin.group in /etc/canhazgpu/config.yaml can name a "
		       "group that may, too)",
		       owner, what);
}

/* ---- requests ---- */

int plan_require(const struct pool_state *state, struct err *e)
{
	if (state->initialized)
		return 0;
	return err_set(e, ENOENT,
		       "GPU pool not initialized. Run 'canhazgpu admin' first (for example: "
		       "canhazgpu admin --gpus 8)");
}

int plan_check_id(const struct pool_state *state, int id, struct err *e)
{
	if (id >= 0 && (size_t)id < state->slots_count)
		return 0;
	return err_set(e, ERANGE, "GPU ID %d does not exist (the pool has 0 to %zu)", id,
		       state->slots_count - 1);
}

size_t plan_request_count(const struct plan_request *request)
{
	return request->ids ? request->ids_count : (size_t)request->count;
}

bool plan_requests(const struct plan_request *request, int gpu)
{
	return !request->ids || gpu_ids_have(request->ids, request->ids_count, gpu);
}

int plan_check_request(const struct pool_state *state, const struct plan_request *request,
		       struct err *e)
{
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	if (!request->ids && request->count < 1)
		return err_usage(e, "the number of GPUs must be at least 1");
	if (!request->ids && (size_t)request->count > state->slots_count)
		return err_set(e, ERANGE, "Requested %d GPUs, but the pool has only %zu",
			       request->count, state->slots_count);
	for (size_t i = 0; i < request->ids_count; i++) {
		r = plan_check_id(state, request->ids[i], e);
		if (r < 0)
			return r;
		if (i && request->ids[i] == request->ids[i - 1])
			return err_usage(e, "GPU ID %d is given twice", request->ids[i]);
	}
	return 0;
}
