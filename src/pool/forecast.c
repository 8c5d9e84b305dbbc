/* When reservations end and waiting requests start; see forecast.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "pool/forecast.h"
#include "pool/private.h"

/* From how long ago runs count for how long runs take, and the most records that are read. */
#define PAST_PERIOD_NS (30 * NS_PER_DAY)
#define PAST_RECORDS_MAX 1000
/* They are read again after this time: waiting requests ask often. */
#define PAST_KEEP_NS (300 * NS_PER_SECOND)

/* A history that cannot be read counts as empty until the next time. */
static void past_read(struct pool *p, int64_t now_ns)
{
	const struct usage_record *record = NULL;

	past_runs_clear(&p->past);
	p->past_read_ns = clock_monotonic_ns();
	if (store_history_begin_newest(p->store, now_ns - PAST_PERIOD_NS, PAST_RECORDS_MAX, NULL) <
	    0)
		return;
	while (store_history_next(p->store, &record, NULL) > 0)
		past_runs_add(&p->past, record);
	store_history_end(p->store);
	past_runs_finish(&p->past);
}

/* How long a run of that account takes; 0: unknown. */
static int64_t past_length_ns(struct pool *p, struct quantity uid, const char *account,
			      int64_t elapsed_ns, int64_t now_ns)
{
	if (!p->past_read_ns || clock_monotonic_ns() - p->past_read_ns > PAST_KEEP_NS)
		past_read(p, now_ns);
	return past_runs_length_ns(&p->past, uid, account, elapsed_ns);
}

/* How long what runs and what waits may take: the arrays of struct plan_past. */
struct past_lengths {
	int64_t *runs_ns, *entries_ns;
};

static void lengths_clear(struct past_lengths *l)
{
	free(l->runs_ns);
	free(l->entries_ns);
}

/* For the first `places` entries, with room for one more. The history is read only where something
   depends on it. */
static struct plan_past find_lengths(struct pool *p, const struct pool_state *state, int64_t now_ns,
				     size_t places, struct past_lengths *l)
{
	*l = (struct past_lengths){
		.runs_ns = mem_alloc(state->reservations_count, sizeof(*l->runs_ns)),
		.entries_ns = mem_alloc(state->queue_count + 1, sizeof(*l->entries_ns)),
	};
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (r->type == RESERVATION_RUN && r->deadline_ns == TIME_NONE && !r->queue_id)
			l->runs_ns[i] =
				past_length_ns(p, r->uid, r->account, now_ns - r->start_ns, now_ns);
	}
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];

		if (q->type == RESERVATION_RUN)
			l->entries_ns[i] = past_length_ns(p, q->uid, q->account, 0, now_ns);
	}
	return (struct plan_past){.runs_ns = l->runs_ns, .entries_ns = l->entries_ns};
}

void pool_forecast(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		   size_t places, struct forecast *ret_forecast)
{
	AUTO(lengths_clear) struct past_lengths lengths;
	struct plan_past past = find_lengths(p, state, facts->now_ns, places, &lengths);

	plan_forecast(state, facts, &past, places, ret_forecast);
}

char *pool_when(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request)
{
	AUTO(lengths_clear) struct past_lengths lengths;
	struct plan_past past = find_lengths(p, state, facts->now_ns, state->queue_count, &lengths);

	return plan_when(state, facts, &past, request);
}
