/* Ending reservations before their time: plan_release, plan_release_account. */
#include "plan/release.h"

#include <errno.h>
#include <string.h>

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

int plan_release_id(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_actor *actor, const char *id, struct plan *p, struct err *e)
{
	const struct reservation *held = pool_state_find(state, id);
	bool mine = held && plan_owns(actor, held);
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	if (!held || plan_is_collected(state, held) || plan_ends_any(p, held))
		return err_set(e, ENOENT,
			       "there is no reservation '%.40s' any more: nothing was released",
			       id);
	if (!mine && !plan_is_administrator(actor))
		return plan_refuse_others(facts->policy, false, "release what others hold", e);
	plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
			  mine ? NULL : actor->account);
	return 0;
}

static bool is_meant(const struct plan_account *account, struct quantity uid, const char *name)
{
	return account->everybody || account_is_same(account->uid, account->name, uid, name);
}

/* Whether the pool has anything of that account. Else, whose display name it is: NULL: nobody's. */
static bool is_known(const struct pool_state *state, const struct plan_account *account,
		     const char **ret_shown_by)
{
	bool known = false;

	*ret_shown_by = NULL;
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		known |= is_meant(account, r->uid, r->account);
		if (r->user && r->account && !strcmp(r->user, account->name))
			*ret_shown_by = r->account;
	}
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];

		known |= is_meant(account, q->uid, q->account);
		if (q->user && q->account && !strcmp(q->user, account->name))
			*ret_shown_by = q->account;
	}
	return known;
}

/* A name that is mistyped, or that people only show. */
static int check_account(const struct pool_state *state, const struct plan_account *account,
			 struct err *e)
{
	const char *shown_by;

	if (account->everybody || account->uid.known || is_known(state, account, &shown_by))
		return 0;
	if (shown_by)
		return err_set(
			e, ENOENT,
			"there is no account '%s': it is a display name of the account '%s', "
			"which --user takes",
			account->name, shown_by);
	return err_set(e, ENOENT, "there is no account '%s'", account->name);
}

int plan_release_account(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct plan_account *account,
			 bool *cancelled, struct plan *p, struct err *e)
{
	bool own = !account->everybody && account->uid.known &&
		   account->uid.value == (int64_t)actor->uid;
	int r = plan_require(state, e);

	if (r == 0)
		r = check_account(state, account, e);
	if (r < 0)
		return r;
	if (!own && !plan_is_administrator(actor))
		return plan_refuse_others(facts->policy, false, "release what others hold", e);
	plan_cleanup(state, facts, p);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];

		if (is_meant(account, held->uid, held->account) &&
		    !plan_is_collected(state, held) && !plan_ends_any(p, held))
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  plan_owns(actor, held) ? NULL : actor->account);
	}
	for (size_t i = 0; cancelled && i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];

		cancelled[i] =
			is_meant(account, q->uid, q->account) && !q->cancelled && !plan_drops(p, q);
		if (cancelled[i])
			plan_take_out(state, facts, i, p);
	}
	return 0;
}
