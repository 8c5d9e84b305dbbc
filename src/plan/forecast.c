/* When reservations end and waiting requests start: see forecast.h. */
#include "plan/forecast.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/kind.h"
#include "plan/limits.h"
#include "plan/queue.h"
#include "plan/schedule.h"
#include "plan/withheld.h"

static void expect_end(const struct pool_state *state, const struct plan_facts *facts,
		       const struct plan_past *past, size_t i, int64_t *ret_end_ns,
		       enum end_basis *ret_basis)
{
	const struct reservation *r = state->reservations[i];

	*ret_end_ns = r->type == RESERVATION_MANUAL ? r->expiry_ns : r->deadline_ns;
	*ret_basis = r->type == RESERVATION_MANUAL ? END_BASIS_EXPIRY : END_BASIS_LIMIT;
	if (r->type == RESERVATION_RUN && facts->life && facts->life[i] == HOLDER_ENDING) {
		*ret_end_ns = facts->now_ns;
		*ret_basis = END_BASIS_ENDED;
	}
	if (*ret_end_ns != TIME_NONE)
		return;
	*ret_basis = END_BASIS_NONE;
	/* A record of another program may end in any year. */
	if (r->type == RESERVATION_MANUAL || r->queue_id || !past->runs_ns[i] ||
	    past->runs_ns[i] > INT64_MAX - r->start_ns)
		return;
	*ret_end_ns = r->start_ns + past->runs_ns[i];
	*ret_basis = END_BASIS_PAST;
}

void plan_forecast(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_past *past, size_t places, struct forecast *ret_forecast)
{
	struct forecast f = {
		.ends_ns = mem_alloc(state->reservations_count, sizeof(*f.ends_ns)),
		.bases = mem_alloc(state->reservations_count, sizeof(*f.bases)),
		.starts_ns = mem_alloc(state->queue_count, sizeof(*f.starts_ns)),
	};
	AUTO_FREE int64_t *lengths_ns = mem_alloc(state->queue_count, sizeof(*lengths_ns));
	struct plan_outlook outlook = {.ends_ns = f.ends_ns, .lengths_ns = lengths_ns};

	for (size_t i = 0; i < state->reservations_count; i++)
		expect_end(state, facts, past, i, &f.ends_ns[i], &f.bases[i]);
	for (size_t i = 0; i < places && i < state->queue_count; i++)
		lengths_ns[i] = state->queue[i].type == RESERVATION_MANUAL
					? state->queue[i].duration_ns
					: past->entries_ns[i];
	plan_schedule(state, facts, &outlook, places, f.starts_ns);
	*ret_forecast = f;
}

void forecast_clear(struct forecast *f)
{
	free(f->ends_ns);
	free(f->bases);
	free(f->starts_ns);
	*f = (struct forecast){0};
}

bool plan_next_free(const struct pool_state *state, const struct plan_facts *facts,
		    const struct forecast *forecast, const struct queue_entry *entry,
		    struct plan_next_free *ret_next)
{
	struct plan_next_free next = {.gpu = -1, .time_ns = INT64_MAX};

	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		for (size_t k = 0; k < r->gpus_count; k++) {
			if (state->slots[r->gpus[k]].reservation != r || r->queue_id ||
			    (entry && !plan_entry_wants(entry, r->gpus[k])) ||
			    plan_is_withheld(state, facts->policy, r->gpus[k]) ||
			    forecast->ends_ns[i] == TIME_NONE ||
			    forecast->ends_ns[i] >= next.time_ns)
				continue;
			next = (struct plan_next_free){r->gpus[k], forecast->ends_ns[i], r};
		}
	}
	if (next.gpu < 0)
		return false;
	*ret_next = next;
	return true;
}

/* ---- what a refused request may hope for ---- */

/* The state with the request at the end of the queue. */
static void add_request(struct pool_state *state, const struct plan_facts *facts,
			const struct plan_request *request)
{
	struct queue_entry *q = pool_state_add_waiter(state);

	q->account = mem_strdup(request->actor.account);
	q->uid = quantity_of((int64_t)request->actor.uid);
	q->account_limit = plan_limit_gpus(facts->policy, &request->actor);
	q->type = request->type;
	q->requested_count = (int)plan_request_count(request);
	if (request->ids) {
		q->requested_ids = mem_alloc(request->ids_count, sizeof(*q->requested_ids));
		q->requested_ids_count = request->ids_count;
		for (size_t i = 0; i < request->ids_count; i++)
			q->requested_ids[i] = request->ids[i];
	}
	q->eligible = plan_find_eligible(state, facts, request, NULL, &q->eligible_count);
	q->duration_ns = request->duration_ns;
	q->enqueued_ns = q->heartbeat_ns = facts->now_ns;
	q->holder.host = mem_strdup(""); /* of this program */
}

/* Whether anybody has, or waits for, a GPU that the entry could use: else there is nothing to wait
   for that could be foreseen. */
static bool has_rivals(const struct pool_state *state, const struct plan_facts *facts, size_t place)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (plan_entry_wants(&state->queue[place], (int)i) &&
		    (state->slots[i].reservation || plan_first_for(state, facts, (int)i, place)))
			return true;
	}
	return false;
}

/* "next free about 13:10 (GPU 3, alice); --wait queues, to start about 15:40" */
static char *say_when(const struct pool_state *state, const struct plan_facts *facts,
		      const struct forecast *forecast, const struct plan_request *request)
{
	size_t place = state->queue_count - 1;
	const struct queue_entry *entry = &state->queue[place];
	/* When enough GPUs are free that are linked is not foreseen. */
	bool together = request->linked == PLACE_REQUIRED || request->same_numa == PLACE_REQUIRED;
	int64_t start_ns = together ? TIME_NONE : forecast->starts_ns[place];
	struct plan_next_free next = {.time_ns = facts->now_ns};
	char time[CLOCK_MINUTE_SIZE];
	struct str out = {0};

	if (!request->ids && plan_next_free(state, facts, forecast, entry, &next)) {
		AUTO_FREE char *who = account_label(next.holder->user, next.holder->account);

		str_addf(&out, "next free about %s (GPU %d, %s); ",
			 clock_local_soon(next.time_ns, facts->now_ns, time), next.gpu, who);
	}
	str_add(&out, "--wait queues");
	if (start_ns > next.time_ns)
		str_addf(&out, ", to start about %s",
			 clock_local_soon(start_ns, facts->now_ns, time));
	return str_steal(&out);
}

char *plan_when(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_past *past, const struct plan_request *request)
{
	size_t count = state->queue_count;
	AUTO_FREE enum holder_life *waiting = mem_alloc(count + 1, sizeof(*waiting));
	AUTO(pool_state_clear) struct pool_state queued = {0};
	AUTO(forecast_clear) struct forecast forecast = {0};
	struct plan_facts known = *facts;

	for (size_t i = 0; i < count; i++)
		waiting[i] = facts->waiting ? facts->waiting[i] : HOLDER_OUT_OF_SIGHT;
	waiting[count] = HOLDER_ALIVE;
	known.waiting = waiting;
	pool_state_copy(&queued, state);
	add_request(&queued, facts, request);
	if (!has_rivals(&queued, &known, count))
		return NULL;
	plan_forecast(&queued, &known, past, count + 1, &forecast);
	return say_when(&queued, &known, &forecast, request);
}
