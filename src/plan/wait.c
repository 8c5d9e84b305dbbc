/* What a request gets that may wait: plan_wait. */
#include "plan/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/backfill.h"
#include "plan/candidates.h"
#include "plan/cleanup.h"
#include "plan/kind.h"
#include "plan/limits.h"
#include "plan/offer.h"
#include "plan/pick.h"
#include "plan/place.h"
#include "plan/queue.h"
#include "plan/waiting.h"
#include "plan/withheld.h"

static void waiting_clear(struct waiting *w)
{
	topology_clear(&w->topology);
	free(w->all);
	free(w->eligible);
}

static bool are_enough_in_service(const struct waiting *w)
{
	if (w->eligible && plan_count_in_service(w->state, w->facts->policy, w->eligible,
						 w->eligible_count) < w->wanted)
		return false;
	return plan_is_in_service(w->state, w->facts->policy, w->request->ids, w->wanted);
}

/* A demand for GPUs that are together leaves those of which there are enough together. */
static void keep_to_groups(struct waiting *w)
{
	size_t count;
	int *ids;

	plan_topology(w->state, &w->topology);
	if (!plan_demands_place(w->request) || w->request->ids)
		return;
	ids = plan_place_eligible(&w->topology, w->state, w->facts, w->request, w->eligible,
				  w->eligible_count, &count);
	free(w->eligible);
	w->eligible = ids;
	w->eligible_count = count;
}

/* One that may be of the kind is waited for, but not taken. */
static void judge_kind(const struct waiting *w, struct candidate *c)
{
	bool known = true;

	c->unsuited = w->eligible && !gpu_ids_have(w->eligible, w->eligible_count, c->id);
	if (w->facts->gpus)
		(void)plan_is_of_kind(w->state, w->facts, w->request, c->id, &known);
	c->barred |= !known;
	c->idle &= known;
}

/* Cleans up, and lists the slots as they are then. */
static void waiting_init(struct waiting *w, const struct pool_state *state,
			 const struct plan_facts *facts, const struct plan_request *request,
			 const struct plan_wait *wait, struct plan *p)
{
	size_t place = plan_queue_find(state, wait->entry_id);

	*w = (struct waiting){.state = state, .facts = facts, .request = request, .wait = wait};
	w->entry = place < state->queue_count ? &state->queue[place] : NULL;
	w->joined = w->entry || wait->enqueued_ns != TIME_NONE;
	w->wanted = plan_request_count(request);
	w->place = place;
	w->eligible = plan_find_eligible(state, facts, request, w->entry, &w->eligible_count);
	keep_to_groups(w);
	w->possible = are_enough_in_service(w);
	plan_cleanup_except(state, facts, wait->entry_id, p);
	w->blocked = plan_check_quota(state, facts, p, request, place, NULL) != QUOTA_KEPT;
	if (!w->possible || w->blocked)
		plan_give_back(state, wait->entry_id, NULL, facts->now_ns, p);
	w->all = plan_candidates(state, facts, p, place, wait->entry_id);
	for (size_t i = 0; (w->eligible || request->ids) && i < state->slots_count; i++)
		judge_kind(w, &w->all[i]);
	plan_backfill(state, facts, request, p, place, w->all);
	qsort(w->all, state->slots_count, sizeof(*w->all), plan_compare_candidates);
}

void plan_leave(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		struct plan *p)
{
	size_t place = plan_queue_find(state, entry_id);

	plan_give_back(state, entry_id, NULL, now_ns, p);
	if (place < state->queue_count)
		plan_drop(p, &state->queue[place]);
}

