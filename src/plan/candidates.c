/* Which GPUs are free for a request, and why others are not; see candidates.h. */
#include "plan/candidates.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/queue.h"
#include "plan/settle.h"
#include "plan/withheld.h"

static struct candidate make_candidate(const struct pool_state *state, size_t i,
				       const struct plan_facts *facts, const struct plan *p,
				       const char *self)
{
	const struct slot *slot = &state->slots[i];
	enum gpu_use use = facts->use ? facts->use[slot->id] : USE_UNKNOWN;
	const struct reservation *r = slot->reservation;
	struct candidate c = {
		.id = slot->id,
		.released_ns = slot->last_released_ns,
		.instance = slot->profile != NULL,
	};
	bool free;

	c.barred = slot->problem || use == USE_MISSING || use == USE_FAULTY;
	if (slot->problem)
		use = USE_UNKNOWN;
	c.reserved = r && !plan_ends(p, r, slot->id);
	if (r && !c.reserved)
		c.released_ns = facts->now_ns;
	c.own = c.reserved && self && r->queue_id && !strcmp(r->queue_id, self);
	c.reserved &= !c.own;
	c.withheld = plan_is_withheld(state, facts->policy, slot->id);
	c.unsettled = !c.reserved && !c.own && plan_unsettled_ns(state, facts, p, i) > 0;
	free = !c.reserved && !c.withheld && !c.unsettled;
	c.idle = free && use == USE_IDLE;
	c.faulty = free && use == USE_FAULTY;
	c.unknown = free && use >= USE_UNKNOWN;
	c.mine_ns = facts->last_use_ns ? facts->last_use_ns[slot->id] : TIME_NONE;
	return c;
}

/* Whether an earlier request gets it. One of another program does not where somebody has offered
   the GPU to this one, which has been free since: that was not first in its line then, or has left
   it lying. */
static bool is_awaited(const struct pool_state *state, const struct plan_facts *facts, int gpu,
		       size_t places)
{
	const struct queue_entry *first = plan_first_for(state, facts, gpu, places);
	const struct queue_entry *self = places < state->queue_count ? &state->queue[places] : NULL;

	if (!first || first->holder.host || !self)
		return first != NULL;
	return !plan_offer_is_ours(self, facts) ||
	       !gpu_ids_have(self->offer.gpus, self->offer.gpus_count, gpu) ||
	       facts->now_ns - state->slots[gpu].last_released_ns <=
		       facts->monotonic_ns - self->offer.made_ns;
}

struct candidate *plan_candidates(const struct pool_state *state, const struct plan_facts *facts,
				  const struct plan *p, size_t places, const char *self)
{
	struct candidate *all = mem_alloc(state->slots_count, sizeof(*all));

	for (size_t i = 0; i < state->slots_count; i++) {
		all[i] = make_candidate(state, i, facts, p, self);
		all[i].awaited = is_awaited(state, facts, (int)i, places);
	}
	return all;
}

/* Whether --force gets it although it is busy, or nobody knows. */
static bool is_forced(const struct candidate *c, bool force)
{
	return force && !c->backfill && !c->barred;
}

bool plan_is_available(const struct candidate *c, const struct plan_request *request)
{
	return !c->reserved && !c->awaited && !c->withheld && !c->unsuited && !c->unsettled &&
	       (c->idle || is_forced(c, request->force));
}

