/* plan_forecast, with what the history tells. Only src/pool calls this; snapshots show the results.
 */
#ifndef POOL_FORECAST_H
#define POOL_FORECAST_H

#include "plan/forecast.h"
#include "pool/pool.h"

/*
 * Forecasts the first `places` entries of a state that has been cleaned up. Never fails: what
 * cannot be foreseen is unknown. Reads the newest part of the history at most every few minutes,
 * outside of any update. The caller clears it.
 */
void pool_forecast(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		   size_t places, struct forecast *ret_forecast);

/* For a request that was refused on that state: plan_when. The caller frees it. */
char *pool_when(struct pool *p, const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_request *request);

#endif