/* Grants the best of what is there, if that is enough; else false. */
static bool waiting_grant(const struct waiting *w, struct plan *p)
{
	size_t count = w->state->slots_count, found = 0;
	AUTO_FREE bool *offered = mem_alloc(count, sizeof(*offered));
	AUTO_FREE bool *chosen = mem_alloc(count, sizeof(*chosen));
	AUTO_FREE int *gpus = mem_alloc(w->wanted, sizeof(*gpus));

	for (size_t i = 0; i < count; i++)
		offered[i] = plan_requests(w->request, w->all[i].id) &&
			     plan_is_available(&w->all[i], w->request);
	if (plan_pick(&w->topology, w->request, w->all, count, offered, chosen, w->wanted) <
	    w->wanted)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (chosen[i])
			gpus[found++] = w->all[i].id;
	}
	gpu_ids_sort(gpus, found);
	plan_guard_quota(w->state, w->facts, w->request, p);
	plan_leave(w->state, w->wait->entry_id, w->facts->now_ns, p);
	plan_backfill_take(w->state, gpus, found, w->facts->now_ns, p);
	plan_end_aside(w->state, gpus, found, p);
	p->granted = plan_grant(p, w->request, w->request->id, mem_steal(&gpus), found, w->facts);
	plan_put_wish(p, w->state, w->facts, w->request);
	return true;
}

/* What is collected for a demand, but not together with the rest: it goes back. */
static void give_back_unchosen(const struct waiting *w, const bool *chosen, struct plan *p)
{
	AUTO_FREE bool *which = mem_alloc(w->state->slots_count, sizeof(*which));
	bool any = false;

	for (size_t i = 0; i < w->state->slots_count; i++) {
		struct candidate *c = &w->all[i];

		if (!c->own || chosen[i])
			continue;
		which[c->id] = any = true;
		c->own = false;
	}
	if (any)
		plan_give_back(w->state, w->wait->entry_id, which, w->facts->now_ns, p);
}

/*
 * Takes what is free into what is collected, up to what is wanted. A demand collects where most of
 * it is together already, and moves only to where there is more: it never holds what cannot become
 * complete.
 */
static void waiting_collect(const struct waiting *w, struct plan *p)
{
	size_t count = w->state->slots_count, found = 0;
	bool demands = plan_demands_place(w->request);
	AUTO_FREE bool *offered = mem_alloc(count, sizeof(*offered));
	AUTO_FREE bool *chosen = mem_alloc(count, sizeof(*chosen));
	AUTO_FREE int *gpus = mem_alloc(w->wanted, sizeof(*gpus));

	for (size_t i = 0; i < count; i++) {
		const struct candidate *c = &w->all[i];

		offered[i] = (c->own && !c->unsuited) ||
			     (!c->own && !c->backfill && plan_requests(w->request, c->id) &&
			      plan_is_available(c, w->request));
		chosen[i] = c->own && !demands;
	}
	plan_pick(&w->topology, w->request, w->all, count, offered, chosen, w->wanted);
	if (demands)
		give_back_unchosen(w, chosen, p);
	for (size_t i = 0; i < count; i++) {
		if (chosen[i] && !w->all[i].own)
			gpus[found++] = w->all[i].id;
	}
	if (!found)
		return;
	gpu_ids_sort(gpus, found);
	p->collected =
		plan_grant(p, w->request, w->wait->part_id, mem_steal(&gpus), found, w->facts);
	p->collected->queue_id = mem_strdup(w->wait->entry_id);
}

/* Whether it may join the queue, or stay there. One that has joined keeps its place until enough
   GPUs are in service again. */
static int waiting_check(const struct waiting *w, const struct plan *p, struct err *e)
{
	int r = w->joined ? 0 : plan_check_service(w->state, w->facts->policy, w->request, e);

	/* What is named and turns out to be of another kind will not be of it tomorrow. */
	if (r == 0 && (!w->joined || w->request->ids) && w->facts->gpus)
		r = plan_check_kind(w->state, w->facts, w->request, true, e);
	if (r == 0 && !w->joined && (w->facts->gpus || !w->topology.count))
		r = plan_check_place(w->state, w->facts, w->request, e);
	if (r < 0)
		return r;
	return plan_check_quota(w->state, w->facts, p, w->request, w->place, e) == QUOTA_NEVER
		       ? -EDQUOT
		       : 0;
}

