/* One look at the GPUs, for those who decide about a request; see scan_cache.h. */
#include "pool/scan_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "pool/private.h"

void pool_grant_clear(struct pool_grant *g)
{
	reservation_free(g->reservation);
	free(g->provider);
	free(g->visible);
	*g = (struct pool_grant){0};
}

void scan_cache_clear(struct scan_cache *l)
{
	observation_clear(&l->seen);
	pool_state_clear(&l->state);
	*l = (struct scan_cache){0};
}

int scan_cache_take(struct pool *p, struct scan_cache *l, struct err *e)
{
	int r;

	scan_cache_clear(l);
	r = store_load(p->store, STORE_READ, &l->state, e);
	if (r == 0)
		r = plan_require(&l->state, e);
	if (r < 0)
		return r;
	l->taken_ns = clock_monotonic_ns();
	observe_gpus(&p->config, &p->observer, &l->state, &l->seen);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool scan_cache_fits(const struct scan_cache *l, const struct pool_state *state)
{
	if (!same_text(l->state.provider, state->provider) ||
	    l->state.slots_count != state->slots_count)
		return false;
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!same_text(l->state.slots[i].uuid, state->slots[i].uuid))
			return false;
	}
	return true;
}

/* What the granted GPUs are called by the driver: numbers, or UUIDs where the numbers moved. */
static char *visible_name(const struct reservation *r, const struct observation *seen)
{
	struct str out = {0};
	bool moved = false;

	for (size_t i = 0; i < r->gpus_count; i++) {
		const struct gpu *gpu = seen->gpus[r->gpus[i]];

		moved |= gpu && gpu->uuid && gpu->index != r->gpus[i];
	}
	for (size_t i = 0; i < r->gpus_count; i++) {
		const struct gpu *gpu = seen->gpus[r->gpus[i]];

		if (moved && gpu && gpu->uuid)
			str_addf(&out, "%s%s", i ? "," : "", gpu->uuid);
		else
			str_addf(&out, "%s%d", i ? "," : "", r->gpus[i]);
	}
	return str_steal(&out);
}

void scan_cache_grant(const struct scan_cache *l, struct plan *plan, struct pool_grant *ret_grant)
{
	ret_grant->visible = visible_name(plan->granted, &l->seen);
	ret_grant->provider = mem_strdup(l->state.provider);
	ret_grant->reservation = mem_steal(&plan->granted);
}
