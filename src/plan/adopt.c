/* Reservations for processes that run already: plan_adopt. */
#include "plan/adopt.h"

#include <errno.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/candidates.h"
#include "plan/cleanup.h"
#include "plan/limits.h"
#include "plan/offer.h"
#include "plan/queue.h"
#include "plan/settle.h"
#include "plan/withheld.h"

/* One GPU after the cleanup, without what the actor has reserved there by hand. */
static int check_gpu(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_actor *actor, const struct candidate *c,
		     enum adopted_use use, bool force, struct err *e)
{
	if (c->reserved || state->slots[c->id].problem)
		return plan_refuse_id(state, facts, actor, c, false, e);
	/* Behind a GPU that these processes keep busy others wait anyway, until they have ended. */
	if (c->awaited && (c->idle || use == ADOPTED_NONE)) {
		const struct queue_entry *first =
			plan_first_for(state, facts, c->id, state->queue_count);
		AUTO_FREE char *who = account_label(first->user, first->account);

		return err_set(e, EBUSY,
			       "GPU %d is not available: %s is waiting for it, and these processes "
			       "do not keep it busy",
			       c->id, who);
	}
	/* Where they are seen, there is a card. */
	if (c->barred && use == ADOPTED_NONE)
		return plan_refuse_id(state, facts, actor, c, false, e);
	if (force || c->idle || use == ADOPTED_ALONE)
		return 0;
	if (use == ADOPTED_SHARED)
		return err_set(e, EBUSY,
			       "somebody else is also using GPU %d - run 'canhazgpu status' for "
			       "details; --force takes it anyway",
			       c->id);
	if (c->unknown)
		return plan_refuse_id(state, facts, actor, c, false, e);
	return err_set(e, EBUSY,
		       "GPU %d is in use, but not by these processes - run 'canhazgpu status' for "
		       "details; --force takes it anyway",
		       c->id);
}

/* The GPUs that are meant, ascending; the caller frees them. */
static int choose(const struct pool_state *state, const struct plan_request *request,
		  const enum adopted_use *adopted, int **ret_gpus, size_t *ret_count, struct err *e)
{
	AUTO_FREE int *gpus = mem_alloc(state->slots_count + request->ids_count, sizeof(*gpus));
	size_t count = 0;

	for (size_t i = 0; i < request->ids_count; i++) {
		int r = plan_check_id(state, request->ids[i], e);

		if (r < 0)
			return r;
		gpus[count++] = request->ids[i];
	}
	for (size_t i = 0; !request->ids && i < state->slots_count; i++) {
		if (adopted[i] != ADOPTED_NONE)
			gpus[count++] = (int)i;
	}
	if (!count)
		return err_set(e, ENOENT,
			       "the driver does not show these processes on any GPU of the pool: "
			       "name the GPUs with --gpu-ids");
	if (!request->ids && request->count && (size_t)request->count != count)
		return err_set(e, EINVAL,
			       "the processes use %zu GPU(s), not %d: leave --gpus out to take "
			       "those, or name the GPUs with --gpu-ids",
			       count, request->count);
	*ret_gpus = mem_steal(&gpus);
	*ret_count = count;
	return 0;
}

/* What the actor has reserved by hand there becomes the processes'. */
static void give_up_manual(const struct pool_state *state, const struct plan_facts *facts,
			   const struct plan_actor *actor, const int *gpus, size_t count,
			   struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		bool meant = false;

		if (r->type != RESERVATION_MANUAL || !plan_owns(actor, r) ||
		    plan_is_collected(state, r) || plan_ends_any(p, r))
			continue;
		for (size_t k = 0; k < r->gpus_count; k++)
			meant |= gpu_ids_have(gpus, count, r->gpus[k]);
		if (meant)
			plan_release_part(p, r, gpus, count, facts->now_ns, NULL);
	}
}

/* What the host's administrator allows goes for these reservations, too. */
static int check_rules(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan_request *request, const int *gpus, size_t count,
		       struct plan *p, struct err *e)
{
	struct plan_request asked = *request;
	int r;

	asked.ids = gpus;
	asked.ids_count = count;
	r = plan_check_service(state, facts->policy, &asked, e);
	if (r == 0)
		r = plan_check_policy(facts->policy, &asked, e);
	if (r < 0)
		return r;
	if (plan_check_quota(state, facts, p, &asked, 0, e) != QUOTA_KEPT)
		return -EDQUOT;
	plan_guard_quota(state, facts, &asked, p);
	return 0;
}

int plan_adopt(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_request *request, const enum adopted_use *adopted, struct plan *p,
	       struct err *e)
{
	AUTO_FREE struct candidate *all = NULL;
	AUTO_FREE int *gpus = NULL;
	size_t count = 0;
	int r = plan_require(state, e);

	if (r == 0)
		r = choose(state, request, adopted, &gpus, &count, e);
	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	/* That much is committed alone, and the caller comes again. */
	for (size_t i = 0; i < count; i++) {
		if (plan_unsettled_ns(state, facts, p, (size_t)gpus[i]))
			return 0;
	}
	give_up_manual(state, facts, &request->actor, gpus, count, p);
	r = check_rules(state, facts, request, gpus, count, p, e);
	if (r < 0)
		return r;
	all = plan_candidates(state, facts, p, state->queue_count, NULL);
	for (size_t i = 0; i < count; i++) {
		r = check_gpu(state, facts, &request->actor, &all[gpus[i]], adopted[gpus[i]],
			      request->force, e);
		if (r < 0)
			return r;
	}
	plan_end_aside(state, gpus, count, p);
	p->granted = plan_grant(p, request, request->id, mem_steal(&gpus), count, facts);
	return 0;
}
