/* A scan that is kept while a request is decided; see scan_cache.h. */
#include "pool/scan_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/grant.h"
#include "pool/private.h"

/* A scan that is older than this is repeated before the next decision. */
#define SCAN_LIMIT_NS NS_PER_SECOND

void scan_cache_clear(struct scan_cache *cache)
{
	observation_clear(&cache->observation);
	pool_state_clear(&cache->state);
	*cache = (struct scan_cache){0};
}

int scan_cache_take(struct pool *p, struct scan_cache *cache, const struct scan_wish *wish,
		    struct err *e)
{
	int r;

	scan_cache_clear(cache);
	r = pool_load(p, STORE_READ, &cache->state, e);
	if (r == 0)
		r = plan_require(&cache->state, e);
	if (r < 0)
		return r;
	observe_gpus(&p->config, &p->observer, &cache->state, wish, &cache->observation);
	/* Counted from the end: a driver that takes longer than the limit would be asked for ever.
	 */
	cache->taken_ns = clock_monotonic_ns();
	return 0;
}

bool scan_cache_is_old(const struct scan_cache *cache)
{
	return !cache->taken_ns || clock_monotonic_ns() - cache->taken_ns > SCAN_LIMIT_NS;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* What is ignored decides what counts as use. */
static bool same_ignored(const struct pool_state *a, const struct pool_state *b)
{
	if (a->ignored_count != b->ignored_count)
		return false;
	for (size_t i = 0; i < a->ignored_count; i++) {
		if (!ignored_is_same(&a->ignored[i], &b->ignored[i]) ||
		    a->ignored[i].memory_mb != b->ignored[i].memory_mb)
			return false;
	}
	return true;
}

bool scan_cache_fits(const struct scan_cache *cache, const struct pool_state *state)
{
	if (!same_text(cache->state.provider, state->provider) ||
	    cache->state.slots_count != state->slots_count)
		return false;
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!same_text(cache->state.slots[i].uuid, state->slots[i].uuid))
			return false;
	}
	return same_ignored(&cache->state, state);
}

bool scan_cache_is_outdated(const struct scan_cache *cache, const struct slot *slot)
{
	/* A time in the future is no time: a clock was set, or is that of another host. */
	return !slot->reservation && slot->last_released_ns >= cache->observation.taken_ns &&
	       slot->last_released_ns <= clock_now_ns();
}

int scan_cache_check(struct scan_cache *cache, const struct pool_state *state, struct err *e)
{
	if (!scan_cache_fits(cache, state)) {
		scan_cache_clear(cache);
		return err_set(e, EAGAIN, "the pool was changed in the meantime");
	}
	for (size_t i = 0; i < state->slots_count; i++) {
		enum gpu_use *use = &cache->observation.use[i];

		if (*use == USE_IDLE && scan_cache_is_outdated(cache, &state->slots[i]))
			*use = USE_UNKNOWN;
	}
	return 0;
}

int scan_cache_check_names(const struct scan_cache *cache, enum gpu_naming naming, struct err *e)
{
	const struct observation *o = &cache->observation;

	if (naming != GPU_NAMING_INDEX || (!o->problem && !o->scan.no_ordinals))
		return 0;
	return err_set(e, EINVAL,
		       "run.visible is 'index', but numbers may mean other GPUs here: %s - set it "
		       "to 'auto' or 'uuid'",
		       o->problem ? o->problem : o->scan.no_ordinals);
}

void scan_cache_grant(const struct scan_cache *cache, struct plan *plan,
		      struct pool_grant *ret_grant)
{
	ret_grant->reservation = mem_steal(&plan->granted);
	grant_name_gpus(ret_grant, cache);
}
