/* The state of waiting requests, and which of them is first for a GPU; see queue.h. */
#include "plan/queue.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/changes.h"
#include "plan/doubt.h"
#include "plan/ended.h"
#include "plan/withheld.h"

size_t plan_entry_count(const struct queue_entry *q)
{
	if (q->requested_ids)
		return q->requested_ids_count;
	return q->requested_count > 0 ? (size_t)q->requested_count : 0;
}

bool plan_entry_wants(const struct queue_entry *q, int gpu)
{
	if (!q->requested_ids)
		return !q->eligible || gpu_ids_have(q->eligible, q->eligible_count, gpu);
	for (size_t i = 0; i < q->requested_ids_count; i++) {
		if (q->requested_ids[i] == gpu)
			return true;
	}
	return false;
}

int64_t plan_waits_since_ns(const struct queue_entry *q)
{
	return q->since_ns != TIME_NONE ? q->since_ns : q->enqueued_ns;
}

int64_t plan_entry_last_heartbeat_ns(const struct queue_entry *q, int64_t now_ns)
{
	int64_t since_ns = plan_waits_since_ns(q);

	if (since_ns > now_ns && q->heartbeat_ns != TIME_NONE)
		return q->heartbeat_ns;
	return q->heartbeat_ns > since_ns ? q->heartbeat_ns : since_ns;
}

size_t plan_queue_find(const struct pool_state *state, const char *id)
{
	size_t i = 0;

	while (i < state->queue_count && strcmp(state->queue[i].id, id) != 0)
		i++;
	return i;
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
		return err_set(e, ENOENT,
			       "there is no waiting request '%s' - see 'canhazgpu "
			       "queue'",
			       text);
	*ret_place = found;
	return 0;
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
	if (!q->requested_ids && q->eligible)
		return plan_count_in_service(state, facts->policy, q->eligible,
					     q->eligible_count) >= plan_entry_count(q);
	return !q->holder.host ||
	       plan_is_in_service(state, facts->policy, q->requested_ids, plan_entry_count(q));
}

static enum holder_life entry_life(const struct plan_facts *facts, size_t i)
{
	return facts->waiting ? facts->waiting[i] : HOLDER_OUT_OF_SIGHT;
}

static bool is_silent(const struct queue_entry *q, const struct plan_facts *facts)
{
	return plan_is_silent(plan_entry_last_heartbeat_ns(q, facts->now_ns),
			      QUEUE_HEARTBEAT_LIMIT_NS, facts->now_ns);
}

bool plan_waiter_is_suspect(const struct pool_state *state, const struct plan_facts *facts,
			    size_t i)
{
	const struct queue_entry *q = &state->queue[i];

	/* One that names no host is of another program, for which silence is death. */
	return entry_life(facts, i) == HOLDER_OUT_OF_SIGHT && q->holder.host &&
	       is_silent(q, facts) &&
	       !plan_is_confirmed(&q->doubt, q->heartbeat_ns, QUEUE_HEARTBEAT_NS, facts);
}

/* One without a name is of an older program, and was always compared. */
static bool is_of_other_clock(const struct queue_entry *q, const struct plan_facts *facts)
{
	return *q->offer.clock && strcmp(q->offer.clock, facts->clock ? facts->clock : "") != 0;
}

bool plan_offer_is_ours(const struct queue_entry *q, const struct plan_facts *facts)
{
	/* A time to come is from before the host was rebooted. */
	return q->offer.made_ns > OFFER_NONE && q->offer.made_ns <= facts->monotonic_ns &&
	       !is_of_other_clock(q, facts);
}

bool plan_is_offered(const struct queue_entry *q, const struct plan_facts *facts)
{
	return q->offer.made_ns > OFFER_NONE &&
	       (is_of_other_clock(q, facts) || q->offer.made_ns <= facts->monotonic_ns);
}

int64_t plan_offer_end_ns(const struct pool_state *state, const struct plan_facts *facts, size_t i)
{
	const struct queue_entry *q = &state->queue[i];

	if (!plan_is_offered(q, facts))
		return INT64_MAX;
	if (!plan_offer_is_ours(q, facts))
		return is_silent(q, facts) ? facts->monotonic_ns : INT64_MAX;
	return q->offer.made_ns + (entry_life(facts, i) == HOLDER_OUT_OF_SIGHT
					   ? OFFER_LIMIT_UNSEEN_NS
					   : OFFER_LIMIT_NS);
}

bool plan_is_aside(const struct queue_entry *q, int gpu)
{
	return q->offer.aside &&
	       (!q->offer.aside_gpus ||
		gpu_ids_have(q->offer.aside_gpus, q->offer.aside_gpus_count, gpu));
}

/*
 * A request of another program cannot be told that it could take a GPU. It is passed over for one
 * that is idle, and has been free for the longer time while that request waited: who decides has
 * watched that, or it has not been released since.
 */
