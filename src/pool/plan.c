/* Every policy of the pool, pure; see plan.h. */
#include "pool/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void plan_clear(struct plan *p)
{
	reservation_free(p->granted);
	for (size_t i = 0; i < p->owned_count; i++)
		free(p->owned[i]);
	free(p->owned);
	free(p->changes);
	free(p->freed);
	*p = (struct plan){0};
}

static struct change *plan_add(struct plan *p, enum change_kind kind)
{
	struct change *c;

	p->changes = mem_resize(p->changes, p->changes_count + 1, sizeof(*p->changes));
	c = &p->changes[p->changes_count++];
	*c = (struct change){.kind = kind};
	return c;
}

/* Keeps an allocation until the plan is cleared. */
static void *plan_own(struct plan *p, void *memory)
{
	p->owned = mem_resize(p->owned, p->owned_count + 1, sizeof(*p->owned));
	p->owned[p->owned_count++] = memory;
	return memory;
}

void plan_end(struct plan *p, const struct reservation *r, const int *gpus, size_t count,
	      int64_t end_ns, enum end_reason reason, const char *actor)
{
	int *copy = plan_own(p, mem_alloc(count, sizeof(*copy)));
	struct change *c;

	memcpy(copy, gpus, count * sizeof(*copy));
	c = plan_add(p, CHANGE_END);
	c->reservation = r;
	c->gpus = copy;
	c->gpus_count = count;
	/* A clock that was set back must not make a record that ends before it starts. */
	c->time_ns = end_ns > r->start_ns ? end_ns : r->start_ns;
	c->reason = reason;
	c->actor = actor ? plan_own(p, mem_strdup(actor)) : NULL;
}

void plan_renew(struct plan *p, const struct reservation *r, int64_t now_ns,
		const struct process_ref *command)
{
	/* A shallow copy: the change only reads it, and the state outlives the plan. */
	struct reservation *renewed = plan_own(p, mem_alloc(1, sizeof(*renewed)));

	*renewed = *r;
	renewed->heartbeat_ns = now_ns;
	if (command)
		renewed->holder.command = *command;
	plan_add(p, CHANGE_RENEW)->reservation = renewed;
}

enum gpu_use plan_gpu_use(const struct gpu *gpu, int64_t threshold_mb)
{
	if (!gpu)
		return USE_UNKNOWN;
	if (!gpu->memory_used_mb.known)
		return gpu->processes_known && gpu->processes_count ? USE_BUSY : USE_UNKNOWN;
	return gpu->memory_used_mb.value > threshold_mb ? USE_BUSY : USE_IDLE;
}

bool plan_owns(const struct plan_actor *actor, const struct reservation *r)
{
	if (r->uid.known)
		return r->uid.value == (int64_t)actor->uid;
	return r->account && actor->account && !strcmp(r->account, actor->account);
}

/* When a run reservation last showed life; its start if it never did. */
static int64_t plan_last_sign_ns(const struct reservation *r)
{
	return r->heartbeat_ns > r->start_ns ? r->heartbeat_ns : r->start_ns;
}

bool plan_is_over(const struct reservation *r, enum holder_life life, int64_t now_ns,
		  enum end_reason *ret_reason, int64_t *ret_end_ns)
{
	int64_t sign_ns = plan_last_sign_ns(r);

	if (r->type == RESERVATION_MANUAL) {
		if (r->expiry_ns == TIME_NONE || now_ns < r->expiry_ns)
			return false;
		*ret_reason = END_EXPIRED;
		*ret_end_ns = r->expiry_ns;
		return true;
	}
	if (life == HOLDER_GONE) {
		/* It ended between its last heartbeat and now; nobody saw when. A heartbeat follows
		   every HEARTBEAT_INTERVAL_NS, so it is not charged for more than that. */
		*ret_reason = END_HOLDER_DIED;
		*ret_end_ns = now_ns - sign_ns < HEARTBEAT_INTERVAL_NS
				      ? now_ns
				      : sign_ns + HEARTBEAT_INTERVAL_NS;
		return true;
	}
	if (life == HOLDER_OUT_OF_SIGHT && now_ns - sign_ns > HEARTBEAT_LIMIT_NS) {
		*ret_reason = END_STALE;
		*ret_end_ns = sign_ns;
		return true;
	}
	return false;
}

/* Like plan_is_over, for the i-th reservation of the state. */
static bool plan_over_at(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			 enum end_reason *ret_reason, int64_t *ret_end_ns)
{
	return plan_is_over(state->reservations[i],
			    facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT, facts->now_ns,
			    ret_reason, ret_end_ns);
}

void plan_cleanup(const struct pool_state *state, const struct plan_facts *facts, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		enum end_reason reason;
		int64_t end_ns;

		if (plan_over_at(state, facts, i, &reason, &end_ns))
			plan_end(p, r, r->gpus, r->gpus_count, end_ns, reason, NULL);
		else if (r->type == RESERVATION_RUN && facts->life &&
			 facts->life[i] == HOLDER_ALIVE &&
			 facts->now_ns - plan_last_sign_ns(r) > 2 * HEARTBEAT_INTERVAL_NS)
			plan_renew(p, r, facts->now_ns, NULL);
	}
}

