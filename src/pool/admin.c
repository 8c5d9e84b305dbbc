/* Making the pool of a host, and taking GPUs out of service: pool_admin and pool_drain of pool.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/private.h"

static int pool_check_hardware(const struct pool_admin_request *request, const struct scan *scan,
			       struct err *e)
{
	if (request->count > (int)scan->gpus_count)
		return err_set(e, ERANGE, "--gpus %d: this host has only %zu %s GPU(s)",
			       request->count, scan->gpus_count, scan->provider);
	if (!scan->gpus_count && gpu_is_simulated(scan->provider))
		return err_set(
			e, ENODEV,
			"nothing says how many %s GPUs there are: use --gpus N (for example: "
			"--gpus 8)",
			scan->provider);
	if (!scan->gpus_count)
		return err_set(e, ENODEV, "the %s driver shows no GPU%s", scan->provider,
			       scan->divided_count
				       ? ": all are in MIG mode, and have no instances yet"
				       : "");
	return 0;
}

/* Finds provider, number and UUIDs of the GPUs that the pool shall have. */
static int pool_admin_hardware(struct pool *p, const struct pool_admin_request *request,
			       const char **ret_provider, int *ret_count, struct scan *scan,
			       struct err *e)
{
	struct gpu_options options =
		pool_gpu_options(&p->config, request->provider, request->count);
	int r;

	options.topology = true;
	*ret_provider = request->provider;
	if (request->provider)
		r = gpu_scan(&options, scan, e);
	else
		r = gpu_detect(&options, ret_provider, scan, e);
	if (r < 0 && !request->provider) {
		struct err why = *e;

		return err_set(e, -r, "%s; to try canhazgpu without one: --provider fake --gpus 8",
			       why.text);
	}
	if (r < 0)
		return r;
	r = pool_check_hardware(request, scan, e);
	if (r < 0)
		return r;
	*ret_count = request->count ? request->count : (int)scan->gpus_count;
	if (*ret_count > POOL_GPUS_MAX)
		return err_set(e, ERANGE, "%d GPUs are more than the limit of %d", *ret_count,
			       POOL_GPUS_MAX);
	return 0;
}

const char *pool_providers(void)
{
	return gpu_providers();
}

/* What to record, in slot order. The caller frees the array, which borrows from the scan. */
static struct slot *pool_admin_units(const struct scan *scan, int count)
{
	struct slot *units = mem_alloc((size_t)count, sizeof(*units));

	for (int i = 0; i < count; i++)
		units[i] = plan_unit_of(scan, &scan->gpus[i]);
	return units;
}

/* What admin asks for, and what it has found out. */
struct making {
	struct pool *pool;
	const struct pool_admin_request *request;
	const char *provider;
	int count;
	struct slot *units;
	const char *topology;
};

/* Without force, an existing pool stays; with force, administrators alone may recreate it. */
static int pool_check_fresh(const struct making *m, const struct pool_state *state, struct err *e)
{
	if (!state->initialized)
		return 0;
	if (!m->request->force && pool_host_match(m->pool, state, NULL) == MACHINE_OTHER)
		return pool_refuse_other(m->pool, state, e);
	if (!m->request->force)
		return err_set(e, EEXIST,
			       "GPU pool already initialized with %zu GPUs. Use --force to "
			       "reinitialize",
			       state->slots_count);
	if (!pool_may_administer(m->pool, &m->request->actor))
		return plan_refuse_others(&m->pool->config.policy, store_has_owner(m->pool->store),
					  "recreate it, which ends everybody's reservations", e);
	return 0;
}

/* The same before the hardware is searched for, which may be missing or slow by now. */
static int pool_read_fresh(const struct making *m, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = pool_load(m->pool, STORE_READ, &state, e);

	if (r == 0 && !m->request->force)
		pool_host_match_surely(m->pool, &state);
	return r < 0 ? r : pool_check_fresh(m, &state, e);
}

static int decide_init(const struct pool_state *state, const struct plan_facts *facts,
		       void *argument, struct plan *plan, struct err *e)
{
	const struct making *m = argument;
	int r = pool_check_fresh(m, state, e);

	if (r < 0)
		return r;
	plan_init(state, facts, &m->request->actor, m->provider, m->units, (size_t)m->count, plan);
	plan_record_topology(m->topology, plan);
	return 0;
}

int pool_admin_check(struct pool *p, const struct pool_admin_request *request, struct err *e)
{
	AUTO(scan_clear) struct scan scan = {0};
	struct making m = {.pool = p, .request = request};
	int r = pool_read_fresh(&m, e);

	return r < 0 ? r : pool_admin_hardware(p, request, &m.provider, &m.count, &scan, e);
}

int pool_admin(struct pool *p, const struct pool_admin_request *request, int *ret_count,
	       struct err *e)
{
	AUTO(scan_clear) struct scan scan = {0};
	AUTO_FREE struct slot *units = NULL;
	struct making m = {.pool = p, .request = request};
	struct transaction t = {.decide = decide_init,
				.host = HOST_TAKES_OVER,
				.argument = &m,
				.author = &request->actor};
	int r = pool_read_fresh(&m, e);

	if (r == 0)
		r = pool_admin_hardware(p, request, &m.provider, &m.count, &scan, e);
	if (r < 0)
		return r;
	m.units = units = pool_admin_units(&scan, m.count);
	m.topology = scan.topology;
	r = pool_transact(p, &t, NULL, e);
	if (r == 0)
		*ret_count = m.count;
	return r;
}

struct drain {
	struct pool *pool;
	const struct plan_actor *actor;
	const int *ids;
	size_t ids_count;
	bool drain;
	const char *note;
};

static int decide_drain(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e)
{
	const struct drain *d = argument;
	int r = plan_require(state, e);

	if (r == 0 && !pool_may_administer(d->pool, d->actor))
		r = plan_refuse_others(facts->policy, store_has_owner(d->pool->store),
				       "take GPUs out of service, or put them back", e);
	if (r == 0)
		r = plan_drain(state, facts, d->actor, d->ids, d->ids_count, d->drain, d->note,
			       plan, e);
	return r;
}

int pool_drain(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
	       bool drain, const char *note, int **ret_ids, size_t *ret_count, struct err *e)
{
	struct drain d = {.pool = p,
			  .actor = actor,
			  .ids = ids,
			  .ids_count = ids_count,
			  .drain = drain,
			  .note = note};
	struct transaction t = {.decide = decide_drain, .argument = &d, .author = actor};
	AUTO(attempt_clear) struct attempt attempt = {0};
	int r = pool_transact(p, &t, &attempt, e);

	if (r < 0)
		return r;
	*ret_ids = mem_steal(&attempt.plan.affected_gpus);
	*ret_count = attempt.plan.affected_gpus_count;
	return 0;
}
