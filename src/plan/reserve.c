/* Which GPUs a request gets, or why it gets none: plan_reserve of plan.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/private.h"

static struct candidate plan_candidate(const struct pool_state *state, size_t i,
				       const struct plan_facts *facts, const struct plan *p,
				       const char *self)
{
	const struct slot *slot = &state->slots[i];
	enum gpu_use use = facts->use ? facts->use[slot->id] : USE_UNKNOWN;
	const struct reservation *r = slot->reservation;
	struct candidate c = {.id = slot->id, .released_ns = slot->last_released_ns};

	c.unreadable = slot->problem != NULL;
	if (c.unreadable)
		use = USE_UNKNOWN;
	c.reserved = r && !plan_ends(p, r, slot->id);
	if (r && !c.reserved)
		c.released_ns = facts->now_ns;
	c.own = c.reserved && self && r->queue_id && !strcmp(r->queue_id, self);
	c.reserved &= !c.own;
	c.withheld = plan_is_withheld(state, facts->policy, slot->id);
	c.idle = !c.reserved && !c.withheld && use == USE_IDLE;
	c.unknown = !c.reserved && !c.withheld && use == USE_UNKNOWN;
	c.mine_ns = facts->last_use_ns ? facts->last_use_ns[slot->id] : TIME_NONE;
	return c;
}

struct candidate *plan_candidates(const struct pool_state *state, const struct plan_facts *facts,
				  const struct plan *p, size_t places, const char *self)
{
	struct candidate *all = mem_alloc(state->slots_count, sizeof(*all));

	for (size_t i = 0; i < state->slots_count; i++) {
		all[i] = plan_candidate(state, i, facts, p, self);
		all[i].awaited = plan_first_for(state, facts, (int)i, places) != NULL;
	}
	return all;
}

/* Whether --force gets it although it is busy, or nobody knows. */
static bool is_forced(const struct candidate *c, bool force)
{
	return force && !c->backfill && !c->unreadable;
}

bool plan_is_available(const struct candidate *c, const struct plan_request *request)
{
	return !c->reserved && !c->awaited && !c->withheld &&
	       (c->idle || is_forced(c, request->force));
}

