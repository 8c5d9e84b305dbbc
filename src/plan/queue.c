/* Who waits, and who is first for which GPU: the questions of queue.h, and leaving the line.
 */
#include "plan/queue.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "plan/private.h"

size_t plan_entry_count(const struct queue_entry *q)
{
	if (q->requested_ids)
		return q->requested_ids_count;
	return q->requested_count > 0 ? (size_t)q->requested_count : 0;
}

bool plan_entry_wants(const struct queue_entry *q, int gpu)
{
	if (!q->requested_ids)
		return true;
	for (size_t i = 0; i < q->requested_ids_count; i++) {
		if (q->requested_ids[i] == gpu)
			return true;
	}
	return false;
}

int64_t plan_entry_last_heartbeat_ns(const struct queue_entry *q, int64_t now_ns)
{
	if (q->enqueued_ns > now_ns && q->heartbeat_ns != TIME_NONE)
		return q->heartbeat_ns;
	return q->heartbeat_ns > q->enqueued_ns ? q->heartbeat_ns : q->enqueued_ns;
}

bool plan_is_cancelled(const struct queue_entry *q)
{
	return q->give_up_ns == QUEUE_CANCELLED_NS;
}

size_t plan_queue_find(const struct pool_state *state, const char *id)
{
	size_t i = 0;

	while (i < state->queue_count && strcmp(state->queue[i].id, id) != 0)
		i++;
	return i;
}

bool plan_entry_is_possible(const struct pool_state *state, const struct plan_facts *facts,
			    const struct queue_entry *q)
{
	for (size_t i = 0; i < q->requested_ids_count; i++) {
		if (q->requested_ids[i] < 0 || (size_t)q->requested_ids[i] >= state->slots_count)
			return false;
	}
	if (!plan_entry_count(q) || plan_entry_count(q) > state->slots_count)
		return false;
	return !q->holder.host ||
	       plan_is_in_service(state, facts->policy, q->requested_ids, plan_entry_count(q));
}

enum waiter_state plan_waiter_state(const struct pool_state *state, const struct plan_facts *facts,
				    size_t i)
{
	const struct queue_entry *q = &state->queue[i];
	enum holder_life life = facts->waiting ? facts->waiting[i] : HOLDER_OUT_OF_SIGHT;
	bool silent = facts->now_ns - plan_entry_last_heartbeat_ns(q, facts->now_ns) >
		      QUEUE_HEARTBEAT_LIMIT_NS;

	if (life == HOLDER_GONE || (silent && life == HOLDER_OUT_OF_SIGHT))
		return WAITER_DEAD;
	/* One that runs is believed: a clock that was set makes everybody seem silent. */
	if ((silent && life == HOLDER_STOPPED) || !plan_entry_is_possible(state, facts, q) ||
	    (q->give_up_ns != TIME_NONE && facts->now_ns >= q->give_up_ns))
		return WAITER_ABSENT;
	return WAITER_ACTIVE;
}

const struct queue_entry *plan_first_for(const struct pool_state *state,
					 const struct plan_facts *facts, int gpu, size_t places)
{
	if (plan_is_withheld(state, facts->policy, gpu))
		return NULL;
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		if (plan_entry_wants(&state->queue[i], gpu) &&
		    plan_waiter_state(state, facts, i) == WAITER_ACTIVE)
			return &state->queue[i];
	}
	return NULL;
}

bool plan_is_collected(const struct pool_state *state, const struct reservation *r)
{
	return r->queue_id && plan_queue_find(state, r->queue_id) < state->queue_count;
}

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
	plan_end(p, r, gpus, count, now_ns, END_RELEASED, NULL);
	p->changes[p->changes_count - 1].unrecorded = true;
}

static void give_back(const struct pool_state *state, const char *entry_id, const bool *which,
		      int64_t now_ns, struct plan *p)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (r->queue_id && !strcmp(r->queue_id, entry_id))
			end_unused(r, which, now_ns, p);
	}
}

void plan_give_back(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		    struct plan *p)
{
	give_back(state, entry_id, NULL, now_ns, p);
}

struct queue_entry *plan_put_copy(struct plan *p, const struct queue_entry *q)
{
	/* Shallow: the change only reads it, and the state outlives the plan. */
	struct queue_entry *copy = plan_own(p, mem_alloc(1, sizeof(*copy)));

	*copy = *q;
	plan_add(p, CHANGE_QUEUE_PUT)->entry = copy;
	return copy;
}

