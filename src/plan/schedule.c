/* When waiting requests will start, and who is next for a GPU: see schedule.h. */
#include "plan/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/queue.h"
#include "plan/withheld.h"

/* Later than anything: it depends on what nobody knows. */
#define NEVER INT64_MAX

/* The GPUs as the queue moves on: each entry is placed in its turn. */
struct timetable {
	const struct pool_state *state;
	const struct plan_facts *facts;
	int64_t *free_ns;     /* per slot: its holder gives it back */
	int64_t *turn_ns;     /* per slot: those ahead who could use it are out of the way */
	bool *parts_stay;     /* per slot: what is collected there is not taken away */
	struct when *soonest; /* room for one per slot */
	size_t soonest_count;
};

/* When an entry could have a GPU. */
struct when {
	int64_t time_ns;
	int gpu;
};

static bool could_have(const struct queue_entry *q, int gpu)
{
	return plan_entry_wants(q, gpu) && !plan_is_aside(q, gpu);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void timetable_init(struct timetable *t, const struct pool_state *state,
			   const struct plan_facts *facts)
{
	*t = (struct timetable){
		.state = state,
		.facts = facts,
		.free_ns = mem_alloc(state->slots_count, sizeof(*t->free_ns)),
		.turn_ns = mem_alloc(state->slots_count, sizeof(*t->turn_ns)),
		.parts_stay = mem_alloc(state->slots_count, sizeof(*t->parts_stay)),
		.soonest = mem_alloc(state->slots_count, sizeof(*t->soonest)),
	};
	for (size_t i = 0; i < state->slots_count; i++)
		t->free_ns[i] = t->turn_ns[i] = facts->now_ns;
}

static void timetable_clear(struct timetable *t)
{
	free(t->free_ns);
	free(t->turn_ns);
	free(t->parts_stay);
	free(t->soonest);
}

/* Sets when a GPU of a reservation is given back: now at the earliest. */
static void timetable_hold(struct timetable *t, const struct reservation *r, int gpu,
			   int64_t end_ns)
{
	if (t->state->slots[gpu].reservation == r)
		t->free_ns[gpu] = later(end_ns, t->facts->now_ns);
}

static int compare_when(const void *left, const void *right)
{
	const struct when *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns > b->time_ns ? 1 : -1;
	return (a->gpu > b->gpu) - (a->gpu < b->gpu);
}

/* When the entry could have each GPU that it could use, soonest first. */
static void timetable_list(struct timetable *t, const struct queue_entry *q)
{
	t->soonest_count = 0;
	for (size_t i = 0; i < t->state->slots_count; i++) {
		const struct reservation *r = t->state->slots[i].reservation;
		bool own = r && r->queue_id && !strcmp(r->queue_id, q->id);

		if (!could_have(q, (int)i))
			continue;
		t->soonest[t->soonest_count++] = (struct when){
			.time_ns = own && t->parts_stay[i] ? t->facts->now_ns
							   : later(t->free_ns[i], t->turn_ns[i]),
			.gpu = (int)i,
		};
	}
	qsort(t->soonest, t->soonest_count, sizeof(*t->soonest), compare_when);
}

/* When it could have as many as it asked for. */
static int64_t timetable_soonest(struct timetable *t, const struct queue_entry *q)
{
	size_t wanted = plan_entry_count(q);

	timetable_list(t, q);
	return wanted && wanted <= t->soonest_count ? t->soonest[wanted - 1].time_ns : NEVER;
}

/* Its start; and from when on it is in nobody's way any more. */
static int64_t timetable_place(struct timetable *t, const struct queue_entry *q)
{
	int64_t start_ns = timetable_soonest(t, q), leaves_ns;

	leaves_ns =
		q->give_up_ns != TIME_NONE && q->give_up_ns < start_ns ? q->give_up_ns : start_ns;
	for (size_t i = 0; i < t->soonest_count; i++) {
		int64_t *turn_ns = &t->turn_ns[t->soonest[i].gpu];

		*turn_ns = later(*turn_ns, leaves_ns);
	}
	return start_ns;
}

/* Gives the GPUs to the entry that was placed just now. */
static void timetable_take(struct timetable *t, const struct queue_entry *q, int64_t start_ns,
			   int64_t length_ns)
{
	int64_t end_ns = NEVER;

	if (start_ns != NEVER && q->give_up_ns != TIME_NONE && q->give_up_ns < start_ns)
		return;
	if (start_ns != NEVER && length_ns > 0 && length_ns < NEVER - start_ns)
		end_ns = start_ns + length_ns;
	for (size_t i = 0; i < plan_entry_count(q) && i < t->soonest_count; i++)
		t->free_ns[t->soonest[i].gpu] = end_ns;
}

/* Whether the entry gets GPUs in its turn: those before it of the same account may reach its limit.
 */
static bool is_starting(const struct pool_state *state, const struct plan_facts *facts, size_t i,
			const bool *starting)
{
	return plan_waiter_state(state, facts, i) == WAITER_ACTIVE &&
	       plan_limit_allows(state, facts, i, starting);
}

/* ---- as it is expected ---- */

/* What an account holds, or will: it counts towards its limit until then. */
struct holding {
	int64_t end_ns;
	size_t count;
};

static int compare_holdings(const void *left, const void *right)
{
	const struct holding *a = left, *b = right;

	return (a->end_ns > b->end_ns) - (a->end_ns < b->end_ns);
}

/*
 * When the limit of the account lets the i-th entry have its GPUs: what the account holds has ended
 * as far as it must, and so has what those before it (which ends_ns has, 0 for none) will hold.
 */
static int64_t expect_limit(const struct pool_state *state, const struct plan_facts *facts,
			    const struct plan_outlook *outlook, size_t i, const int64_t *ends_ns)
{
	const struct queue_entry *q = &state->queue[i];
	AUTO_FREE struct holding *list = mem_alloc(state->reservations_count + i, sizeof(*list));
	size_t count = 0, held = plan_entry_count(q), limit = (size_t)q->account_limit;

	for (size_t k = 0; k < state->reservations_count; k++) {
		const struct reservation *r = state->reservations[k];

		if (!plan_entry_is_of(q, r->uid, r->account) || plan_is_collected(state, r))
			continue;
		list[count++] = (struct holding){
			facts->life && facts->life[k] == HOLDER_ENDING ? facts->now_ns
			: outlook->ends_ns[k] == TIME_NONE             ? NEVER
								       : outlook->ends_ns[k],
			r->gpus_count};
	}
	for (size_t k = 0; k < i; k++) {
		if (ends_ns[k] && plan_entry_is_of(&state->queue[k], q->uid, q->account))
			list[count++] =
				(struct holding){ends_ns[k], plan_entry_count(&state->queue[k])};
	}
	qsort(list, count, sizeof(*list), compare_holdings);
	for (size_t k = 0; k < count; k++)
		held += list[k].count;
	for (size_t k = 0; held > limit && k < count; k++) {
		held -= list[k].count;
		if (held <= limit)
			return list[k].end_ns;
	}
	return held > limit ? NEVER : facts->now_ns;
}

/*
 * When what is collected for a request comes back to the others: if that request does not go on, or
 * has to give way to one ahead of it, now; else when its turn has come (timetable_take says when).
 */
static int64_t expect_part(struct timetable *t, const struct reservation *r, int gpu)
{
	size_t place = plan_queue_find(t->state, r->queue_id);

	t->parts_stay[gpu] = place < t->state->queue_count &&
			     plan_waiter_state(t->state, t->facts, place) == WAITER_ACTIVE &&
			     (!t->state->queue[place].holder.host ||
			      !plan_first_for(t->state, t->facts, gpu, place));
	return t->parts_stay[gpu] ? NEVER : t->facts->now_ns;
}

static void expect_ends(struct timetable *t, const struct plan_outlook *outlook)
{
	const struct plan_facts *facts = t->facts;

	for (size_t i = 0; i < t->state->slots_count; i++) {
		const struct slot *slot = &t->state->slots[i];

		if (slot->problem ||
		    (!slot->reservation && facts->use && facts->use[i] != USE_IDLE))
			t->free_ns[i] = NEVER;
	}
	for (size_t i = 0; i < t->state->reservations_count; i++) {
		const struct reservation *r = t->state->reservations[i];
		int64_t end_ns = outlook->ends_ns[i] == TIME_NONE ? NEVER : outlook->ends_ns[i];

		if (facts->life && facts->life[i] == HOLDER_ENDING)
			end_ns = facts->now_ns;
		for (size_t k = 0; k < r->gpus_count; k++)
			timetable_hold(t, r, r->gpus[k],
				       r->queue_id ? expect_part(t, r, r->gpus[k]) : end_ns);
	}
	for (size_t i = 0; i < t->state->slots_count; i++) {
		if (!plan_is_withheld(t->state, facts->policy, (int)i))
			continue;
		t->free_ns[i] = NEVER;
		t->parts_stay[i] = false;
	}
}

void plan_schedule(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_outlook *outlook, size_t places, int64_t *ret_starts_ns)
{
	AUTO(timetable_clear) struct timetable t;
	AUTO_FREE bool *starting = mem_alloc(state->queue_count, sizeof(*starting));
	AUTO_FREE int64_t *ends_ns = mem_alloc(state->queue_count, sizeof(*ends_ns));

	timetable_init(&t, state, facts);
	expect_ends(&t, outlook);
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		int64_t length_ns = outlook->lengths_ns[i], start_ns;
		bool active = plan_waiter_state(state, facts, i) == WAITER_ACTIVE;

		ret_starts_ns[i] = TIME_NONE;
		starting[i] = active && plan_limit_allows(state, facts, i, starting);
		if (starting[i]) {
			start_ns = timetable_place(&t, q);
			timetable_take(&t, q, start_ns, length_ns);
		} else if (active || plan_waits_for_limit(state, facts, i)) {
			/* Others are served until then: it takes nothing from them. */
			start_ns = later(timetable_soonest(&t, q),
					 expect_limit(state, facts, outlook, i, ends_ns));
		} else {
			continue;
		}
		ends_ns[i] = start_ns != NEVER && length_ns > 0 && length_ns < NEVER - start_ns
				     ? start_ns + length_ns
				     : NEVER;
		if (start_ns != NEVER)
			ret_starts_ns[i] = start_ns;
	}
}

