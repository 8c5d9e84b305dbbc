/* Giving GPUs back, and who gets them: pool_release of pool.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/schedule.h"
#include "pool/private.h"

/* What is asked for. */
struct release {
	const struct plan_actor *actor;
	const struct plan_account *account; /* whose reservations; NULL: the actor's, or ids */
	bool requests;                      /* of the account, too */
	const char *id;                     /* which reservation; NULL: the actor's, or ids */
	const int *ids;
	size_t ids_count;
	bool *cancelled; /* per queue entry, as decided last; NULL: none */
};

void pool_released_clear(struct pool_released *r)
{
	for (size_t i = 0; i < r->successors_count; i++) {
		free(r->successors[i].user);
		free(r->successors[i].gpus);
	}
	free(r->successors);
	free(r->cancelled);
	free(r->gpus);
	*r = (struct pool_released){0};
}

/* Lists who is next, by the state that the release was decided on. */
static void keep_successors(const struct pool_state *state, const struct plan_facts *facts,
			    struct pool_released *released)
{
	struct plan_next_in_line *successors = NULL;
	size_t count =
		plan_next_in_line(state, facts, released->gpus, released->gpus_count, &successors);

	released->successors = mem_alloc(count, sizeof(*released->successors));
	for (size_t i = 0; i < count; i++) {
		struct next_in_line *to = &released->successors[released->successors_count++];

		memcpy(to->entry_id, successors[i].entry->id, ID_SIZE);
		to->user = account_label(successors[i].entry->user, successors[i].entry->account);
		to->count = successors[i].count;
		to->gpus = mem_steal(&successors[i].gpus);
		to->gpus_count = successors[i].gpus_count;
	}
	plan_next_in_line_free(successors, count);
}

static int decide_release(const struct pool_state *state, const struct plan_facts *facts,
			  void *argument, struct plan *plan, struct err *e)
{
	struct release *release = argument;

	if (release->requests) {
		free(release->cancelled);
		release->cancelled = mem_alloc(state->queue_count, sizeof(*release->cancelled));
	}
	if (release->account)
		return plan_release_account(state, facts, release->actor, release->account,
					    release->cancelled, plan, e);
	if (release->id)
		return plan_release_id(state, facts, release->actor, release->id, plan, e);
	return plan_release(state, facts, release->actor, release->ids, release->ids_count, plan,
			    e);
}

/* Lists what was cancelled, which is nobody's successor then. */
static void keep_cancelled(struct pool_state *state, int64_t now_ns, const bool *cancelled,
			   struct pool_released *released)
{
	released->cancelled = mem_alloc(state->queue_count, sizeof(*released->cancelled));
	for (size_t i = 0; i < state->queue_count; i++) {
		if (!cancelled[i])
			continue;
		released->cancelled[released->cancelled_count++] =
			pool_describe_cancelled(&state->queue[i], now_ns);
		state->queue[i].cancelled = true;
	}
}

static int run_release(struct pool *p, struct release *release, struct pool_released *ret_released,
		       struct err *e)
{
	struct transaction t = {
		.decide = decide_release, .argument = release, .author = release->actor};
	AUTO(attempt_clear) struct attempt attempt = {0};
	int r = pool_transact(p, &t, &attempt, e);

	if (r == 0 && release->cancelled)
		keep_cancelled(&attempt.state, attempt.facts.now_ns, release->cancelled,
			       ret_released);
	free(release->cancelled);
	if (r < 0)
		return r;
	ret_released->gpus = mem_steal(&attempt.plan.affected_gpus);
	ret_released->gpus_count = attempt.plan.affected_gpus_count;
	keep_successors(&attempt.state, &attempt.facts, ret_released);
	return 0;
}

int pool_release(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
		 struct pool_released *ret_released, struct err *e)
{
	struct release release = {.actor = actor, .ids = ids, .ids_count = ids_count};

	return run_release(p, &release, ret_released, e);
}

int pool_release_id(struct pool *p, const struct plan_actor *actor, const char *id,
		    struct pool_released *ret_released, struct err *e)
{
	struct release release = {.actor = actor, .id = id};

	return run_release(p, &release, ret_released, e);
}

int pool_release_account(struct pool *p, const struct plan_actor *actor,
			 const struct plan_account *account, bool requests,
			 struct pool_released *ret_released, struct err *e)
{
	struct release release = {.actor = actor, .account = account, .requests = requests};

	return run_release(p, &release, ret_released, e);
}
