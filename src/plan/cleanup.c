/* What has ended, and what is given back because of that; see cleanup.h. */
#include "plan/cleanup.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/doubt.h"
#include "plan/ended.h"
#include "plan/queue.h"
#include "plan/withheld.h"

/* ---- reservations ---- */

/* Collected for a request that is not there any more. Other programs, which give no ids, may leave
   the mark where they are done. */
static bool is_left_over(const struct pool_state *state, const struct reservation *r)
{
	return r->queue_id && *r->id && !plan_is_collected(state, r);
}

bool plan_cleanup_reservation(const struct pool_state *state, const struct plan_facts *facts,
			      size_t i, struct plan *p)
{
	const struct reservation *r = state->reservations[i];
	enum holder_life life = facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT;
	enum end_reason reason = END_RELEASED;
	int64_t end_ns = facts->now_ns;
	bool left_over = is_left_over(state, r);

	/* What a waiting request has collected goes when that request does: plan_cleanup_queue. */
	if (plan_is_collected(state, r))
		return false;
	if (!left_over && !plan_has_ended(r, life, facts, &reason, &end_ns))
		return false;
	plan_end(p, r, r->gpus, r->gpus_count, end_ns, reason, NULL)->unrecorded = left_over;
	return true;
}

/* Records the first look that finds its holder silent. */
static void note_doubt(const struct pool_state *state, const struct plan_facts *facts, size_t i,
		       struct plan *p)
{
	const struct reservation *r = state->reservations[i];
	enum holder_life life = facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT;
	bool doubted;

	if (!r->queue_id && plan_is_suspect(r, life, facts, &doubted) && !doubted)
		plan_renew_copy(p, r, true)->doubt = plan_doubt(r->heartbeat_ns, facts);
}

/* Whether its supervisor has failed to renew it, although the command lives. */
static bool is_overdue(const struct pool_state *state, const struct plan_facts *facts, size_t i)
{
	const struct reservation *r = state->reservations[i];

	return !r->queue_id && r->type == RESERVATION_RUN && facts->life &&
	       facts->life[i] == HOLDER_ALIVE &&
	       facts->now_ns - plan_last_heartbeat_ns(r, facts->now_ns) > 2 * HEARTBEAT_INTERVAL_NS;
}

/* ---- the queue ---- */

/* Ends, without a record, what of a reservation `which` names and the plan has not ended yet. */
static void end_unused(const struct reservation *r, const bool *which, int64_t now_ns,
		       struct plan *p)
{
	AUTO_FREE int *gpus = mem_alloc(r->gpus_count, sizeof(*gpus));
	size_t count = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		if ((!which || which[r->gpus[i]]) && !plan_ends(p, r, r->gpus[i]))
			gpus[count++] = r->gpus[i];
	}
	if (!count)
		return;
	plan_end(p, r, gpus, count, now_ns, END_RELEASED, NULL)->unrecorded = true;
}

void plan_give_back(const struct pool_state *state, const char *entry_id, const bool *which,
		    int64_t now_ns, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (r->queue_id && !strcmp(r->queue_id, entry_id))
			end_unused(r, which, now_ns, p);
	}
}

void plan_take_out(const struct pool_state *state, const struct plan_facts *facts, size_t place,
		   struct plan *p)
{
	const struct queue_entry *q = &state->queue[place];

	plan_give_back(state, q->id, NULL, facts->now_ns, p);
	/* Its process takes itself out when it sees the mark. One that is not there, or of another
	   program, which knows no mark, is taken out. */
	if (plan_waiter_state(state, facts, place) == WAITER_DEAD || !q->holder.host)
		plan_drop(p, q);
	else
		plan_cancel_entry(p, q);
}

/*
 * What was collected while somebody earlier was absent goes to that one when it is there again:
 * two requests that each keep what the other lacks would wait for ever. What goes out of service is
 * given back, too. (Another program's part stays: it would not notice the loss. Nor does it come
 * back for what it has left lying.) True where it has to give something.
 */
static bool yield_to_earlier(const struct pool_state *state, const struct plan_facts *facts,
			     size_t place, struct plan *p)
{
	AUTO_FREE bool *which = mem_alloc(state->slots_count, sizeof(*which));
	const struct queue_entry *q = &state->queue[place];
	size_t before = p->changes_count;

	if (!q->holder.host)
		return false;
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;
		const struct queue_entry *first;

		if (!r || !r->queue_id || strcmp(r->queue_id, q->id) != 0)
			continue;
		first = plan_first_for(state, facts, (int)i, place);
		which[i] = plan_is_withheld(state, facts->policy, (int)i) ||
			   (first && first->holder.host);
	}
	plan_give_back(state, q->id, which, facts->now_ns, p);
	return p->changes_count > before;
}

