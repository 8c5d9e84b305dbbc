/* One pass of guard; see guard.h. */
#include "pool/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/process.h"
#include "host/tree.h"
#include "plan/activity.h"
#include "pool/private.h"

/* One pass. */
struct pass {
	struct pool *pool;
	const struct plan_actor *actor;
	const struct guard_config *config;
	bool dry_run;
	struct scan_cache cache;
	struct guard_account *accounts;
	size_t accounts_count;
	struct pool_guarded *guarded;
};

static void pass_clear(struct pass *p)
{
	scan_cache_clear(&p->cache);
	free(p->accounts);
}

void pool_guarded_clear(struct pool_guarded *g)
{
	for (size_t i = 0; g->failures && i < g->steps.count; i++)
		free(g->failures[i]);
	free(g->failures);
	free(g->sent);
	guard_steps_clear(&g->steps);
	*g = (struct pool_guarded){.sent = NULL};
}

/* ---- for which accounts the rules do not count ---- */

/* Whether guard.spare names that account, or it has no name. */
static bool is_named(const struct guard_config *c, uid_t uid)
{
	AUTO_FREE char *name = host_account_name(uid);

	/* Nobody can be told, or it is one of another host, container or name service that fails.
	 */
	if (!name || !strncmp(name, "uid ", 4))
		return true;
	for (size_t i = 0; i < c->users_count; i++) {
		uid_t named;

		if (!strcmp(name, c->users[i]) ||
		    (host_account_find(c->users[i], &named) == 0 && named == uid))
			return true;
	}
	return false;
}

static bool is_in_group(const struct guard_config *c, uid_t uid)
{
	AUTO_FREE enum host_member *members = mem_alloc(c->groups_count, sizeof(*members));
	bool found = false;

	if (!c->groups_count)
		return false;
	host_account_groups(uid, (const char *const *)c->groups, c->groups_count, members);
	for (size_t i = 0; i < c->groups_count; i++)
		found |= members[i] != HOST_NO_MEMBER;
	return found;
}

static void add_account(struct pass *p, struct quantity uid)
{
	if (!uid.known || uid.value < 0)
		return;
	for (size_t i = 0; i < p->accounts_count; i++) {
		if (p->accounts[i].uid == (uid_t)uid.value)
			return;
	}
	p->accounts = mem_resize(p->accounts, p->accounts_count + 1, sizeof(*p->accounts));
	p->accounts[p->accounts_count++] = (struct guard_account){
		.uid = (uid_t)uid.value,
		.spared = is_named(p->config, (uid_t)uid.value) ||
			  is_in_group(p->config, (uid_t)uid.value),
	};
}

/* Everybody with a reservation or a process. */
static void add_accounts(struct pass *p)
{
	const struct observation *o = &p->cache.observation;

	for (size_t i = 0; i < p->cache.state.reservations_count; i++)
		add_account(p, p->cache.state.reservations[i]->uid);
	for (size_t i = 0; i < o->count; i++) {
		for (size_t k = 0; o->gpus[i] && k < o->gpus[i]->processes_count; k++)
			add_account(p, o->gpus[i]->processes[k].uid);
	}
}

/* Containers that no control group names, of what its GPU is not reserved for. */
static void find_insiders(struct observation *o, const struct pool_state *state)
{
	for (size_t i = 0; i < o->count; i++) {
		bool reserved = state->slots[i].reservation != NULL;

		for (size_t k = 0; o->gpus[i] && k < o->gpus[i]->processes_count; k++) {
			struct process *process = &o->gpus[i]->processes[k];

			if (process->uid.known && process->uid.value != 0 && !process->container &&
			    (process->foreign || !reserved) && !o->foreign_pids &&
			    host_process_is_inside(process->pid))
				process->container = mem_strdup("unknown");
		}
	}
}

/* ---- the decision ---- */

/* Scans, and asks the name services, while nothing is locked. */
static int look(struct pass *p, struct err *e)
{
	const struct scan_wish wish = {.fresh = false};
	int r = scan_cache_take(p->pool, &p->cache, &wish, e);

	if (r < 0)
		return r;
	observe_processes(&p->cache.observation, &p->cache.state);
	find_insiders(&p->cache.observation, &p->cache.state);
	add_accounts(p);
	return 0;
}

static int prepare(struct pool *pool, struct transaction *t, struct err *e)
{
	struct pass *p = t->argument;

	(void)pool;
	return scan_cache_is_old(&p->cache) ? look(p, e) : 0;
}

/* Since when the GPUs are idle, and when they were used, with what this scan shows. */
struct activities {
	int64_t *idle_since_ns, *last_active_ns;
};

static void activities_clear(struct activities *a)
{
	free(a->idle_since_ns);
	free(a->last_active_ns);
}

/* What is recorded of that is the transaction's, as in all that have a scan at hand. */
static void look_at_activity(const struct pass *p, const struct pool_state *state,
			     const struct plan_facts *facts, struct activities *ret)
{
	AUTO_FREE struct activity *now = mem_alloc(state->slots_count, sizeof(*now));
	AUTO(plan_clear) struct plan unused = {0};

	ret->idle_since_ns = mem_alloc(state->slots_count, sizeof(int64_t));
	ret->last_active_ns = mem_alloc(state->slots_count, sizeof(int64_t));
	plan_look(state, facts, facts->gpus, p->cache.observation.taken_ns, &unused, now);
	for (size_t i = 0; i < state->slots_count; i++) {
		int64_t since_ns;

		ret->last_active_ns[i] = now[i].last_active_ns;
		if (plan_activity(&now[i], facts->now_ns, &since_ns) == ACTIVITY_IDLE)
			ret->idle_since_ns[i] = since_ns;
	}
}

