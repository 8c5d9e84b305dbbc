/* Giving GPUs back, and who gets them: pool_release of pool.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/schedule.h"
#include "pool/private.h"

struct release {
	const struct plan_actor *actor;
	const struct plan_account *account; /* whose reservations; NULL: the actor's, or ids */
	const int *ids;
	size_t ids_count;
	struct pool_released released; /* the result */
};

void pool_released_clear(struct pool_released *r)
{
	for (size_t i = 0; i < r->heirs_count; i++) {
		free(r->heirs[i].user);
		free(r->heirs[i].gpus);
	}
	free(r->heirs);
	free(r->gpus);
	*r = (struct pool_released){0};
}

/* Keeps who is next, as the state says that was decided on. */
static void keep_heirs(const struct pool_state *state, const struct plan_facts *facts,
		       struct pool_released *released)
{
	struct plan_heir *heirs = NULL;
	size_t count = plan_heirs(state, facts, released->gpus, released->gpus_count, &heirs);

	released->heirs = mem_alloc(count, sizeof(*released->heirs));
	for (size_t i = 0; i < count; i++) {
		struct pool_heir *to = &released->heirs[released->heirs_count++];

		memcpy(to->entry_id, heirs[i].entry->id, ID_SIZE);
		to->user = mem_strdup(heirs[i].entry->user);
		to->count = heirs[i].count;
		to->gpus = mem_steal(&heirs[i].gpus);
		to->gpus_count = heirs[i].gpus_count;
	}
	plan_heirs_free(heirs, count);
}

static int decide_release(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	struct release *release = argument;
	int r = release->account ? plan_release_account(state, facts, release->actor,
							release->account, plan, e)
				 : plan_release(state, facts, release->actor, release->ids,
						release->ids_count, plan, e);

	if (r < 0)
		return r;
	pool_released_clear(&release->released);
	release->released.gpus = mem_steal(&plan->freed);
	release->released.gpus_count = plan->freed_count;
	keep_heirs(state, facts, &release->released);
	return 0;
}

static int run_release(struct pool *p, struct release *release, struct pool_released *ret_released,
		       struct err *e)
{
	int r = pool_transact(p, decide_release, release, e);

	if (r < 0) {
		pool_released_clear(&release->released);
		return r;
	}
	*ret_released = release->released;
	return 0;
}

int pool_release(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
		 struct pool_released *ret_released, struct err *e)
{
	struct release release = {.actor = actor, .ids = ids, .ids_count = ids_count};

	return run_release(p, &release, ret_released, e);
}

int pool_release_account(struct pool *p, const struct plan_actor *actor,
			 const struct plan_account *account, struct pool_released *ret_released,
			 struct err *e)
{
	struct release release = {.actor = actor, .account = account};

	return run_release(p, &release, ret_released, e);
}
