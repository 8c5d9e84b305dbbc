/* Load, look, decide, commit: the transactions behind the commands. See pool.h. */
#include "pool/pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu.h"
#include "host/tree.h"
#include "pool/observe.h"
#include "pool/private.h"

/* How often a decision is made anew because the store changed meanwhile. */
#define COMMIT_ATTEMPTS 200

/* How long a refusal waits for reservations whose command has ended already: their supervisors need
   a few milliseconds to release them. */
#define ENDING_WAIT_NS (2 * NS_PER_SECOND)

void pool_config_clear(struct pool_config *c)
{
	free(c->store_url);
	free(c->fake_state_path);
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
	pool_config_clear(&p->config);
	free(p);
	return NULL;
}

void pool_closep(struct pool **p)
{
	*p = pool_close(*p);
}

/* A short pause of random length, so that those who met do not meet again. */
static void pool_pause(int attempt)
{
	int64_t limit_us = attempt < 8 ? 200 << attempt : 50000;
	struct timespec pause = {.tv_nsec = (clock_monotonic_ns() / 100 % limit_us) * 1000};

	nanosleep(&pause, NULL);
}

/* Commits a plan; true if the decision must be made again, with *r set otherwise. */
static bool pool_commit_again(struct pool *p, const struct pool_state *state,
			      const struct plan *plan, int *attempt, int *r, struct err *e)
{
	if (!plan->changes_count) {
		store_abandon(p->store);
		*r = 0;
		return false;
	}
	*r = store_commit(p->store, state, plan->changes, plan->changes_count, e);
	if (*r != -EAGAIN || ++*attempt >= COMMIT_ATTEMPTS)
		return false;
	pool_pause(*attempt);
	return true;
}

int pool_cleanup(struct pool *p, struct err *e)
{
	int attempt = 0, r;
	bool again;

	do {
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO_FREE enum holder_life *life = NULL;
		AUTO(plan_clear) struct plan plan = {0};
		struct plan_facts facts = {0};

		r = store_load(p->store, STORE_UPDATE, &state, e);
		if (r < 0)
			return r;
		life = observe_lives(&p->observer, &state);
		facts.now_ns = clock_now_ns();
		facts.life = life;
		plan_cleanup(&state, &facts, &plan);
		again = pool_commit_again(p, &state, &plan, &attempt, &r, e);
	} while (again);
	return r;
}

/* ---- admin ---- */

static int pool_check_hardware(const struct pool_admin_request *request, const struct scan *scan,
			       struct err *e)
{
	if (request->count > (int)scan->gpus_count)
		return err_set(e, ERANGE, "--gpus %d: this host has only %zu %s GPU(s)",
			       request->count, scan->gpus_count, scan->provider);
	if (!scan->gpus_count)
		return err_set(e, ENODEV, "the %s driver shows no GPU", scan->provider);
	return 0;
}

/* Finds provider, number and UUIDs of the GPUs that the pool shall have. */
static int pool_admin_hardware(struct pool *p, const struct pool_admin_request *request,
			       const char **ret_provider, int *ret_count, struct scan *scan,
			       struct err *e)
{
	struct gpu_options options = {
		.provider = request->provider,
		.fake_count = request->count,
		.fake_state_path = p->config.fake_state_path,
	};
	int r;

	*ret_provider = request->provider;
	if (request->provider)
		r = gpu_scan(&options, scan, e);
	else
		r = gpu_detect(&options, ret_provider, scan, e);
	if (r < 0) {
		if (!request->provider)
			err_prefix(e,
				   "No GPUs found on this host (to try canhazgpu without one, use "
				   "--provider fake)");
		return r;
	}
	r = pool_check_hardware(request, scan, e);
	if (r < 0)
		return r;
	*ret_count = request->count ? request->count : (int)scan->gpus_count;
	if (*ret_count > POOL_GPUS_MAX)
		return err_set(e, ERANGE, "%d GPUs are more than the limit of %d", *ret_count,
			       POOL_GPUS_MAX);
	return 0;
}

/* The UUIDs to record, in slot order; NULL where they mean nothing. The caller frees the array. */
static const char **pool_admin_uuids(const struct scan *scan, int count)
{
	const char **uuids;

	if (!strcmp(scan->provider, "fake"))
		return NULL;
	uuids = mem_alloc((size_t)count, sizeof(char *));
	for (int i = 0; i < count; i++) {
		const struct gpu *gpu = scan_find(scan, i);

		uuids[i] = gpu ? gpu->uuid : NULL;
	}
	return uuids;
}

/* Without force, a pool that is there stays. */
static int pool_check_fresh(const struct pool_admin_request *request,
			    const struct pool_state *state, struct err *e)
{
	if (!state->initialized || request->force)
		return 0;
	return err_set(e, EEXIST,
		       "GPU pool already initialized with %zu GPUs. Use --force to reinitialize",
		       state->slots_count);
}

/* The same before the hardware is looked for, which may be away or slow by now. */
static int pool_look_fresh(struct pool *p, const struct pool_admin_request *request, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = store_load(p->store, STORE_READ, &state, e);

	return r < 0 ? r : pool_check_fresh(request, &state, e);
}