static int compare_ns(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/*
 * Best first: idle before busy before unknown (only --force gets to the latter two), then what is
 * collected already, then what nobody waits for before what is only lent, then most recently used
 * by the requester, then least recently used by anybody, then by id.
 */
int plan_compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int r;

	if (a->idle != b->idle)
		return a->idle ? -1 : 1;
	if (a->unknown != b->unknown)
		return a->unknown ? 1 : -1;
	if (a->own != b->own)
		return a->own ? -1 : 1;
	if (a->backfill != b->backfill)
		return a->backfill ? 1 : -1;
	if (!a->lent != !b->lent)
		return a->lent ? 1 : -1;
	r = compare_ns(b->mine_ns, a->mine_ns);
	if (!r)
		r = compare_ns(a->released_ns, b->released_ns);
	return r ? r : compare_ns(a->id, b->id);
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

int plan_refuse_id(const struct pool_state *state, const struct plan_facts *facts,
		   const struct candidate *c, bool force, struct err *e)
{
	const struct slot *slot = &state->slots[c->id];

	if (c->reserved)
		return err_set(
			e, EBUSY,
			"GPU %d is not available: reserved by %s (%s) - run 'canhazgpu status' "
			"for details",
			c->id, slot->reservation->user,
			reservation_type_name(slot->reservation->type));
	if (c->awaited && (c->idle || is_forced(c, force)))
		return err_set(e, EBUSY,
			       "GPU %d is not available: %s waits for it - stand in line with "
			       "--wait",
			       c->id,
			       plan_first_for(state, facts, c->id, state->queue_count)->user);
	if (c->unknown)
		return err_set(
			e, EBUSY,
			"GPU %d is not available: its use is unknown - run 'canhazgpu status' "
			"for details",
			c->id);
	return err_set(
		e, EBUSY,
		"GPU %d is not available: in use without reservation - run 'canhazgpu status' "
		"for details",
		c->id);
}

/* Refuses for want of GPUs, with the numbers of this very decision. */
static int plan_refuse_count(const struct plan_request *request, const struct candidate *all,
			     size_t count, struct err *e)
{
	AUTO(str_clear) struct str why = {0};
	int requested = request->count;
	int available = 0, awaited = 0, busy = 0, unknown = 0, withheld = 0;

	for (size_t i = 0; i < count; i++) {
		const struct candidate *c = &all[i];

		if (c->reserved)
			continue;
		if (c->withheld)
			withheld++;
		else if (c->idle || is_forced(c, request->force))
			*(c->awaited ? &awaited : &available) += 1;
		else if (c->unknown)
			unknown++;
		else
			busy++;
	}
	if (busy)
		str_addf(&why, "%d GPUs in use without reservation", busy);
	if (unknown)
		str_addf(&why, "%s%d GPUs whose use is unknown", busy ? ", " : "", unknown);
	if (withheld)
		str_addf(&why, "%s%d GPUs out of service", why.length ? ", " : "", withheld);
	if (awaited && !why.length)
		return err_set(
			e, EBUSY,
			"Not enough GPUs available. Requested: %d, Available: %d (others wait "
			"for %d more - stand in line with --wait)",
			requested, available, awaited);
	if (awaited)
		str_addf(&why, ", %d GPUs that others wait for", awaited);
	if (why.length)
		return err_set(e, EBUSY,
			       "Not enough GPUs available. Requested: %d, Available: %d (%s - run "
			       "'canhazgpu status' for details)",
			       requested, available, str_text(&why));
	return err_set(e, EBUSY, "Not enough GPUs available. Requested: %d, Available: %d",
		       requested, available);
}

/* Picks the GPUs: exactly the ids asked for, or the best `count`. The caller frees *ret_gpus. */
static int plan_pick(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, const struct plan *p, int **ret_gpus,
		     size_t *ret_count, struct err *e)
{
	AUTO_FREE struct candidate *all =
		plan_candidates(state, facts, p, state->queue_count, NULL);
	size_t wanted = plan_request_count(request);
	AUTO_FREE int *gpus = mem_alloc(wanted, sizeof(*gpus));
	size_t found = 0;

	plan_backfill(state, facts, request, p, state->queue_count, all);
	for (size_t i = 0; i < request->ids_count; i++) {
		if (!plan_is_available(&all[request->ids[i]], request))
			return plan_refuse_id(state, facts, &all[request->ids[i]], request->force,
					      e);
		gpus[found++] = request->ids[i];
	}
	if (!request->ids) {
		qsort(all, state->slots_count, sizeof(*all), plan_compare_candidates);
		for (size_t i = 0; i < state->slots_count && found < wanted; i++) {
			if (plan_is_available(&all[i], request))
				gpus[found++] = all[i].id;
		}
		if (found < wanted)
			return plan_refuse_count(request, all, state->slots_count, e);
		qsort(gpus, found, sizeof(*gpus), plan_compare_ids);
	}
	*ret_gpus = mem_steal(&gpus);
	*ret_count = found;
	return 0;
}

static struct reservation *plan_reservation(const struct plan_request *request, const char *id,
					    int64_t now_ns)
{
	struct reservation *r = reservation_new();

	memcpy(r->id, id, ID_SIZE);
	r->user = mem_strdup(request->user ? request->user : request->actor.account);
	r->account = mem_strdup(request->actor.account);
	r->uid = quantity_of((int64_t)request->actor.uid);
	r->type = request->type;
	r->start_ns = now_ns;
	r->note = mem_strdup(request->note);
	if (request->type == RESERVATION_MANUAL) {
		r->expiry_ns = now_ns + request->duration_ns;
	} else {
		r->heartbeat_ns = now_ns;
		r->deadline_ns = request->duration_ns ? now_ns + request->duration_ns : TIME_NONE;
		holder_copy(&r->holder, &request->holder);
	}
	return r;
}

struct reservation *plan_grant(struct plan *p, const struct plan_request *request, const char *id,
			       int *gpus, size_t count, int64_t now_ns)
{
	struct reservation *r = plan_reservation(request, id, now_ns);

	r->gpus = gpus;
	r->gpus_count = count;
	plan_add(p, CHANGE_GRANT)->reservation = r;
	return r;
}

size_t plan_request_count(const struct plan_request *request)
{
	return request->ids ? request->ids_count : (size_t)request->count;
}

/* A refusal that is over in a moment is one of those that pool_reserve waits for. */
static int plan_keep_quota(const struct pool_state *state, const struct plan_facts *facts,
			   const struct plan_request *request, const struct plan *p, struct err *e)
{
	switch (plan_check_quota(state, facts, p, request, NULL, false, e)) {
	case QUOTA_KEPT:
		return 0;
	case QUOTA_SOON:
		return -EBUSY;
	case QUOTA_OVER:
		break;
	}
	return -EDQUOT;
}

int plan_reserve(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p, struct err *e)
{
	int *gpus = NULL;
	size_t count = 0;
	int r = plan_check_request(state, request, e);

	if (r == 0)
		r = plan_check_service(state, facts->policy, request, e);
	if (r == 0)
		r = plan_check_policy(facts->policy, request, e);
	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	r = plan_keep_quota(state, facts, request, p, e);
	if (r == 0)
		r = plan_pick(state, facts, request, p, &gpus, &count, e);
	if (r < 0)
		return r;
	plan_guard_quota(state, facts, request, p);
	plan_backfill_take(state, gpus, count, facts->now_ns, p);
	p->granted = plan_grant(p, request, request->id, gpus, count, facts->now_ns);
	return 0;
}
