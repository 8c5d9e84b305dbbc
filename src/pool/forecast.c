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

static void expect_end(struct pool *p, const struct reservation *r, int64_t now_ns,
		       int64_t *ret_end_ns, enum end_basis *ret_basis)
{
	int64_t length_ns;

	*ret_end_ns = r->type == RESERVATION_MANUAL ? r->expiry_ns : r->deadline_ns;
	*ret_basis = r->type == RESERVATION_MANUAL ? END_BASIS_EXPIRY : END_BASIS_LIMIT;
	if (*ret_end_ns != TIME_NONE)
		return;
	*ret_basis = END_BASIS_NONE;
	if (r->type == RESERVATION_MANUAL || r->queue_id)
		return;
	length_ns = past_length_ns(p, r->uid, r->account, now_ns - r->start_ns, now_ns);
	/* A record of another program may end in any year. */
	if (!length_ns || length_ns > INT64_MAX - r->start_ns)
		return;
	*ret_end_ns = r->start_ns + length_ns;
	*ret_basis = END_BASIS_PAST;
}

void pool_forecast(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		   size_t places, struct forecast *ret_forecast)
{
	struct forecast f = {
		.ends_ns = mem_alloc(state->reservations_count, sizeof(*f.ends_ns)),
		.bases = mem_alloc(state->reservations_count, sizeof(*f.bases)),
		.lengths_ns = mem_alloc(state->queue_count, sizeof(*f.lengths_ns)),
		.starts_ns = mem_alloc(state->queue_count, sizeof(*f.starts_ns)),
	};
	struct plan_outlook outlook = {.ends_ns = f.ends_ns, .lengths_ns = f.lengths_ns};

	for (size_t i = 0; i < state->reservations_count; i++)
		expect_end(p, state->reservations[i], facts->now_ns, &f.ends_ns[i], &f.bases[i]);
	for (size_t i = 0; i < places && i < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];

		f.lengths_ns[i] = q->type == RESERVATION_MANUAL
					  ? q->duration_ns
					  : past_length_ns(p, q->uid, q->account, 0, facts->now_ns);
	}
	plan_schedule(state, facts, &outlook, places, f.starts_ns);
	*ret_forecast = f;
}

void forecast_clear(struct forecast *f)
{
	free(f->ends_ns);
	free(f->bases);
	free(f->lengths_ns);
	free(f->starts_ns);
	*f = (struct forecast){0};
}