static bool is_left_lying(const struct pool_state *state, const struct plan_facts *facts,
			  const struct queue_entry *q, int gpu)
{
	const struct slot *slot = &state->slots[gpu];
	int64_t since_ns = plan_waits_since_ns(q);

	if (slot->last_released_ns > since_ns)
		since_ns = slot->last_released_ns;

	if (q->holder.host || !facts->use || facts->use[gpu] != USE_IDLE ||
	    (slot->reservation && !slot->reservation->queue_id) ||
	    facts->now_ns - since_ns < OFFER_LIMIT_UNSEEN_NS)
		return false;
	return !facts->idle_since_ns ||
	       (facts->idle_since_ns[gpu] &&
		facts->monotonic_ns - facts->idle_since_ns[gpu] >= OFFER_LIMIT_UNSEEN_NS);
}

/* A request of another program takes GPUs only when none is before it in the line, as that program
   sees it. */
static bool is_next_in_line(const struct pool_state *state, const struct plan_facts *facts,
			    size_t place)
{
	for (size_t i = 0; i < place; i++) {
		if (!state->queue[i].lets_pass && plan_waiter_state(state, facts, i) != WAITER_DEAD)
			return false;
	}
	return true;
}

bool plan_should_let_pass(const struct pool_state *state, const struct plan_facts *facts,
			  size_t place)
{
	const struct queue_entry *q = &state->queue[place];

	if (!q->holder.host || plan_waiter_state(state, facts, place) != WAITER_ABSENT)
		return false;
	for (size_t i = place + 1; i < state->queue_count; i++) {
		if (!state->queue[i].holder.host &&
		    plan_waiter_state(state, facts, i) != WAITER_DEAD)
			return true;
	}
	return false;
}

bool plan_entry_is_candidate(const struct pool_state *state, const struct plan_facts *facts,
			     size_t i, int gpu)
{
	const struct queue_entry *q = &state->queue[i];

	return plan_entry_wants(q, gpu) && !plan_is_aside(q, gpu) &&
	       plan_waiter_state(state, facts, i) == WAITER_ACTIVE &&
	       (q->holder.host || is_next_in_line(state, facts, i)) &&
	       !is_left_lying(state, facts, q, gpu);
}

/* Why the pool does not have what it needs, whoever holds it. */
static char *why_impossible(const struct pool_state *state, const struct plan_facts *facts,
			    const struct queue_entry *q)
{
	size_t wanted = plan_entry_count(q), serving = 0;
	const int *ids = q->requested_ids ? q->requested_ids : q->eligible;
	size_t count = q->requested_ids ? q->requested_ids_count : q->eligible_count;

	if (ids)
		serving = plan_count_in_service(state, facts->policy, ids, count);
	for (size_t i = 0; !ids && i < state->slots_count; i++)
		serving += !plan_is_withheld(state, facts->policy, (int)i);
	return mem_printf("it needs %zu GPU%s%s, and %zu %s in service", wanted, str_plural(wanted),
			  q->requested_ids ? ""
			  : q->eligible    ? " of the kind or place that it asks for"
					   : "",
			  serving, serving == 1 ? "is" : "are");
}

/* ---- the limit of GPUs per account ---- */

bool plan_entry_is_of(const struct queue_entry *q, struct quantity uid, const char *account)
{
	return account_is_same(q->uid, q->account, uid, account);
}

/* What is being released is held no more, nor is what has ended, or ends by the plan. */
static size_t count_gpus(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan *p, size_t i)
{
	const struct reservation *r = state->reservations[i];
	enum holder_life life = facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT;
	enum end_reason reason;
	int64_t end_ns;
	size_t count = 0;

	if (plan_has_ended(r, life, facts, &reason, &end_ns))
		return 0;
	for (size_t k = 0; k < r->gpus_count; k++)
		count += !(p && plan_ends(p, r, r->gpus[k])) &&
			 !(facts->freed_count &&
			   gpu_ids_have(facts->freed, facts->freed_count, r->gpus[k]));
	return count;
}

size_t plan_count_held(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan *p, struct quantity uid, const char *account,
		       size_t *ret_ending)
{
	size_t held = 0, ending = 0;

	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		size_t count;

		if (!account_is_same(r->uid, r->account, uid, account) ||
		    plan_is_collected(state, r))
			continue;
		count = count_gpus(state, facts, p, i);
		held += count;
		if (r->type == RESERVATION_RUN && facts->life && facts->life[i] == HOLDER_ENDING)
			ending += count;
	}
	if (ret_ending)
		*ret_ending = ending;
	return held;
}