/*
 * What was collected while somebody earlier was absent goes to that one when it is there again:
 * two who each keep what the other lacks would wait for ever. What goes out of service is given
 * back, too. (Another program's part stays: it would not notice the loss.) True where it has to
 * give something.
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

		which[i] = r && r->queue_id && !strcmp(r->queue_id, q->id) &&
			   (plan_is_withheld(state, facts->policy, (int)i) ||
			    plan_first_for(state, facts, (int)i, place));
	}
	give_back(state, q->id, which, facts->now_ns, p);
	return p->changes_count > before;
}

/* Takes from the list of what an entry has collected what the plan ends. */
static void shorten_list(const struct pool_state *state, const struct queue_entry *q,
			 struct plan *p)
{
	int *kept = plan_own(p, mem_alloc(q->collected_count, sizeof(*kept)));
	struct queue_entry *copy = plan_put_copy(p, q);

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

	give_back(state, q->id, which, now_ns, p);
	if (p->changes_count > before)
		shorten_list(state, q, p);
}

void plan_cleanup_queue(const struct pool_state *state, const struct plan_facts *facts,
			const char *self, struct plan *p)
{
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		enum waiter_state waiter = plan_waiter_state(state, facts, i);

		if (waiter == WAITER_ACTIVE || (self && !strcmp(q->id, self))) {
			if (yield_to_earlier(state, facts, i, p) &&
			    (!self || strcmp(q->id, self) != 0))
				shorten_list(state, q, p);
			continue;
		}
		plan_give_back(state, q->id, facts->now_ns, p);
		if (waiter == WAITER_DEAD)
			plan_add(p, CHANGE_QUEUE_DROP)->entry = q;
		else if (q->collected_count)
			plan_put_copy(p, q)->collected_count = 0;
	}
}

void plan_leave(const struct pool_state *state, const char *entry_id, int64_t now_ns,
		struct plan *p)
{
	size_t place = plan_queue_find(state, entry_id);

	plan_give_back(state, entry_id, now_ns, p);
	if (place < state->queue_count)
		plan_add(p, CHANGE_QUEUE_DROP)->entry = &state->queue[place];
}

void plan_mark_cancelled(const struct queue_entry *q, struct plan *p)
{
	struct queue_entry *copy = plan_put_copy(p, q);

	copy->give_up_ns = QUEUE_CANCELLED_NS;
	copy->collected_count = 0;
}

int plan_queue_match(const struct pool_state *state, const char *text, size_t *ret_place,
		     struct err *e)
{
	size_t found = state->queue_count;

	for (size_t i = 0; *text && i < state->queue_count; i++) {
		if (strncmp(state->queue[i].id, text, strlen(text)) != 0)
			continue;
		if (found < state->queue_count)
			return err_usage(e, "more than one waiting request begins with '%s'", text);
		found = i;
	}
	if (found == state->queue_count)
		return err_set(e, ENOENT, "no request '%s' waits - see 'canhazgpu queue'", text);
	*ret_place = found;
	return 0;
}

bool plan_changes_entry(const struct plan *p, const struct queue_entry *q)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		if (p->changes[i].entry && !strcmp(p->changes[i].entry->id, q->id))
			return true;
	}
	return false;
}

bool plan_may_cancel(const struct plan_actor *actor, const struct queue_entry *q)
{
	return plan_is_administrator(actor) || plan_owns_entry(actor, q);
}

int plan_cancel(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_actor *actor, const char *id, struct plan *p,
		const struct queue_entry **ret_entry, struct err *e)
{
	const struct queue_entry *q;
	size_t place = 0;
	int r = plan_require(state, e);

	if (r == 0)
		r = plan_queue_match(state, id, &place, e);
	if (r < 0)
		return r;
	q = &state->queue[place];
	if (plan_changes_entry(p, q))
		return err_usage(e, "request %.8s is named twice", q->id);
	if (!plan_may_cancel(actor, q))
		return err_set(e, EPERM, "request %s waits for %s, not for you", q->id, q->user);
	plan_give_back(state, q->id, facts->now_ns, p);
	/* Its process takes itself out when it sees the mark. One that is not there, or of another
	   program, which knows no mark, is taken out. */
	if (plan_waiter_state(state, facts, place) == WAITER_DEAD || !q->holder.host)
		plan_add(p, CHANGE_QUEUE_DROP)->entry = q;
	else
		plan_mark_cancelled(q, p);
	*ret_entry = q;
	return 0;
}