int pool_admin(struct pool *p, const struct pool_admin_request *request, int *ret_count,
	       struct err *e)
{
	AUTO(scan_clear) struct scan scan = {0};
	AUTO_FREE const char **uuids = NULL;
	const char *provider = NULL;
	int attempt = 0, count = 0, r;
	bool again;

	r = pool_look_fresh(p, request, e);
	if (r == 0)
		r = pool_admin_hardware(p, request, &provider, &count, &scan, e);
	if (r < 0)
		return r;
	uuids = pool_admin_uuids(&scan, count);
	do {
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO_FREE enum holder_life *life = NULL;
		AUTO(plan_clear) struct plan plan = {0};
		struct plan_facts facts = {0};

		r = store_load(p->store, STORE_UPDATE, &state, e);
		if (r < 0)
			return r;
		r = pool_check_fresh(request, &state, e);
		if (r < 0) {
			store_abandon(p->store);
			return r;
		}
		life = observe_lives(&p->observer, &state);
		facts.now_ns = clock_now_ns();
		facts.life = life;
		plan_init(&state, &facts, &request->actor, provider, (size_t)count, uuids, &plan);
		again = pool_commit_again(p, &state, &plan, &attempt, &r, e);
	} while (again);
	if (r == 0)
		*ret_count = count;
	return r;
}

/* ---- reserve ---- */

/* One attempt at a reservation, and what it went by. */
struct attempt {
	struct observation seen;
	struct pool_state state;
	enum holder_life *life;
	struct plan plan;
};

static void attempt_clear(struct attempt *a)
{
	observation_clear(&a->seen);
	pool_state_clear(&a->state);
	free(a->life);
	plan_clear(&a->plan);
	*a = (struct attempt){0};
}

/* Scans by the state as it is, then loads it again to decide: no lock is held across the scan. */
static int attempt_reserve(struct pool *p, const struct plan_request *request, struct attempt *a,
			   struct err *e)
{
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO_FREE int64_t *last_use_ns = NULL;
	struct plan_facts facts = {0};
	int r;

	r = store_load(p->store, STORE_READ, &before, e);
	if (r < 0)
		return r;
	if (before.initialized)
		observe_gpus(&p->config, &before, &a->seen);
	r = store_load(p->store, STORE_UPDATE, &a->state, e);
	if (r < 0)
		return r;
	/* Made anew between the two loads: what was seen belongs to other slots. */
	if (a->state.slots_count != before.slots_count) {
		store_abandon(p->store);
		return err_set(e, EAGAIN, "the pool changed meanwhile");
	}
	last_use_ns = mem_alloc(a->state.slots_count, sizeof(*last_use_ns));
	if (a->state.initialized)
		r = store_last_use(p->store, quantity_of((int64_t)request->actor.uid),
				   request->actor.account, last_use_ns, a->state.slots_count, e);
	a->life = observe_lives(&p->observer, &a->state);
	facts = (struct plan_facts){.now_ns = clock_now_ns(),
				    .use = a->seen.use,
				    .life = a->life,
				    .last_use_ns = last_use_ns};
	if (r == 0)
		r = plan_reserve(&a->state, &facts, request, &a->plan, e);
	if (r == 0)
		return store_commit(p->store, &a->state, a->plan.changes, a->plan.changes_count, e);
	/* Refused, but what is over has been found out: that is worth recording all the same. */
	if (r == -EBUSY && a->plan.changes_count)
		store_commit(p->store, &a->state, a->plan.changes, a->plan.changes_count, NULL);
	else
		store_abandon(p->store);
	return r;
}

/* True if a GPU counted as busy in the scan only because its reservation ended after it. */
static bool attempt_is_outdated(const struct attempt *a)
{
	for (size_t i = 0; i < a->state.slots_count; i++) {
		if (a->state.slots[i].last_released_ns >= a->seen.taken_ns)
			return true;
	}
	return false;
}

/*
 * A refusal may be early: commands that have ended hold GPUs until their supervisors have released
 * them. Waits for the first of those supervisors to finish; true if one did before the deadline.
 */
