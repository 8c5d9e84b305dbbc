/*
 * What the holder of a reservation does with it, by its id: the supervisor of a run renews it,
 * lists the processes on its GPUs, and ends it. See pool.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/private.h"

/* A store without a pool, moved away perhaps, does not say what has become of a reservation. */
static int holder_require(const struct pool_state *state, struct err *e)
{
	if (state->initialized)
		return 0;
	return err_set(e, ENOENT, "the pool is gone (was its store moved or removed?)");
}

/* Where a reservation seems to have lost GPUs: one whose state cannot be read may still be its. */
static int holder_require_readable(const struct pool_state *state, struct err *e)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (state->slots[i].problem)
			return err_set(e, EBADMSG, "the state of GPU %d cannot be read: %s",
				       state->slots[i].id, state->slots[i].problem);
	}
	return 0;
}

/* What is asked for one reservation, and what is found. */
struct alteration {
	const struct plan_actor *actor;
	const char *id;
	size_t granted; /* GPUs that it had at first */
	bool end;
	int64_t ended_boot_ns;
	const struct process_ref *command;    /* renewal: the process that replaces it, or NULL */
	const struct process_ref *supervisor; /* the same */
	size_t gpus_count;                    /* the result: GPUs that it had */
};

static int decide_alteration(const struct pool_state *state, const struct plan_facts *facts,
			     void *argument, struct plan *plan, struct err *e)
{
	struct alteration *a = argument;
	const struct reservation *found = pool_state_find(state, a->id);
	int r = holder_require(state, e);

	a->gpus_count = found ? found->gpus_count : 0;
	if (r == 0 && a->gpus_count < a->granted)
		r = holder_require_readable(state, e);
	if (r < 0 || !found)
		return r;
	if (!plan_owns(a->actor, found))
		return err_set(e, EPERM, "reservation %s is not yours", a->id);
	if (a->end)
		plan_end(plan, found, found->gpus, found->gpus_count,
			 facts->now_ns - (facts->boot_ns - a->ended_boot_ns), END_RELEASED, NULL);
	else
		plan_renew(plan, found, facts->now_ns, a->command, a->supervisor);
	return 0;
}

static int alter(struct pool *p, struct alteration *a, struct err *e)
{
	struct transaction t = {
		.decide = decide_alteration, .host = HOST_ANY, .argument = a, .author = a->actor};

	return pool_transact(p, &t, NULL, e);
}

int pool_end(struct pool *p, const struct plan_actor *actor, const char *id, int64_t ended_boot_ns,
	     struct err *e)
{
	struct alteration a = {
		.actor = actor, .id = id, .end = true, .ended_boot_ns = ended_boot_ns};

	return alter(p, &a, e);
}

int pool_heartbeat(struct pool *p, const struct plan_actor *actor,
		   const struct reservation *granted, const struct process_ref *command,
		   size_t *ret_gpus_count, struct err *e)
{
	struct alteration a = {.actor = actor,
			       .id = granted->id,
			       .granted = granted->gpus_count,
			       .command = command};
	int r = alter(p, &a, e);

	if (r == 0)
		*ret_gpus_count = a.gpus_count;
	return r;
}

int pool_held_by_hand(struct pool *p, const struct plan_actor *actor, const int *ids, size_t count,
		      size_t *ret_held, int64_t *ret_left_ns, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int64_t now_ns, end_ns;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = holder_require(&state, e);
	if (r < 0)
		return r;
	now_ns = clock_now_ns();
	*ret_held = plan_count_manual(&state, now_ns, actor, ids, count, &end_ns);
	*ret_left_ns = end_ns == TIME_NONE ? INT64_MAX : end_ns - now_ns;
	return *ret_held < count ? holder_require_readable(&state, e) : 0;
}

int pool_set_supervisor(struct pool *p, const struct plan_actor *actor, const char *id,
			const struct process_ref *supervisor, struct err *e)
{
	struct alteration a = {.actor = actor, .id = id, .supervisor = supervisor};

	return alter(p, &a, e);
}

/* Whether the processes of slot id are all visible: a list that may be incomplete proves nothing.
 */
static bool holder_sees(const struct observation *o, int id)
{
	const struct gpu *gpu = o->gpus[id];

	if (!gpu || !gpu->processes_known || o->use[id] >= USE_UNKNOWN)
		return false;
	/* Memory without a process: the driver hides whose it is (containers, other rights). */
	if (o->use[id] == USE_BUSY && !gpu->processes_count)
		return false;
	for (size_t i = 0; i < gpu->processes_count; i++) {
		if (gpu->processes[i].pid <= 0 || o->foreign_pids)
			return false;
	}
	return true;
}

int pool_processes(struct pool *p, const char *id, pid_t **ret_pids, size_t *ret_count,
		   struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(observation_clear) struct observation observation = {0};
	AUTO_FREE pid_t *pids = NULL;
	struct pool_config config = p->config;
	/* What used the GPUs a moment ago may have ended, and what uses them now decides. */
	const struct scan_wish now = {.fresh = true};
	const struct reservation *found;
	size_t count = 0;
	int r = pool_load(p, STORE_READ, &state, e);

	/* Which names are certain is of no importance for what already runs. */
	config.naming = GPU_NAMING_AUTO;
	if (r == 0)
		r = holder_require(&state, e);
	if (r < 0)
		return r;
	found = pool_state_find(&state, id);
	if (found)
		observe_gpus(&config, &p->observer, &state, &now, &observation);
	for (size_t i = 0; found && i < found->gpus_count; i++) {
		const struct gpu *gpu = observation.gpus[found->gpus[i]];

		if (!holder_sees(&observation, found->gpus[i]))
			return err_set(e, ENODATA, "not all processes on GPU %d are visible",
				       found->gpus[i]);
		for (size_t k = 0; k < gpu->processes_count; k++) {
			pids = mem_resize(pids, count + 1, sizeof(*pids));
			pids[count++] = gpu->processes[k].pid;
		}
	}
	*ret_pids = mem_steal(&pids);
	*ret_count = count;
	return 0;
}