/* Whether one more of the account may wait: every decision goes through the whole queue. */
static int waiting_check_crowd(const struct waiting *w, struct err *e)
{
	const struct plan_actor *actor = &w->request->actor;
	size_t waiting = 0;

	for (size_t i = 0; i < w->state->queue_count; i++)
		waiting += plan_owns_entry(actor, &w->state->queue[i]) &&
			   plan_waiter_state(w->state, w->facts, i) != WAITER_DEAD;
	if (waiting < QUEUE_ACCOUNT_MAX || plan_is_administrator(actor))
		return 0;
	return err_set(e, EDQUOT,
		       "%zu of your requests are already waiting, and the limit is %d: try again "
		       "when some have started, or cancel some with 'canhazgpu cancel'",
		       waiting, QUEUE_ACCOUNT_MAX);
}

int plan_wait(const struct pool_state *state, const struct plan_facts *facts,
	      const struct plan_request *request, const struct plan_wait *wait, struct plan *p,
	      struct err *e)
{
	AUTO(waiting_clear) struct waiting w = {0};
	int r = plan_check_request(state, request, e);

	if (r == 0)
		r = plan_check_policy(facts->policy, request, e);
	if (r < 0)
		return r;
	waiting_init(&w, state, facts, request, wait, p);
	if (w.entry && w.entry->cancelled)
		return err_set(
			e, ECANCELED,
			"the request was cancelled while it waited (by 'canhazgpu cancel', or the "
			"pool was recreated)");
	r = waiting_check(&w, p, e);
	if (r < 0)
		return r;
	if (w.possible && !w.blocked && waiting_grant(&w, p))
		return 0;
	if (!w.joined)
		r = waiting_check_crowd(&w, e);
	if (r < 0)
		return r;
	if (w.possible && !w.blocked) {
		waiting_collect(&w, p);
		plan_offer(state, facts, request, w.all, w.place, p);
	}
	waiting_put(&w, p);
	return 0;
}

bool plan_wait_renew(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, const struct plan_wait *wait,
		     struct plan *p)
{
	size_t place = plan_queue_find(state, wait->entry_id);
	const struct waiting w = {
		.state = state,
		.facts = facts,
		.request = request,
		.wait = wait,
		.entry = place < state->queue_count ? &state->queue[place] : NULL,
	};

	return waiting_renew_entry(&w, p);
}

/* What a later entry has collected because this one could not take it. */
static bool is_declined_part(const struct waiting *w, int gpu)
{
	const struct reservation *r = w->state->slots[gpu].reservation;

	return w->entry && plan_is_aside(w->entry, gpu) && r && r->queue_id;
}

bool plan_wait_has_prospects(const struct pool_state *state, const struct plan_facts *facts,
			     const struct plan_request *request, const struct plan_wait *wait)
{
	AUTO(waiting_clear) struct waiting w = {0};
	AUTO(plan_clear) struct plan p = {0};
	size_t own = 0;
	bool more = false;

	waiting_init(&w, state, facts, request, wait, &p);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct candidate *c = &w.all[i];

		own += c->own;
		more |= !c->own && (!c->reserved || is_declined_part(&w, c->id)) && !c->withheld &&
			!c->awaited && !c->unsuited && !c->unsettled &&
			plan_requests(request, c->id) && !state->slots[c->id].problem;
	}
	return w.possible && !w.blocked && (more || own >= w.wanted);
}

bool plan_wait_could_offer(const struct pool_state *state, const struct plan_facts *facts,
			   const struct plan_request *request, const struct plan_wait *wait)
{
	AUTO(waiting_clear) struct waiting w = {0};
	AUTO(plan_clear) struct plan p = {0};

	waiting_init(&w, state, facts, request, wait, &p);
	return w.possible && !w.blocked && plan_could_offer(state, facts, request, w.all, w.place);
}