static struct guard_facts facts_of(const struct pass *p, const struct plan_facts *facts,
				   const struct activities *a)
{
	const struct guard_config *c = p->config;

	return (struct guard_facts){
		.scan_ns = p->cache.observation.taken_ns,
		.pids_known = !p->cache.observation.foreign_pids,
		.threshold_mb = p->pool->config.memory_threshold_mb,
		.within_hours = !c->has_hours || hours_have_time(&c->hours, facts->now_ns),
		/* Its scan is its own, or one that no other user can have made up (gpu/share.h). */
		.may_signal = p->actor->uid == 0,
		.uid = p->actor->uid,
		.actor = p->actor->account,
		.idle_since_ns = a ? a->idle_since_ns : NULL,
		.last_active_ns = a ? a->last_active_ns : NULL,
		.accounts = p->accounts,
		.accounts_count = p->accounts_count,
	};
}

static int decide(const struct pool_state *state, const struct plan_facts *facts, void *argument,
		  struct plan *plan, struct err *e)
{
	struct pass *p = argument;
	AUTO(activities_clear) struct activities a = {0};
	struct guard_facts guard;

	(void)e;
	guard_steps_clear(&p->guarded->steps);
	if (!p->dry_run && plan_guard_is_late(state, facts, p->cache.observation.taken_ns))
		return 0;
	look_at_activity(p, state, facts, &a);
	guard = facts_of(p, facts, &a);
	plan_guard(state, facts, &guard, &p->config->rules, plan, &p->guarded->steps);
	return 0;
}

/* ---- signals ---- */

/* To all processes of a run that are its account's. */
static int signal_run(const struct guard_step *step, struct err *e)
{
	AUTO(host_tree_clear) struct host_tree tree;
	int r;

	host_tree_init(&tree, step->reservation_id, &step->process);
	r = host_tree_refresh(&tree, e);
	/* The command first: it is what the run is. */
	if (r == 0)
		r = host_process_signal_of(&step->process, (uid_t)step->uid.value, SIGTERM, e);
	for (size_t i = 0; r == 0 && i < tree.members_count; i++) {
		if (tree.members[i].pid != step->process.pid)
			(void)host_process_signal_of(&tree.members[i], (uid_t)step->uid.value,
						     SIGTERM, NULL);
	}
	return r;
}

static int send(const struct guard_step *step, struct err *e)
{
	switch (step->deed) {
	case GUARD_TERM:
		return host_process_signal_of(&step->process, (uid_t)step->uid.value, SIGTERM, e);
	case GUARD_KILL:
		return host_process_signal_of(&step->process, (uid_t)step->uid.value, SIGKILL, e);
	case GUARD_SIGNAL_RUN:
		return signal_run(step, e);
	default:
		return -EINVAL;
	}
}

/* Sends what the committed steps ask for. Whether there was anything. */
static bool send_all(struct pool_guarded *g)
{
	bool any = false;

	g->sent = mem_alloc(g->steps.count, sizeof(*g->sent));
	g->failures = mem_alloc(g->steps.count, sizeof(*g->failures));
	for (size_t i = 0; i < g->steps.count; i++) {
		struct err e = {0};
		int r;

		if (!guard_deed_signals(g->steps.steps[i].deed))
			continue;
		any = true;
		r = send(&g->steps.steps[i], &e);
		g->sent[i] = r == 0 ? GUARD_SENT : r == -ESRCH ? GUARD_GONE : GUARD_NOT_SENT;
		g->failures[i] = r < 0 ? mem_strdup(e.text) : NULL;
	}
	return any;
}

static int decide_sent(const struct pool_state *state, const struct plan_facts *facts,
		       void *argument, struct plan *plan, struct err *e)
{
	struct pass *p = argument;
	const struct guard_facts guard = facts_of(p, facts, NULL);

	(void)e;
	plan_guard_sent(state, facts, &guard, &p->guarded->steps, p->guarded->sent, plan);
	return 0;
}

/* ---- the pass ---- */

static int check_actor(struct pool *p, const struct plan_actor *actor, bool dry_run, struct err *e)
{
	if (dry_run || pool_may_administer(p, actor))
		return 0;
	return plan_refuse_others(&p->config.policy, store_has_owner(p->store),
				  "run a pass (with --dry-run everybody may see what it would do)",
				  e);
}

int pool_guard(struct pool *p, const struct plan_actor *actor, const struct guard_config *config,
	       bool dry_run, struct pool_guarded *ret, struct err *e)
{
	AUTO(pool_guarded_clear) struct pool_guarded guarded = {.sent = NULL};
	AUTO(pass_clear)
	struct pass pass = {.pool = p,
			    .actor = actor,
			    .config = config,
			    .dry_run = dry_run,
			    .guarded = &guarded};
	struct transaction t = {.decide = decide,
				.argument = &pass,
				.cache = &pass.cache,
				.prepare = prepare,
				.author = actor,
				.dry_run = dry_run};
	/* Whose pool it is was found out, and not another scan may delay that. */
	struct transaction after = {.decide = decide_sent,
				    .argument = &pass,
				    .host = HOST_ANY,
				    .author = actor,
				    .without_liveness = true};
	int r = check_actor(p, actor, dry_run, e);

	if (r == 0)
		r = pool_transact(p, &t, NULL, e);
	if (r == 0 && !dry_run && send_all(&guarded))
		r = pool_transact(p, &after, NULL, e);
	if (r < 0)
		return r;
	*ret = guarded;
	guarded = (struct pool_guarded){.sent = NULL};
	return 0;
}
