/* Load, look, decide, commit: the transactions behind the commands. See pool.h. */
#include "pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "pool/private.h"

/* How often a decision is made anew because the store changed meanwhile. */
#define COMMIT_ATTEMPTS 200

void pool_config_clear(struct pool_config *c)
{
	free(c->store_url);
	free(c->fake_state_path);
	plan_policy_clear(&c->policy);
	*c = (struct pool_config){0};
}

int pool_open(const struct pool_config *config, struct pool **ret_pool, struct err *e)
{
	struct pool *p = mem_alloc(1, sizeof(*p));
	int r = store_open(config->store_url, &p->store, e);

	if (r < 0) {
		free(p);
		return r;
	}
	p->config = *config;
	p->config.store_url = mem_strdup(config->store_url);
	p->config.fake_state_path = mem_strdup(config->fake_state_path);
	plan_policy_copy(&p->config.policy, &config->policy);
	observer_init(&p->observer);
	*ret_pool = p;
	return 0;
}

struct pool *pool_close(struct pool *p)
{
	if (!p)
		return NULL;
	store_close(p->store);
	observer_clear(&p->observer);
	past_runs_clear(&p->past);
	pool_config_clear(&p->config);
	free(p);
	return NULL;
}

void pool_closep(struct pool **p)
{
	*p = pool_close(*p);
}

/* A short pause of random length, so that those who met do not meet again. */
void pool_pause(int attempt)
{
	int64_t limit_us = attempt < 8 ? 200 << attempt : 50000;
	struct timespec pause = {.tv_nsec = (clock_monotonic_ns() / 100 % limit_us) * 1000};

	nanosleep(&pause, NULL);
}

/* One attempt: load, decide, commit. */
static int transact_once(struct pool *p, pool_decide *decide, void *argument, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(liveness_clear) struct liveness liveness = {0};
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts;
	int r = store_load(p->store, STORE_UPDATE, &state, e);

	if (r < 0)
		return r;
	observe_liveness(&p->observer, &state, &liveness);
	facts = observe_facts(&liveness, &p->config.policy);
	r = decide(&state, &facts, argument, &plan, e);
	if (r < 0 || !plan.changes_count) {
		store_abandon(p->store);
		return r;
	}
	return store_commit(p->store, &state, plan.changes, plan.changes_count, e);
}

int pool_transact(struct pool *p, pool_decide *decide, void *argument, struct err *e)
{
	int r;

	for (int attempt = 0;; attempt++) {
		r = transact_once(p, decide, argument, e);
		if (r != -EAGAIN || attempt >= COMMIT_ATTEMPTS)
			return r;
		pool_pause(attempt);
	}
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
	return pool_transact(p, decide_cleanup, NULL, e);
}

int pool_watch(struct pool *p)
{
	return store_watch(p->store);
}

void pool_watch_drain(struct pool *p)
{
	store_watch_drain(p->store);
}

int pool_count(struct pool *p, size_t *ret_count, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = store_load(p->store, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r == 0)
		*ret_count = state.slots_count;
	return r;
}

bool pool_is_administrator(struct pool *p)
{
	return getuid() == 0 || store_owned_by(p->store, getuid());
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
	if (p->config.history_keep_ns <= 0 ||
	    (p->config.history_set_by_user && !pool_is_administrator(p)))
		return 0;
	return store_history_trim(p->store, clock_now_ns() - p->config.history_keep_ns, e);
}
