/* Reservations for processes that run already: pool_adopt of pool.h. Looks at the GPUs, finds the
   processes there, decides, and commits. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "host/tree.h"
#include "pool/private.h"
#include "pool/scan_cache.h"

/* How often a decision is made anew because the store changed meanwhile. */
#define ADOPT_ATTEMPTS 200
/* A look at the GPUs that is older than this is repeated before the next decision. */
#define LOOK_LIMIT_NS NS_PER_SECOND

/* Who is on a GPU. Others count when they use as much as makes a GPU busy, or nobody knows. */
static enum adopted_use use_of(const struct gpu *gpu, const struct host_tree *tree, uid_t owner,
			       int64_t threshold_mb)
{
	bool adopted = false, unknown = false;
	int64_t others_mb = 0;

	for (size_t i = 0; gpu && i < gpu->processes_count; i++) {
		const struct process *process = &gpu->processes[i];

		if (process->pid > 0 && host_tree_has(tree, process->pid))
			adopted = true;
		else if (process->uid.known && process->uid.value == (int64_t)owner)
			continue;
		else if (process->memory_mb.known)
			others_mb += process->memory_mb.value;
		else
			unknown = true;
	}
	if (!adopted)
		return ADOPTED_NONE;
	return unknown || others_mb > threshold_mb ? ADOPTED_SHARED : ADOPTED_ALONE;
}

/* What is known about the GPUs and about the processes on them. */
struct adoption {
	struct scan_cache look;
	enum adopted_use *use; /* per slot */
};

static void adoption_clear(struct adoption *a)
{
	scan_cache_clear(&a->look);
	free(a->use);
	*a = (struct adoption){0};
}

static int adoption_look(struct pool *p, const struct plan_request *request,
			 const struct process_ref *processes, size_t count, struct adoption *a,
			 struct err *e)
{
	AUTO(host_tree_clear) struct host_tree tree = {0};
	int r;

	adoption_clear(a);
	r = scan_cache_take(p, &a->look, e);
	if (r < 0)
		return r;
	host_tree_init(&tree, request->id, &processes[0]);
	for (size_t i = 1; i < count; i++)
		host_tree_add(&tree, &processes[i]);
	r = host_tree_refresh(&tree, NULL, 0, e);
	if (r < 0)
		return r;
	observe_processes(&a->look.seen, &a->look.state);
	a->use = mem_alloc(a->look.seen.count, sizeof(*a->use));
	/* Where the driver counts pids otherwise than this host, they name nobody. */
	for (size_t i = 0; i < a->look.seen.count && !a->look.seen.foreign_pids; i++)
		a->use[i] = use_of(a->look.seen.gpus[i], &tree, request->actor.uid,
				   p->config.memory_threshold_mb);
	return 0;
}

static int adoption_commit(struct pool *p, const struct plan_request *request, struct adoption *a,
			   struct pool_grant *ret_grant, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(liveness_clear) struct liveness liveness = {0};
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts;
	int r = store_load(p->store, STORE_UPDATE, &state, e);

	if (r < 0)
		return r;
	if (!scan_cache_fits(&a->look, &state)) {
		store_abandon(p->store);
		a->look.taken_ns = 0;
		return err_set(e, EAGAIN, "the pool was made anew meanwhile");
	}
	observe_liveness(&p->observer, &state, &liveness);
	facts = observe_facts(&liveness, &p->config.policy);
	facts.use = a->look.seen.use;
	r = plan_adopt(&state, &facts, request, a->use, &plan, e);
	if (r < 0) {
		store_abandon(p->store);
		return r;
	}
	r = store_commit(p->store, &state, plan.changes, plan.changes_count, e);
	if (r == 0)
		scan_cache_grant(&a->look, &plan, ret_grant);
	return r;
}

int pool_adopt(struct pool *p, const struct plan_request *request,
	       const struct process_ref *processes, size_t count, struct pool_grant *ret_grant,
	       struct err *e)
{
	AUTO(adoption_clear) struct adoption a = {0};

	for (int attempt = 0;; attempt++) {
		int r = 0;

		if (!a.look.taken_ns || clock_monotonic_ns() - a.look.taken_ns > LOOK_LIMIT_NS)
			r = adoption_look(p, request, processes, count, &a, e);
		if (r == 0)
			r = adoption_commit(p, request, &a, ret_grant, e);
		if (r != -EAGAIN || attempt >= ADOPT_ATTEMPTS)
			return r;
		pool_pause(attempt);
	}
}
