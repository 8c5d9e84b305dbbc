/*
 * When reservations are expected to end, and waiting requests to start: the one forecast, which
 * `status`, `queue`, the page, a waiting request and a refusal show.
 */
#ifndef PLAN_FORECAST_H
#define PLAN_FORECAST_H

#include "plan/facts.h"
#include "plan/request.h"

/* How long things take, as the past tells. Arrays are as long as the state's; 0: unknown. */
struct plan_past {
	const int64_t *runs_ns;    /* per reservation: of a run without a time limit, from its
				      start */
	const int64_t *entries_ns; /* per queue entry that waits for a run */
};

/* What an expected end rests on. */
enum end_basis {
	END_BASIS_NONE,   /* nobody knows it */
	END_BASIS_EXPIRY, /* of a manual reservation */
	END_BASIS_LIMIT,  /* --timeout of a run */
	END_BASIS_PAST,   /* how long that account's runs have taken */
	END_BASIS_ENDED,  /* its command has ended: any moment */
};

struct forecast {
	int64_t *ends_ns;      /* per reservation; TIME_NONE: unknown */
	enum end_basis *bases; /* per reservation */
	int64_t *starts_ns;    /* per queue entry; TIME_NONE: unknown */
};

/*
 * Forecasts a state that has been cleaned up, and the first `places` entries of its queue: see
 * plan_schedule, also for what facts->use means. What cannot be foreseen is unknown. The caller
 * clears it.
 */
void plan_forecast(const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_past *past, size_t places, struct forecast *ret_forecast);
void forecast_clear(struct forecast *f);

/* The GPU that its holder gives back first, as far as that is known. */
struct plan_next_free {
	int gpu;
	int64_t time_ns;
	const struct reservation *holder;
};

/* Of those in service that `entry` could use (NULL: of all), the next one; false where no end is
   known. Who gets it is another question. */
bool plan_next_free(const struct pool_state *state, const struct plan_facts *facts,
		    const struct forecast *forecast, const struct queue_entry *entry,
		    struct plan_next_free *ret_next);

/*
 * When a request that is refused could be met, and how it would wait: "next free about 13:10 (GPU
 * 3, alice); --wait queues, to start about 15:40". `past` has room for one
 * entry more than the queue. NULL: nobody has what it asks for. Other people's text,
 * not yet made printable. The caller frees it.
 */
char *plan_when(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_past *past, const struct plan_request *request);

#endif
