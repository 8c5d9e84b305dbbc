/* What is over, who owns what, releasing and making anew: the plan without reserve.c. */
#include "plan/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void plan_clear(struct plan *p)
{
	reservation_free(p->granted);
	reservation_free(p->collected);
	for (size_t i = 0; i < p->owned_count; i++)
		free(p->owned[i]);
	free(p->owned);
	free(p->changes);
	free(p->affected_gpus);
	free(p->extended);
	*p = (struct plan){0};
}

struct change *plan_add(struct plan *p, enum change_kind kind)
{
	struct change *c;

	p->changes = mem_resize(p->changes, p->changes_count + 1, sizeof(*p->changes));
	c = &p->changes[p->changes_count++];
	*c = (struct change){.kind = kind};
	return c;
}

void *plan_own(struct plan *p, void *memory)
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

struct reservation *plan_renew_copy(struct plan *p, const struct reservation *r)
{
	/* Shallow: the change only reads it, and the state outlives the plan. */
	struct reservation *renewed = plan_own(p, mem_alloc(1, sizeof(*renewed)));
	struct change *c = plan_add(p, CHANGE_RENEW);

	*renewed = *r;
	c->reservation = renewed;
	c->quiet = true;
	return renewed;
}

void plan_renew(struct plan *p, const struct reservation *r, int64_t now_ns,
		const struct process_ref *command, const struct process_ref *supervisor)
{
	struct reservation *renewed = plan_renew_copy(p, r);

	renewed->heartbeat_ns = now_ns;
	if (command)
		renewed->holder.command = *command;
	if (supervisor)
		renewed->holder.supervisor = *supervisor;
}

void plan_renew_part(struct plan *p, const struct reservation *r, int64_t duration_ns,
		     int64_t now_ns)
{
	struct reservation *renewed = plan_renew_copy(p, r);

	if (r->type == RESERVATION_MANUAL)
		renewed->expiry_ns = now_ns + duration_ns;
	else
		renewed->heartbeat_ns = now_ns;
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

bool plan_owns_entry(const struct plan_actor *actor, const struct queue_entry *q)
{
	if (q->uid.known)
		return q->uid.value == (int64_t)actor->uid;
	return q->account && actor->account && !strcmp(q->account, actor->account);
}

int64_t plan_last_heartbeat_ns(const struct reservation *r, int64_t now_ns)
{
	if (r->start_ns > now_ns && r->heartbeat_ns != TIME_NONE)
		return r->heartbeat_ns;
	return r->heartbeat_ns > r->start_ns ? r->heartbeat_ns : r->start_ns;
}

bool plan_has_ended(const struct reservation *r, enum holder_life life, int64_t now_ns,
		    enum end_reason *ret_reason, int64_t *ret_end_ns)
{
	int64_t sign_ns = plan_last_heartbeat_ns(r, now_ns);

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

/* Collected for a request that is not there any more. Other programs, which give no ids, may leave
   the mark where they are done. */
static bool is_left_over(const struct pool_state *state, const struct reservation *r)
{
	return r->queue_id && *r->id && !plan_is_collected(state, r);
}

/* Like plan_has_ended, for the i-th reservation of the state. What is collected for somebody who
   waits is the queue's business, unless that request is not there any more. */
static bool has_ended_at(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			 enum end_reason *ret_reason, int64_t *ret_end_ns)
{
	const struct reservation *r = state->reservations[i];

	if (plan_is_collected(state, r))
		return false;
	if (is_left_over(state, r)) {
		*ret_reason = END_RELEASED;
		*ret_end_ns = facts->now_ns;
		return true;
	}
	return plan_has_ended(r, facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT, facts->now_ns,
			      ret_reason, ret_end_ns);
}

void plan_cleanup_except(const struct pool_state *state, const struct plan_facts *facts,
			 const char *self, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		enum end_reason reason;
		int64_t end_ns;

		if (has_ended_at(state, facts, i, &reason, &end_ns)) {
			plan_end(p, r, r->gpus, r->gpus_count, end_ns, reason, NULL);
			p->changes[p->changes_count - 1].unrecorded = is_left_over(state, r);
		} else if (!r->queue_id && r->type == RESERVATION_RUN && facts->life &&
			   facts->life[i] == HOLDER_ALIVE &&
			   facts->now_ns - plan_last_heartbeat_ns(r, facts->now_ns) >
				   2 * HEARTBEAT_INTERVAL_NS) {
			plan_renew(p, r, facts->now_ns, NULL, NULL);
		}
	}
	plan_cleanup_queue(state, facts, self, p);
}

void plan_cleanup(const struct pool_state *state, const struct plan_facts *facts, struct plan *p)
{
	plan_cleanup_except(state, facts, NULL, p);
}

bool plan_ends(const struct plan *p, const struct reservation *r, int gpu)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		for (size_t k = 0;
		     c->kind == CHANGE_END && c->reservation == r && k < c->gpus_count; k++) {
			if (c->gpus[k] == gpu)
				return true;
		}
	}
	return false;
}

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

