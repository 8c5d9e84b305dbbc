/* Waiting requests, and taking them out of the queue: pool_requests and pool_cancel of wait.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/plan.h"
#include "pool/private.h"
#include "pool/wait.h"

int pool_requests(struct pool *p, const struct plan_actor *actor,
		  struct pool_request **ret_requests, size_t *ret_count, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	struct pool_request *requests;
	size_t count = 0;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r < 0)
		return r;
	requests = mem_alloc(state.queue_count, sizeof(*requests));
	for (size_t i = 0; i < state.queue_count; i++) {
		if (!actor || plan_may_cancel(actor, &state.queue[i]))
			memcpy(requests[count++].id, state.queue[i].id, ID_SIZE);
	}
	*ret_requests = requests;
	*ret_count = count;
	return 0;
}

struct pool_cancelled pool_describe_cancelled(const struct queue_entry *q, int64_t now_ns)
{
	struct pool_cancelled cancelled = {
		.wanted = plan_entry_count(q),
		.waited_ns = now_ns - plan_waits_since_ns(q),
		.foreign = !q->holder.host,
	};

	memcpy(cancelled.id, q->id, ID_SIZE);
	return cancelled;
}

struct cancel {
	const struct plan_actor *actor;
	char *const *ids;
	size_t count;
	struct pool_cancelled *cancelled; /* the result */
};

static int decide_cancel(const struct pool_state *state, const struct plan_facts *facts,
			 void *argument, struct plan *plan, struct err *e)
{
	struct cancel *c = argument;

	for (size_t i = 0; i < c->count; i++) {
		const struct queue_entry *entry;
		int r = plan_cancel(state, facts, c->actor, c->ids[i], plan, &entry, e);

		if (r < 0)
			return r;
		c->cancelled[i] = pool_describe_cancelled(entry, facts->now_ns);
	}
	return 0;
}

int pool_cancel(struct pool *p, const struct plan_actor *actor, char *const *ids, size_t count,
		struct pool_cancelled **ret_cancelled, struct err *e)
{
	struct cancel c = {.actor = actor, .ids = ids, .count = count};
	struct transaction t = {.decide = decide_cancel, .argument = &c, .author = actor};
	int r;

	c.cancelled = mem_alloc(count, sizeof(*c.cancelled));
	r = pool_transact(p, &t, NULL, e);
	if (r < 0) {
		free(c.cancelled);
		return r;
	}
	*ret_cancelled = c.cancelled;
	return 0;
}