size_t plan_count_collected(const struct pool_state *state, const struct plan_facts *facts,
			    size_t places, struct quantity uid, const char *account)
{
	size_t collected = 0;

	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		enum holder_life life = entry_life(facts, i);

		if (plan_entry_is_of(q, uid, account) && !q->cancelled && life != HOLDER_GONE &&
		    life != HOLDER_STOPPED)
			collected += q->collected_count;
	}
	return collected;
}

bool plan_limit_allows(const struct pool_state *state, const struct plan_facts *facts, size_t i,
		       const bool *starting)
{
	const struct queue_entry *q = &state->queue[i];
	size_t count = plan_entry_count(q);

	if (!q->account_limit)
		return true;
	count += plan_count_collected(state, facts, i, q->uid, q->account);
	for (size_t k = 0; starting && k < i; k++) {
		const struct queue_entry *before = &state->queue[k];

		if (starting[k] && plan_entry_is_of(before, q->uid, q->account) &&
		    plan_entry_count(before) > before->collected_count)
			count += plan_entry_count(before) - before->collected_count;
	}
	return plan_count_held(state, facts, NULL, q->uid, q->account, NULL) + count <=
	       (size_t)q->account_limit;
}

bool plan_limit_rests_on(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			 const struct reservation *r)
{
	return i < state->queue_count && plan_entry_is_of(&state->queue[i], r->uid, r->account) &&
	       !plan_is_collected(state, r) && !plan_limit_allows(state, facts, i, NULL);
}

/* ---- the state of an entry ---- */

static char *why_limited(const struct pool_state *state, const struct plan_facts *facts, size_t i)
{
	const struct queue_entry *q = &state->queue[i];
	size_t held = plan_count_held(state, facts, NULL, q->uid, q->account, NULL);
	size_t collected = plan_count_collected(state, facts, i, q->uid, q->account);
	AUTO_FREE char *more =
		collected
			? mem_printf(", its requests before this one have collected %zu", collected)
			: mem_strdup("");

	return mem_printf("its account holds %zu GPU%s%s, and its limit is %d (policy.max-gpus)",
			  held, str_plural(held), more, q->account_limit);
}

char *plan_why_passed_over(const struct pool_state *state, const struct plan_facts *facts, size_t i)
{
	const struct queue_entry *q = &state->queue[i];

	if (entry_life(facts, i) == HOLDER_STOPPED)
		return mem_strdup("its process is stopped");
	if (plan_offer_end_ns(state, facts, i) <= facts->monotonic_ns)
		return mem_strdup("it did not take a GPU that was free for it: its process is not "
				  "responding");
	if (!plan_limit_allows(state, facts, i, NULL))
		return why_limited(state, facts, i);
	if (!plan_entry_is_possible(state, facts, q))
		return why_impossible(state, facts, q);
	return mem_strdup(q->offer.aside);
}

/* Its state, as far as its account's limit is not asked. */
static enum waiter_state state_by_itself(const struct pool_state *state,
					 const struct plan_facts *facts, size_t i)
{
	const struct queue_entry *q = &state->queue[i];
	enum holder_life life = entry_life(facts, i);
	bool silent = is_silent(q, facts);

	if (life == HOLDER_GONE ||
	    (silent && life == HOLDER_OUT_OF_SIGHT && !plan_waiter_is_suspect(state, facts, i)))
		return WAITER_DEAD;
	/* One that runs is believed: a clock that was set makes everybody seem silent. */
	if (q->cancelled || life == HOLDER_STOPPED || (q->offer.aside && !q->offer.aside_gpus) ||
	    plan_offer_end_ns(state, facts, i) <= facts->monotonic_ns ||
	    !plan_entry_is_possible(state, facts, q) ||
	    (q->give_up_ns != TIME_NONE && facts->now_ns >= q->give_up_ns))
		return WAITER_ABSENT;
	return WAITER_ACTIVE;
}

enum waiter_state plan_waiter_state(const struct pool_state *state, const struct plan_facts *facts,
				    size_t i)
{
	enum waiter_state by_itself = state_by_itself(state, facts, i);

	if (by_itself == WAITER_ACTIVE && !plan_limit_allows(state, facts, i, NULL))
		return WAITER_ABSENT;
	return by_itself;
}

bool plan_waits_for_limit(const struct pool_state *state, const struct plan_facts *facts, size_t i)
{
	return state_by_itself(state, facts, i) == WAITER_ACTIVE &&
	       !plan_limit_allows(state, facts, i, NULL);
}

const struct queue_entry *plan_first_for(const struct pool_state *state,
					 const struct plan_facts *facts, int gpu, size_t places)
{
	if (plan_is_withheld(state, facts->policy, gpu))
		return NULL;
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		if (plan_entry_is_candidate(state, facts, i, gpu))
			return &state->queue[i];
	}
	return NULL;
}

bool plan_is_collected(const struct pool_state *state, const struct reservation *r)
{
	return r->queue_id && plan_queue_find(state, r->queue_id) < state->queue_count;
}
