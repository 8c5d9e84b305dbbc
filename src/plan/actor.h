/* Who may do what, and requests that make no sense whoever asks. */
#ifndef PLAN_ACTOR_H
#define PLAN_ACTOR_H

#include "base/err.h"
#include "plan/facts.h"
#include "plan/request.h"

/* Whether it is the actor's: see account_is_same. */
bool plan_owns(const struct plan_actor *actor, const struct reservation *r);
bool plan_owns_entry(const struct plan_actor *actor, const struct queue_entry *q);

/* Whether the actor has that GPU by a manual reservation, which is not over. */
bool plan_holds_by_hand(const struct pool_state *state, int64_t now_ns,
			const struct plan_actor *actor, int id);

/* Root is one, whatever groups there are. */
bool plan_is_administrator(const struct plan_actor *actor);

/* Whether the actor may end or change it: its own, and an administrator anybody's. */
bool plan_may_alter(const struct plan_actor *actor, const struct reservation *r);
bool plan_may_cancel(const struct plan_actor *actor, const struct queue_entry *q);

/* Refuses what only administrators (owned: and the owner of the pool) may do: -EPERM. `what` ends
   the sentence "only root ... may". */
int plan_refuse_others(const struct plan_policy *policy, bool owned, const char *what,
		       struct err *e);

/* -ENOENT, with the way out, where there is no pool yet. */
int plan_require(const struct pool_state *state, struct err *e);

/* -ERANGE where the pool has no GPU of that id. */
int plan_check_id(const struct pool_state *state, int id, struct err *e);

/* How many GPUs the request asks for. */
size_t plan_request_count(const struct plan_request *request);

/* Whether that GPU is one of those that it names, if it names any. */
bool plan_requests(const struct plan_request *request, int gpu);

/* Refuses a request that this pool can never satisfy: -ERANGE, or a usage error. */
int plan_check_request(const struct pool_state *state, const struct plan_request *request,
		       struct err *e);

#endif
