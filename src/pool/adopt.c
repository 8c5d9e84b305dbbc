/* Reservations for processes that run already: pool_adopt of pool.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "host/tree.h"
#include "pool/events.h"
#include "pool/private.h"

/* Whether the processes are on a GPU, and other accounts too: those count when they use as much as
   makes a GPU busy, or an unknown amount. */
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

struct adoption {
	const struct plan_request *request;
	const struct process_ref *processes;
	size_t count;
	struct scan_cache cache;
	enum adopted_use *use; /* per slot of the scan */
};

static void adoption_clear(struct adoption *a)
{
	scan_cache_clear(&a->cache);
	free(a->use);
	*a = (struct adoption){0};
}

/* Finds out on which GPUs of the scan the processes are. */
static void find_use(struct adoption *a, const struct host_tree *tree, int64_t threshold_mb)
{
	struct observation *o = &a->cache.observation;

	observe_processes(o, &a->cache.state);
	free(a->use);
	a->use = mem_alloc(o->count, sizeof(*a->use));
	/* The driver's pids may be of another namespace: then they name no process here. */
	for (size_t i = 0; i < o->count && !o->foreign_pids; i++)
		a->use[i] = use_of(o->gpus[i], tree, a->request->actor.uid, threshold_mb);
}

/* Scans the GPUs, and finds the processes on them. */
static int prepare_adopt(struct pool *p, struct transaction *t, struct err *e)
{
	AUTO(host_tree_clear) struct host_tree tree = {0};
	struct adoption *a = t->argument;
	/* The processes may have come to the GPUs a moment ago. */
	const struct scan_wish now = {.fresh = true};
	int r;

	if (!scan_cache_is_old(&a->cache))
		return 0;
	r = scan_cache_take(p, &a->cache, &now, e);
	if (r < 0)
		return r;
	host_tree_init(&tree, a->request->id, &a->processes[0]);
	for (size_t i = 1; i < a->count; i++)
		host_tree_add(&tree, &a->processes[i]);
	r = host_tree_refresh(&tree, e);
	if (r < 0)
		scan_cache_clear(&a->cache);
	else
		find_use(a, &tree, p->config.memory_threshold_mb);
	return r;
}

static int decide_adopt(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e)
{
	const struct adoption *a = argument;

	return plan_adopt(state, facts, a->request, a->use, plan, e);
}

int pool_adopt(struct pool *p, const struct plan_request *request,
	       const struct process_ref *processes, size_t count, struct pool_grant *ret_grant,
	       struct err *e)
{
	AUTO(adoption_clear)
	struct adoption a = {.request = request, .processes = processes, .count = count};
	AUTO(attempt_clear) struct attempt attempt = {0};
	struct transaction t = {
		.decide = decide_adopt,
		.argument = &a,
		.cache = &a.cache,
		.prepare = prepare_adopt,
		.author = &request->actor,
	};
	int r;

	do {
		attempt_clear(&attempt);
		r = pool_transact(p, &t, &attempt, e);
	} while (r == 0 && !attempt.plan.granted && pool_settle(&attempt, request));
	if (r == 0)
		scan_cache_grant(&a.cache, &attempt.plan, ret_grant);
	else if (r == -EDQUOT && e)
		pool_note_refusal(p, &attempt, request, e);
	return r;
}