static int compare_ns(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/*
 * Best first: idle before busy before unknown (only --force gets to the latter two), then what is
 * collected already, then what nobody waits for before what is only lent, then whole GPUs before
 * instances, then most recently used by the requester, then least recently used by anybody, then by
 * id.
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
	if (a->instance != b->instance)
		return a->instance ? 1 : -1;
	r = compare_ns(b->mine_ns, a->mine_ns);
	if (!r)
		r = compare_ns(a->released_ns, b->released_ns);
	return r ? r : compare_ns(a->id, b->id);
}

/* Refuses a GPU that the actor's account has reserved itself. */
static int refuse_own(const struct reservation *r, const char *who, int id, struct err *e)
{
	if (r->queue_id)
		return err_set(e, EBUSY,
			       "GPU %d is not available: collected for your own waiting request "
			       "%.8s",
			       id, r->queue_id);
	if (r->type == RESERVATION_MANUAL)
		return err_set(e, EBUSY,
			       "GPU %d is not available: reserved by %s (manual), your own "
			       "reservation - 'canhazgpu run --gpu-ids %d' runs there, 'canhazgpu "
			       "extend' prolongs it",
			       id, who, id);
	return err_set(e, EBUSY,
		       "GPU %d is not available: reserved by %s (run), a run of your own - run "
		       "'canhazgpu status' for details",
		       id, who);
}

int plan_refuse_id(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_actor *actor, const struct candidate *c, bool force,
		   struct err *e)
{
	const struct slot *slot = &state->slots[c->id];
	const struct queue_entry *first = plan_first_for(state, facts, c->id, state->queue_count);
	AUTO_FREE char *who =
		c->reserved ? account_label(slot->reservation->user, slot->reservation->account)
		: first     ? account_label(first->user, first->account)
			    : NULL;

	if (c->reserved && plan_owns(actor, slot->reservation))
		return refuse_own(slot->reservation, who, c->id, e);
	if (c->reserved)
		return err_set(
			e, EBUSY,
			"GPU %d is not available: reserved by %s (%s) - run 'canhazgpu status' "
			"for details",
			c->id, who, reservation_type_name(slot->reservation->type));
	if (c->awaited && (c->idle || is_forced(c, force)))
		return err_set(e, EBUSY, "GPU %d is not available: %s is waiting for it", c->id,
			       who);
	if (c->unsettled)
		return err_set(e, EBUSY,
			       "GPU %d is not available: it has become free just now, and another "
			       "program may still be storing that - try again in a moment",
			       c->id);
	if (c->faulty)
		return err_set(e, EBUSY,
			       "GPU %d is not available: its driver says that it cannot be used - "
			       "run 'canhazgpu status' for details",
			       c->id);
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
int plan_refuse_count(const struct plan_request *request, const struct candidate *all, size_t count,
		      struct err *e)
{
	AUTO(str_clear) struct str why = {0};
	int requested = request->count;
	int available = 0, awaited = 0, busy = 0, unknown = 0, withheld = 0, unsettled = 0;

	for (size_t i = 0; i < count; i++) {
		const struct candidate *c = &all[i];

		if (c->reserved || c->unsuited)
			continue;
		if (c->withheld)
			withheld++;
		else if (c->unsettled)
			unsettled++;
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
		str_addf(&why, "%s%d GPU%s whose use is unknown", busy ? ", " : "", unknown,
			 str_plural((size_t)unknown));
	if (withheld)
		str_addf(&why, "%s%d GPU%s out of service", why.length ? ", " : "", withheld,
			 str_plural((size_t)withheld));
	if (unsettled)
		str_addf(&why, "%s%d GPU%s that became free just now", why.length ? ", " : "",
			 unsettled, str_plural((size_t)unsettled));
	if (awaited && !why.length)
		return err_set(
			e, EBUSY,
			"Not enough GPUs available. Requested: %d, Available: %d (others are "
			"waiting for %d more)",
			requested, available, awaited);
	if (awaited)
		str_addf(&why, ", %d GPU%s that others are waiting for", awaited,
			 str_plural((size_t)awaited));
	if (why.length)
		return err_set(e, EBUSY,
			       "Not enough GPUs available. Requested: %d, Available: %d (%s - run "
			       "'canhazgpu status' for details)",
			       requested, available, str_text(&why));
	return err_set(e, EBUSY, "Not enough GPUs available. Requested: %d, Available: %d",
		       requested, available);
}
