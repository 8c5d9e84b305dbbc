/* Processes that do not count as use: pool_ignore and pool_count_again of pool.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "host/process.h"
#include "pool/private.h"

/* One call. */
struct ignoring {
	struct pool *pool;
	const struct plan_actor *actor;
	pid_t pid;
	const struct ignored_process *process; /* NULL: it is to count again */
};

static int check_actor(const struct ignoring *i, struct err *e)
{
	if (pool_may_administer(i->pool, i->actor))
		return 0;
	return plan_refuse_others(&i->pool->config.policy, store_has_owner(i->pool->store),
				  "decide which processes count as use of the GPUs", e);
}

/* How much memory a process has on a GPU, the most where it is on several. Unknown is too little to
   go by: then it could grow without an end. */
static int find_memory(const struct observation *o, pid_t pid, int64_t *ret_mb, struct err *e)
{
	bool found = false;

	*ret_mb = 0;
	for (size_t i = 0; i < o->count; i++) {
		for (size_t k = 0; o->gpus[i] && k < o->gpus[i]->processes_count; k++) {
			const struct process *p = &o->gpus[i]->processes[k];

			if (p->pid != pid)
				continue;
			found = true;
			if (!p->memory_mb.known)
				return err_set(e, EINVAL,
					       "the driver does not report how much memory process "
					       "%d has on GPU %zu: it cannot be ignored",
					       (int)pid, i);
			if (p->memory_mb.value > *ret_mb)
				*ret_mb = p->memory_mb.value;
		}
	}
	if (found)
		return 0;
	return err_set(e, ENOENT,
		       "no GPU of the pool is used by process %d: 'canhazgpu status' shows which "
		       "processes are there",
		       (int)pid);
}

/* What there is to know of the process. */
static int describe(const struct ignoring *i, const struct observation *o,
		    struct ignored_process *ret, struct err *e)
{
	struct process_info info;
	int64_t memory_mb;
	int r;

	if (o->problem)
		return err_set(e, EIO, "%s", o->problem);
	if (o->foreign_pids)
		return err_set(e, EINVAL,
			       "the driver's pids are those of another pid namespace: do this "
			       "outside the container");
	r = find_memory(o, i->pid, &memory_mb, e);
	if (r == 0)
		r = host_process_read(i->pid, &info, e);
	if (r < 0)
		return r;
	*ret = (struct ignored_process){
		.holder = {.host = mem_strdup(i->pool->observer.host),
			   .boot_id = mem_strdup(i->pool->observer.boot_id),
			   .command = {.pid = i->pid, .start_ticks = info.start_ticks}},
		.name = mem_strdup(info.name),
		.ignored_by = mem_strdup(i->actor->account),
		.ignored_ns = clock_now_ns(),
		.memory_mb = memory_mb,
	};
	return 0;
}

static int decide(const struct pool_state *state, const struct plan_facts *facts, void *argument,
		  struct plan *plan, struct err *e)
{
	const struct ignoring *i = argument;
	AUTO_FREE bool *is_alive = observe_ignored(&i->pool->observer, state);

	(void)facts;
	if (i->process)
		return plan_ignore(state, is_alive, i->process, plan, e);
	return plan_count_again(state, is_alive, i->pid, plan, e);
}

int pool_ignore(struct pool *p, const struct plan_actor *actor, pid_t pid,
		struct ignored_process *ret_process, struct err *e)
{
	struct ignoring i = {.pool = p, .actor = actor, .pid = pid};
	struct transaction t = {.decide = decide, .argument = &i, .author = actor};
	AUTO(ignored_process_clear) struct ignored_process process = {.name = NULL};
	AUTO(scan_cache_clear) struct scan_cache cache = {.taken_ns = 0};
	/* The process may have come to the GPU a moment ago. */
	const struct scan_wish now = {.fresh = true};
	int r = check_actor(&i, e);

	if (r == 0)
		r = scan_cache_take(p, &cache, &now, e);
	if (r == 0)
		r = describe(&i, &cache.observation, &process, e);
	if (r < 0)
		return r;
	i.process = &process;
	r = pool_transact(p, &t, NULL, e);
	if (r < 0)
		return r;
	*ret_process = process;
	process = (struct ignored_process){.name = NULL};
	return 0;
}

int pool_count_again(struct pool *p, const struct plan_actor *actor, pid_t pid, struct err *e)
{
	struct ignoring i = {.pool = p, .actor = actor, .pid = pid};
	struct transaction t = {.decide = decide, .argument = &i, .author = actor};
	int r = check_actor(&i, e);

	return r < 0 ? r : pool_transact(p, &t, NULL, e);
}