/* How the decision sees one slot, after the cleanup. */
struct candidate {
	int id;
	bool reserved, idle, unknown; /* not reserved: idle, busy, or unknown */
	int64_t mine_ns;              /* when the requester last used it */
	int64_t released_ns;          /* when anybody last did */
};

/* True if the plan ends the reservation of that slot. */
static bool plan_frees(const struct plan *p, const struct slot *slot)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_END && c->reservation == slot->reservation)
			return true;
	}
	return false;
}

static struct candidate plan_candidate(const struct slot *slot, const struct plan_facts *facts,
				       const struct plan *p)
{
	enum gpu_use use = facts->use ? facts->use[slot->id] : USE_UNKNOWN;
	struct candidate c = {.id = slot->id, .released_ns = slot->last_released_ns};

	if (slot->problem)
		use = USE_UNKNOWN;
	c.reserved = slot->reservation && !plan_frees(p, slot);
	if (slot->reservation && !c.reserved)
		c.released_ns = facts->now_ns;
	c.idle = !c.reserved && use == USE_IDLE;
	c.unknown = !c.reserved && use == USE_UNKNOWN;
	c.mine_ns = facts->last_use_ns ? facts->last_use_ns[slot->id] : TIME_NONE;
	return c;
}

static int compare_ns(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/*
 * Best first: idle before busy before unknown (only --force gets to the latter two), then most
 * recently used by the requester, then least recently used by anybody, then by id.
 */
static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int r;

	if (a->idle != b->idle)
		return a->idle ? -1 : 1;
	if (a->unknown != b->unknown)
		return a->unknown ? 1 : -1;
	r = compare_ns(b->mine_ns, a->mine_ns);
	if (!r)
		r = compare_ns(a->released_ns, b->released_ns);
	return r ? r : compare_ns(a->id, b->id);
}

static int compare_ids(const void *a, const void *b)
{
	return compare_ns(*(const int *)a, *(const int *)b);
}

int plan_require(const struct pool_state *state, struct err *e)
{
	if (state->initialized)
		return 0;
	return err_set(e, ENOENT,
		       "GPU pool not initialized. Run 'canhazgpu admin' first (for example: "
		       "canhazgpu admin --gpus 8)");
}

/* Refuses what this pool can never satisfy. */
static int plan_check_request(const struct pool_state *state, const struct plan_request *request,
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
		if (request->ids[i] < 0 || (size_t)request->ids[i] >= state->slots_count)
			return err_set(e, ERANGE,
				       "GPU ID %d does not exist (the pool has 0 to %zu)",
				       request->ids[i], state->slots_count - 1);
		if (i && request->ids[i] == request->ids[i - 1])
			return err_usage(e, "GPU ID %d is given twice", request->ids[i]);
	}
	return 0;
}