/* ---- at the earliest ---- */

/* The announced end of a reservation; without one it may end now. */
static int64_t announced_end_ns(const struct reservation *r, enum holder_life life, int64_t now_ns)
{
	if (r->queue_id || (r->type == RESERVATION_RUN && life == HOLDER_ENDING))
		return now_ns;
	return r->type == RESERVATION_MANUAL ? r->expiry_ns : r->deadline_ns;
}

void plan_earliest_starts(const struct pool_state *state, const struct plan_facts *facts,
			  const struct plan *p, size_t places, int64_t *ret_starts_ns)
{
	AUTO(timetable_clear) struct timetable t;

	timetable_init(&t, state, facts);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		enum holder_life life = facts->life ? facts->life[i] : HOLDER_OUT_OF_SIGHT;

		for (size_t k = 0; k < r->gpus_count; k++) {
			t.parts_stay[r->gpus[k]] = r->queue_id != NULL;
			if (!plan_ends(p, r, r->gpus[k]))
				timetable_hold(&t, r, r->gpus[k],
					       announced_end_ns(r, life, facts->now_ns));
		}
	}
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		ret_starts_ns[i] = NEVER;
		if (plan_waiter_state(state, facts, i) == WAITER_ACTIVE)
			ret_starts_ns[i] = timetable_place(&t, &state->queue[i]);
	}
}