int plan_compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void plan_note_affected(struct plan *p, int id)
{
	p->affected_gpus =
		mem_resize(p->affected_gpus, p->affected_gpus_count + 1, sizeof(*p->affected_gpus));
	p->affected_gpus[p->affected_gpus_count++] = id;
}

void plan_release_part(struct plan *p, const struct reservation *r, const int *ids,
		       size_t ids_count, int64_t now_ns, const char *actor)
{
	AUTO_FREE int *part = mem_alloc(r->gpus_count, sizeof(*part));
	size_t count = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		if (bsearch(&r->gpus[i], ids, ids_count, sizeof(*ids), plan_compare_ids))
			part[count++] = r->gpus[i];
	}
	plan_end(p, r, part, count, now_ns, actor ? END_FORCED : END_RELEASED, actor);
	for (size_t i = 0; i < count; i++)
		plan_note_affected(p, part[i]);
}

int plan_check_held(const struct pool_state *state, const struct plan *p,
		    const struct plan_actor *actor, const int *ids, size_t ids_count, struct err *e)
{
	for (size_t i = 0; i < ids_count; i++) {
		const struct reservation *held;
		int r = plan_check_id(state, ids[i], e);

		if (r < 0)
			return r;
		held = state->slots[ids[i]].reservation;
		if (!held || plan_ends(p, held, ids[i]))
			return err_set(e, ENOENT, "GPU %d is not reserved", ids[i]);
		if (!plan_may_alter(actor, held))
			return err_set(e, EPERM, "GPU %d is reserved by %s, not by you", ids[i],
				       held->user);
		/* It goes when that request does. */
		if (plan_is_collected(state, held))
			return err_set(
				e, EBUSY,
				"GPU %d is collected for a request of %s that waits: end that "
				"with 'canhazgpu cancel %.8s' instead",
				ids[i], held->user, held->queue_id);
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
	r = plan_check_held(state, p, actor, ids, ids_count, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *held = state->reservations[i];
		bool mine = plan_owns(actor, held), ended = false, named = false;

		for (size_t k = 0; k < over; k++)
			ended |= p->changes[k].reservation == held;
		for (size_t k = 0; k < held->gpus_count; k++)
			named |= ids && bsearch(&held->gpus[k], ids, ids_count, sizeof(*ids),
						plan_compare_ids);
		if (ended || plan_is_collected(state, held))
			continue;
		if (named)
			plan_release_part(p, held, ids, ids_count, facts->now_ns,
					  mine ? NULL : actor->account);
		else if (!ids && mine && held->type == RESERVATION_MANUAL)
			plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns,
					  NULL);
	}
	if (p->affected_gpus_count)
		qsort(p->affected_gpus, p->affected_gpus_count, sizeof(*p->affected_gpus),
		      plan_compare_ids);
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

		if (has_ended_at(state, facts, i, &reason, &end_ns))
			plan_end(p, r, r->gpus, r->gpus_count, end_ns, reason, NULL);
		else
			plan_end(p, r, r->gpus, r->gpus_count, facts->now_ns, END_FORCED,
				 actor->account);
		p->changes[p->changes_count - 1].unrecorded =
			plan_is_collected(state, r) || is_left_over(state, r);
	}
	/* Whoever still waits is told so, and leaves. */
	for (size_t i = 0; i < state->queue_count; i++) {
		if (plan_waiter_state(state, facts, i) == WAITER_DEAD ||
		    !state->queue[i].holder.host)
			plan_add(p, CHANGE_QUEUE_DROP)->entry = &state->queue[i];
		else
			plan_mark_cancelled(&state->queue[i], p);
	}
	c = plan_add(p, CHANGE_INIT);
	c->provider = plan_own(p, mem_strdup(provider));
	c->gpus_count = count;
	c->uuids = uuids;
}
