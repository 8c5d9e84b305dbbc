/* Opening a pool, and its small questions; see pool.h. */
#include "pool/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/identity.h"
#include "pool/private.h"

void pool_config_clear(struct pool_config *c)
{
	free(c->store_url);
	free(c->fake_state_path);
	free(c->scan_directory);
	plan_policy_clear(&c->policy);
	*c = (struct pool_config){0};
}

struct gpu_options pool_gpu_options(const struct pool_config *config, const char *provider,
				    int count)
{
	return (struct gpu_options){
		.provider = provider,
		.fake_count = count,
		.fake_state_path = config->fake_state_path,
		.naming = (enum gpu_naming)config->naming,
		.timeout_ms = (int)(config->scan_limit_ns / NS_PER_MS),
		.share_directory = config->scan_directory,
	};
}

struct gpu_options pool_gpu_options_of(const struct pool_config *config,
				       const struct pool_state *state)
{
	struct gpu_options options =
		pool_gpu_options(config, state->provider, (int)state->slots_count);

	for (size_t i = 0; i < state->slots_count; i++)
		options.present_count += state->slots[i].retired_ns == TIME_NONE;
	return options;
}

static void config_copy(struct pool_config *to, const struct pool_config *from)
{
	*to = *from;
	to->store_url = mem_strdup(from->store_url);
	to->fake_state_path = mem_strdup(from->fake_state_path);
	to->scan_directory = mem_strdup(from->scan_directory);
	plan_policy_copy(&to->policy, &from->policy);
}

void pool_config_limit_scan(struct pool_config *c, int64_t limit_ns)
{
	if (!c->scan_limit_ns || c->scan_limit_ns > limit_ns)
		c->scan_limit_ns = limit_ns;
}

void pool_scan_afresh(struct pool *p)
{
	p->observer.fresh = true;
}

int pool_open(const struct pool_config *config, struct pool **ret_pool, struct err *e)
{
	struct pool *p = mem_alloc(1, sizeof(*p));
	int r = store_open(config->store_url, &p->store, e);

	if (r < 0) {
		free(p);
		return r;
	}
	config_copy(&p->config, config);
	observer_init(&p->observer);
	*ret_pool = p;
	return 0;
}

const struct pool_config *pool_config_of(const struct pool *pool)
{
	return &pool->config;
}

void pool_reconfigure(struct pool *p, const struct pool_config *config)
{
	struct pool_config fresh;

	config_copy(&fresh, config);
	mem_replace(&fresh.store_url, p->config.store_url);
	pool_config_clear(&p->config);
	p->config = fresh;
}

struct pool *pool_close(struct pool *p)
{
	if (!p)
		return NULL;
	store_close(p->store);
	observer_clear(&p->observer);
	past_runs_clear(&p->past);
	here_clear(&p->here);
	pool_config_clear(&p->config);
	free(p);
	return NULL;
}

void pool_closep(struct pool **p)
{
	*p = pool_close(*p);
}

static int decide_cleanup(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	(void)argument;
	(void)e;
	plan_cleanup(state, facts, plan);
	return 0;
}

int pool_cleanup(struct pool *p, struct err *e)
{
	struct transaction t = {.decide = decide_cleanup};

	return pool_transact(p, &t, NULL, e);
}

bool pool_has_external_writers(const struct pool *p)
{
	return store_has_external_writers(p->store);
}

int pool_watch(struct pool *p)
{
	return store_watch(p->store);
}

bool pool_watch_drain(struct pool *p)
{
	return store_watch_drain(p->store);
}

int pool_read(struct pool *p, struct pool_state *ret_state, struct err *e)
{
	int r = pool_load(p, STORE_READ, ret_state, e);

	return r < 0 ? r : plan_require(ret_state, e);
}

int pool_count(struct pool *p, size_t *ret_count, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = pool_read(p, &state, e);

	if (r == 0)
		*ret_count = state.slots_count;
	return r;
}

bool pool_is_administrator(struct pool *p)
{
	return host_own_uid() == 0 ||
	       (host_owner_is_certain() && store_owned_by(p->store, getuid()));
}

bool pool_backfills(struct pool *p)
{
	return p->config.backfill && (!p->config.backfill_set_by_user || pool_is_administrator(p));
}

bool pool_may_administer(struct pool *p, const struct plan_actor *actor)
{
	if (plan_is_administrator(actor))
		return true;
	return store_has_owner(p->store) ? store_owned_by(p->store, actor->uid)
					 : !p->config.policy.admin_group;
}

int pool_limit_wait(const struct pool *p, const struct plan_actor *actor, int64_t *limit_ns,
		    bool *ret_shortened, struct err *e)
{
	return plan_limit_wait(&p->config.policy, actor, limit_ns, ret_shortened, e);
}

int64_t pool_longest_ns(const struct pool *p, const struct plan_actor *actor)
{
	int64_t limit_ns = p->config.policy.max_duration_ns;

	return limit_ns && !plan_is_administrator(actor) ? limit_ns : INT64_MAX;
}

int pool_trim(struct pool *p, struct err *e)
{
	/* The history of another host is its own. */
	if (p->here.match == MACHINE_OTHER)
		return 0;
	if (p->config.history_keep_ns <= 0 ||
	    (p->config.history_set_by_user && !pool_is_administrator(p)))
		return 0;
	return store_history_trim(p->store, clock_now_ns() - p->config.history_keep_ns, e);
}