/* ---- next in line ---- */

static struct plan_next_in_line *add_successor(struct plan_next_in_line **successors, size_t *count,
					       const struct queue_entry *q, size_t gets)
{
	struct plan_next_in_line *successor;

	*successors = mem_resize(*successors, *count + 1, sizeof(**successors));
	successor = &(*successors)[(*count)++];
	*successor = (struct plan_next_in_line){.entry = q, .count = gets};
	return successor;
}

size_t plan_next_in_line(const struct pool_state *state, const struct plan_facts *facts,
			 const int *gpus, size_t gpus_count,
			 struct plan_next_in_line **ret_successors)
{
	AUTO_FREE int *left = mem_alloc(gpus_count, sizeof(*left));
	AUTO_FREE bool *starting = mem_alloc(state->queue_count, sizeof(*starting));
	struct plan_facts after = *facts;
	size_t left_count = 0, successors_count = 0;
	size_t open = 0; /* of those left, so many go to somebody, but which ones is not certain */

	*ret_successors = NULL;
	after.freed = gpus;
	after.freed_count = gpus_count;
	for (size_t i = 0; i < gpus_count; i++) {
		if (!plan_is_withheld(state, facts->policy, gpus[i]))
			left[left_count++] = gpus[i];
	}
	for (size_t i = 0; i < state->queue_count && open < left_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		size_t lacks = plan_entry_count(q), kept = 0, usable = 0, gets;
		struct plan_next_in_line *successor;

		lacks = lacks > q->collected_count ? lacks - q->collected_count : 0;
		for (size_t k = 0; k < left_count; k++)
			usable += could_have(q, left[k]);
		gets = open < usable ? usable - open : 0;
		gets = gets < lacks ? gets : lacks;
		starting[i] = gets && is_starting(state, &after, i, starting);
		if (!starting[i])
			continue;
		successor = add_successor(ret_successors, &successors_count, q, gets);
		successor->gpus = mem_alloc(usable, sizeof(*successor->gpus));
		for (size_t k = 0; k < left_count; k++) {
			if (could_have(q, left[k]))
				successor->gpus[successor->gpus_count++] = left[k];
			if (!could_have(q, left[k]) || gets < usable)
				left[kept++] = left[k];
		}
		left_count = kept;
		open += gets < usable ? gets : 0;
	}
	return successors_count;
}

void plan_next_in_line_free(struct plan_next_in_line *successors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(successors[i].gpus);
	free(successors);
}