static bool attempt_wait_for_ending(const struct attempt *a, int64_t deadline_ns)
{
	AUTO_FREE struct pollfd *fds = mem_alloc(a->state.reservations_count, sizeof(*fds));
	int64_t left_ns = deadline_ns - clock_monotonic_ns();
	nfds_t count = 0;
	bool ended = false;

	for (size_t i = 0; i < a->state.reservations_count; i++) {
		const struct process_ref *ref = &a->state.reservations[i]->holder.supervisor;
		int fd;

		if (a->life[i] != HOLDER_ENDING)
			continue;
		if (host_pidfd_open(ref, &fd, NULL) < 0)
			ended = true;
		else
			fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	if (!ended && count && left_ns > 0)
		ended = poll(fds, count, (int)(left_ns / NS_PER_MS) + 1) > 0;
	for (nfds_t i = 0; i < count; i++)
		mem_auto_close(&fds[i].fd);
	return ended;
}

/* What the granted GPUs are called by the driver: numbers, or UUIDs where the numbers moved. */
static char *pool_visible(const struct reservation *r, const struct observation *seen)
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

void pool_grant_clear(struct pool_grant *g)
{
	reservation_free(g->reservation);
	free(g->provider);
	free(g->visible);
	*g = (struct pool_grant){0};
}

int pool_reserve(struct pool *p, const struct plan_request *request, struct pool_grant *ret_grant,
		 struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + ENDING_WAIT_NS;

	for (int attempt = 0;; attempt++) {
		AUTO(attempt_clear) struct attempt a = {0};
		int r = attempt_reserve(p, request, &a, e);

		if (r == 0) {
			ret_grant->visible = pool_visible(a.plan.granted, &a.seen);
			ret_grant->provider = mem_strdup(a.state.provider);
			ret_grant->reservation = mem_steal(&a.plan.granted);
			return 0;
		}
		if (attempt >= COMMIT_ATTEMPTS)
			return r;
		if (r == -EAGAIN)
			pool_pause(attempt);
		else if (r != -EBUSY || clock_monotonic_ns() > deadline_ns ||
			 (!attempt_is_outdated(&a) && !attempt_wait_for_ending(&a, deadline_ns)))
			return r;
	}
}

/* ---- release, end, heartbeat ---- */

int pool_release(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
		 int **ret_ids, size_t *ret_count, struct err *e)
{
	int attempt = 0, r;
	bool again;

	do {
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO_FREE enum holder_life *life = NULL;
		AUTO(plan_clear) struct plan plan = {0};
		struct plan_facts facts = {0};

		r = store_load(p->store, STORE_UPDATE, &state, e);
		if (r < 0)
			return r;
		life = observe_lives(&p->observer, &state);
		facts.now_ns = clock_now_ns();
		facts.life = life;
		r = plan_release(&state, &facts, actor, ids, ids_count, &plan, e);
		if (r < 0) {
			store_abandon(p->store);
			return r;
		}
		again = pool_commit_again(p, &state, &plan, &attempt, &r, e);
		if (!again && r == 0) {
			*ret_ids = mem_steal(&plan.freed);
			*ret_count = plan.freed_count;
		}
	} while (again);
	return r;
}

/* A store without a pool cannot tell what has become of a reservation: it was moved away, say. */
static int pool_require_there(const struct pool_state *state, struct err *e)
{
	if (state->initialized)
		return 0;
	return err_set(e, ENOENT, "the pool is not there (was its store moved or removed?)");
}

/* What happens to one reservation, found by id: its end, or a new heartbeat. */
static int pool_alter(struct pool *p, const char *id, bool end, int64_t time_ns,
		      size_t *ret_gpus_count, struct err *e)
{
	int attempt = 0, r;
	bool again;

	do {
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO(plan_clear) struct plan plan = {0};
		struct reservation *found;

		r = store_load(p->store, STORE_UPDATE, &state, e);
		if (r == 0)
			r = pool_require_there(&state, e);
		if (r < 0) {
			store_abandon(p->store);
			return r;
		}
		found = pool_state_find(&state, id);
		if (found && end)
			plan_end(&plan, found, found->gpus, found->gpus_count, time_ns,
				 END_RELEASED, NULL);
		else if (found)
			plan_renew(&plan, found, time_ns);
		again = pool_commit_again(p, &state, &plan, &attempt, &r, e);
		if (!again && r == 0)
			*ret_gpus_count = found ? found->gpus_count : 0;
	} while (again);
	return r;
}

int pool_end(struct pool *p, const char *id, int64_t end_ns, struct err *e)
{
	size_t gpus_count;

	return pool_alter(p, id, true, end_ns, &gpus_count, e);
}

int pool_heartbeat(struct pool *p, const char *id, size_t *ret_gpus_count, struct err *e)
{
	return pool_alter(p, id, false, clock_now_ns(), ret_gpus_count, e);
}

int pool_processes(struct pool *p, const char *id, pid_t **ret_pids, size_t *ret_count,
		   struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(observation_clear) struct observation seen = {0};
	AUTO_FREE pid_t *pids = NULL;
	struct reservation *found;
	size_t count = 0;
	int r = store_load(p->store, STORE_READ, &state, e);

	if (r == 0)
		r = pool_require_there(&state, e);
	if (r < 0)
		return r;
	found = pool_state_find(&state, id);
	if (found)
		observe_gpus(&p->config, &state, &seen);
	if (seen.problem)
		return err_set(e, EIO, "%s", seen.problem);
	for (size_t i = 0; found && i < found->gpus_count; i++) {
		const struct gpu *gpu = seen.gpus[found->gpus[i]];

		for (size_t k = 0; gpu && k < gpu->processes_count; k++) {
			pids = mem_resize(pids, count + 1, sizeof(*pids));
			pids[count++] = gpu->processes[k].pid;
		}
	}
	*ret_pids = mem_steal(&pids);
	*ret_count = count;
	return 0;
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

int pool_trim(struct pool *p, struct err *e)
{
	if (p->config.history_keep_ns <= 0)
		return 0;
	return store_history_trim(p->store, clock_now_ns() - p->config.history_keep_ns, e);
}
