/*
 * When reservations are expected to end, and waiting requests to start. Only src/pool calls this;
 * snapshots show the results.
 */
#ifndef POOL_FORECAST_H
#define POOL_FORECAST_H

#include "plan/schedule.h"
#include "pool/pool.h"

/* What an expected end rests on. */
enum end_basis {
	END_BASIS_NONE,   /* nobody knows it */
	END_BASIS_EXPIRY, /* of a manual reservation */
	END_BASIS_LIMIT,  /* --timeout of a run */
	END_BASIS_PAST,   /* how long that account's runs have taken */
};

struct forecast {
	int64_t *ends_ns;      /* per reservation; TIME_NONE: unknown */
	enum end_basis *bases; /* per reservation */
	int64_t *lengths_ns;   /* per queue entry: how long it will hold its GPUs; 0: unknown */
	int64_t *starts_ns;    /* per queue entry; TIME_NONE: unknown */
};

/*
 * Forecasts the first `places` entries of a state that has been cleaned up. Never fails: what
 * cannot be foreseen is unknown. Reads the newest part of the history at most every few minutes,
 * outside of any update. The caller clears it.
 */
void pool_forecast(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		   size_t places, struct forecast *ret_forecast);
void forecast_clear(struct forecast *f);

#endif