/* Refuses for a GPU that was asked for by id. */
static int plan_refuse_id(const struct slot *slot, const struct candidate *c, struct err *e)
{
	if (c->reserved)
		return err_set(
			e, EBUSY,
			"GPU %d is not available: reserved by %s (%s) - run 'canhazgpu status' "
			"for details",
			c->id, slot->reservation->user,
			reservation_type_name(slot->reservation->type));
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
static int plan_refuse_count(int requested, const struct candidate *all, size_t count,
			     struct err *e)
{
	AUTO(str_clear) struct str why = {0};
	int idle = 0, busy = 0, unknown = 0;

	for (size_t i = 0; i < count; i++) {
		idle += all[i].idle;
		unknown += all[i].unknown;
		busy += !all[i].reserved && !all[i].idle && !all[i].unknown;
	}
	if (busy)
		str_addf(&why, "%d GPUs in use without reservation", busy);
	if (unknown)
		str_addf(&why, "%s%d GPUs whose use is unknown", busy ? ", " : "", unknown);
	if (why.length)
		return err_set(e, EBUSY,
			       "Not enough GPUs available. Requested: %d, Available: %d (%s - run "
			       "'canhazgpu status' for details)",
			       requested, idle, str_text(&why));
	return err_set(e, EBUSY, "Not enough GPUs available. Requested: %d, Available: %d",
		       requested, idle);
}

/* Picks the GPUs: exactly the ids asked for, or the best `count`. The caller frees *ret_gpus. */
static int plan_pick(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, const struct plan *p, int **ret_gpus,
		     size_t *ret_count, struct err *e)
{
	AUTO_FREE struct candidate *all = mem_alloc(state->slots_count, sizeof(*all));
	size_t wanted = request->ids ? request->ids_count : (size_t)request->count;
	AUTO_FREE int *gpus = mem_alloc(wanted, sizeof(*gpus));
	size_t found = 0;

	for (size_t i = 0; i < state->slots_count; i++)
		all[i] = plan_candidate(&state->slots[i], facts, p);
	for (size_t i = 0; i < request->ids_count; i++) {
		const struct candidate *c = &all[request->ids[i]];

		if (c->reserved || (!c->idle && !request->force))
			return plan_refuse_id(&state->slots[c->id], c, e);
		gpus[found++] = c->id;
	}
	if (!request->ids) {
		qsort(all, state->slots_count, sizeof(*all), compare_candidates);
		for (size_t i = 0; i < state->slots_count && found < wanted; i++) {
			if (!all[i].reserved && (all[i].idle || request->force))
				gpus[found++] = all[i].id;
		}
		if (found < wanted)
			return plan_refuse_count(request->count, all, state->slots_count, e);
		qsort(gpus, found, sizeof(*gpus), compare_ids);
	}
	*ret_gpus = mem_steal(&gpus);
	*ret_count = found;
	return 0;
}

static struct reservation *plan_reservation(const struct plan_request *request, int64_t now_ns)
{
	struct reservation *r = reservation_new();

	memcpy(r->id, request->id, ID_SIZE);
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

int plan_reserve(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p, struct err *e)
{
	int *gpus = NULL;
	size_t count = 0;
	int r = plan_check_request(state, request, e);

	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	r = plan_pick(state, facts, request, p, &gpus, &count, e);
	if (r < 0)
		return r;
	p->granted = plan_reservation(request, facts->now_ns);
	p->granted->gpus = gpus;
	p->granted->gpus_count = count;
	plan_add(p, CHANGE_GRANT)->reservation = p->granted;
	return 0;
}

static void plan_note_freed(struct plan *p, int id)
{
	p->freed = mem_resize(p->freed, p->freed_count + 1, sizeof(*p->freed));
	p->freed[p->freed_count++] = id;
}

/* Ends those GPUs of r that are among ids. */
static void plan_release_part(struct plan *p, const struct reservation *r, const int *ids,
			      size_t ids_count, int64_t now_ns, const char *actor)
{
	AUTO_FREE int *part = mem_alloc(r->gpus_count, sizeof(*part));
	size_t count = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		if (bsearch(&r->gpus[i], ids, ids_count, sizeof(*ids), compare_ids))
			part[count++] = r->gpus[i];
	}
	plan_end(p, r, part, count, now_ns, actor ? END_FORCED : END_RELEASED, actor);
	for (size_t i = 0; i < count; i++)
		plan_note_freed(p, part[i]);
}

/* Each id must be a GPU that the actor may release now. */
static int plan_check_release(const struct pool_state *state, const struct plan *p,
			      const struct plan_actor *actor, const int *ids, size_t ids_count,
			      struct err *e)
{
	for (size_t i = 0; i < ids_count; i++) {
		const struct slot *slot;

		if (ids[i] < 0 || (size_t)ids[i] >= state->slots_count)
			return err_set(e, ERANGE,
				       "GPU ID %d does not exist (the pool has 0 to %zu)", ids[i],
				       state->slots_count - 1);
		slot = &state->slots[ids[i]];
		if (!slot->reservation || plan_frees(p, slot))
			return err_set(e, ENOENT, "GPU %d is not reserved", ids[i]);
		if (actor->uid != 0 && !plan_owns(actor, slot->reservation))
			return err_set(e, EPERM, "GPU %d is reserved by %s, not by you", ids[i],
				       slot->reservation->user);
	}
	return 0;
}

int plan_release(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_actor *actor, const int *ids, size_t ids_count, struct plan *p,
		 struct err *e)
{
	size_t over;
	int r;

	r = plan_require(state, e);
	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	over = p->changes_count;
	r = plan_check_release(state, p, actor, ids, ids_count, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];
		bool mine = plan_owns(actor, held), ended = false, named = false;

		for (size_t k = 0; k < over; k++)
			ended |= p->changes[k].reservation == held;
		for (size_t k = 0; k < held->gpus_count; k++)
			named |= ids &&
				 bsearch(&held->gpus[k], ids, ids_count, sizeof(*ids), compare_ids);
		if (ended)
			continue;
		if (named)
			plan_release_part(p, held, ids, ids_count, facts->now_ns,
					  mine ? NULL : actor->account);
		else if (!ids && mine && held->type == RESERVATION_MANUAL)
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  NULL);
	}
	if (p->freed_count)
		qsort(p->freed, p->freed_count, sizeof(*p->freed), compare_ids);
	return 0;
}

void plan_init(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const char *provider, size_t count,
	       const char *const *uuids, struct plan *p)
{
	struct change *c;

	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		enum end_reason reason;
		int64_t end_ns;

		if (plan_over_at(state, facts, i, &reason, &end_ns))
			plan_end(p, r, r->gpus, r->gpus_count, end_ns, reason, NULL);
		else
			plan_end(p, r, r->gpus, r->gpus_count, facts->now_ns, END_FORCED,
				 actor->account);
	}
	for (size_t i = 0; i < state->queue_count; i++)
		plan_add(p, CHANGE_QUEUE_DROP)->entry = &state->queue[i];
	c = plan_add(p, CHANGE_INIT);
	c->provider = plan_own(p, mem_strdup(provider));
	c->gpus_count = count;
	c->uuids = uuids;
}