/* Takes from the list of what an entry has collected what the plan ends. */
static void shorten_list(const struct pool_state *state, const struct queue_entry *q,
			 struct plan *p)
{
	int *kept = plan_own(p, mem_alloc(q->collected_count, sizeof(*kept)));
	struct queue_entry *copy = plan_put_copy(p, q, false);

	copy->collected = kept;
	copy->collected_count = 0;
	for (size_t i = 0; i < q->collected_count; i++) {
		int gpu = q->collected[i];
		const struct reservation *r = gpu >= 0 && (size_t)gpu < state->slots_count
						      ? state->slots[gpu].reservation
						      : NULL;

		if (r && !plan_ends(p, r, gpu))
			kept[copy->collected_count++] = gpu;
	}
}

void plan_take_away(const struct pool_state *state, const struct queue_entry *q, const bool *which,
		    int64_t now_ns, struct plan *p)
{
	size_t before = p->changes_count;

	plan_give_back(state, q->id, which, now_ns, p);
	if (p->changes_count > before)
		shorten_list(state, q, p);
}

/* As note_doubt. */
static void note_waiter_doubt(const struct queue_entry *q, const struct plan_facts *facts,
			      struct plan *p)
{
	if (!plan_is_doubted(&q->doubt, q->heartbeat_ns, facts))
		plan_put_copy(p, q, true)->doubt = plan_doubt(q->heartbeat_ns, facts);
}

/* Gives back what an entry must not keep, or drops it. */
static void cleanup_entry(const struct pool_state *state, const struct plan_facts *facts,
			  size_t place, struct plan *p)
{
	const struct queue_entry *q = &state->queue[place];
	enum waiter_state waiter = plan_waiter_state(state, facts, place);

	if (waiter == WAITER_ACTIVE) {
		if (yield_to_earlier(state, facts, place, p))
			shorten_list(state, q, p);
	} else {
		plan_give_back(state, q->id, NULL, facts->now_ns, p);
		if (waiter == WAITER_DEAD)
			plan_drop(p, q);
		else if (q->collected_count)
			plan_put_copy(p, q, false)->collected_count = 0;
	}
	/* An absent one, too: without the doubt it would never be dropped. */
	if (plan_waiter_is_suspect(state, facts, place))
		note_waiter_doubt(q, facts, p);
}

/* Not for one that is dropped, or cancelled, and so on its way out. */
static void let_pass(const struct pool_state *state, const struct plan_facts *facts, size_t place,
		     struct plan *p)
{
	const struct queue_entry *q = &state->queue[place];
	bool lets_pass = plan_should_let_pass(state, facts, place);

	if (lets_pass != q->lets_pass && !plan_drops(p, q))
		plan_put_copy(p, q, false)->lets_pass = lets_pass;
}

static void cleanup_queue(const struct pool_state *state, const struct plan_facts *facts,
			  const char *self, struct plan *p)
{
	for (size_t i = 0; i < state->queue_count; i++) {
		if (self && !strcmp(state->queue[i].id, self))
			yield_to_earlier(state, facts, i, p);
		else
			cleanup_entry(state, facts, i, p);
		let_pass(state, facts, i, p);
	}
}

/* ---- both ---- */

void plan_cleanup_except(const struct pool_state *state, const struct plan_facts *facts,
			 const char *self, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		if (plan_cleanup_reservation(state, facts, i, p))
			continue;
		if (is_overdue(state, facts, i))
			plan_renew(p, state->reservations[i], facts->now_ns, NULL, NULL);
		else
			note_doubt(state, facts, i, p);
	}
	cleanup_queue(state, facts, self, p);
}

void plan_cleanup(const struct pool_state *state, const struct plan_facts *facts, struct plan *p)
{
	plan_cleanup_except(state, facts, NULL, p);
}

int plan_check_held(const struct pool_state *state, const struct plan *p,
		    const struct plan_actor *actor, const int *ids, size_t ids_count, struct err *e)
{
	for (size_t i = 0; i < ids_count; i++) {
		const struct reservation *held;
		AUTO_FREE char *who = NULL;
		int r = plan_check_id(state, ids[i], e);

		if (r < 0)
			return r;
		held = state->slots[ids[i]].reservation;
		if (!held || plan_ends(p, held, ids[i]))
			return err_set(e, ENOENT, "GPU %d is not reserved", ids[i]);
		who = account_label(held->user, held->account);
		if (!plan_may_alter(actor, held))
			return err_set(e, EPERM, "GPU %d is reserved by %s, not by you", ids[i],
				       who);
		/* It goes when that request does. */
		if (plan_is_collected(state, held))
			return err_set(
				e, EBUSY,
				"GPU %d is collected for a waiting request of %s: cancel that "
				"with 'canhazgpu cancel %.8s' instead",
				ids[i], who, held->queue_id);
	}
	return 0;
}
