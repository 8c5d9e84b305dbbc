/* Recording what a scan shows of the use of reserved GPUs; see look.h. */
#include "pool/look.h"

#include "base/mem.h"
#include "pool/private.h"
#include "pool/snapshot.h"

/* Whoever may read and not write, or reads a replica, tries again after so long: some stores take
   seconds to refuse. */
#define FAILURE_PAUSE_NS (600 * NS_PER_SECOND)

bool pool_look_is_trusted(struct pool *p, const struct observation *seen)
{
	return seen->scan.trusted || seen->scan.simulated || pool_is_administrator(p);
}

/* A slot that means another card by now has another look: plan_look compares the cards. */
static int decide_look(const struct pool_state *state, const struct plan_facts *facts,
		       void *argument, struct plan *plan, struct err *e)
{
	const struct observation *seen = argument;

	(void)e;
	if (seen->count == state->slots_count)
		plan_look(state, facts, seen->gpus, seen->taken_ns, plan, NULL);
	return 0;
}

static int record(struct pool *p, const struct observation *seen, struct err *e)
{
	struct transaction t = {
		.decide = decide_look,
		.host = HOST_ANY,
		.argument = (void *)(uintptr_t)seen,
		.without_liveness = true,
	};

	int64_t now_ns = clock_monotonic_ns();
	int r;

	if (seen->problem || !pool_look_is_trusted(p, seen) ||
	    (p->look_failed_ns && now_ns - p->look_failed_ns < FAILURE_PAUSE_NS))
		return 0;
	r = pool_transact(p, &t, NULL, e);
	p->look_failed_ns = r < 0 ? now_ns : 0;
	return r;
}

int pool_look_snapshot(struct pool *p, const struct snapshot *s, struct err *e)
{
	return s->look_due ? record(p, &s->seen, e) : 0;
}

static int load_due(struct pool *p, struct pool_state *ret_state, bool *ret_due, struct err *e)
{
	struct plan_facts facts = {.clock = p->observer.clock};
	int r = pool_load(p, STORE_READ, ret_state, e);

	clock_moment(&facts.now_ns, &facts.boot_ns);
	*ret_due = r == 0 && plan_look_is_due(ret_state, &facts);
	return r;
}

bool pool_look_is_due(struct pool *p)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	bool due = false;

	load_due(p, &state, &due, NULL);
	return due;
}

int pool_look(struct pool *p, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(observation_clear) struct observation seen = {0};
	struct pool_config config = p->config;
	bool due;
	int r = load_due(p, &state, &due, e);

	if (r < 0 || !due)
		return r;
	/* Which names are certain is of no importance for what already runs. */
	config.naming = GPU_NAMING_AUTO;
	observe_gpus(&config, &p->observer, &state, NULL, &seen);
	return record(p, &seen, e);
}
