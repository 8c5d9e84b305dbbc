/* The limits of struct plan_policy, and whom they bind. */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/* A limit that a group has of its own. */
struct plan_group_limit {
	int64_t value;
	enum plan_member { PLAN_NO_MEMBER, PLAN_MEMBER, PLAN_MEMBER_UNKNOWN } member;
};

/*
 * The limit of an account (0: none): the most generous one of its groups, and where they have none,
 * that of the host. Where it is not known whether the account is in a group, what is stricter
 * counts.
 */
int64_t plan_limit_of(int64_t host_limit, const struct plan_group_limit *groups, size_t count);

/* How long the actor's runs may take; INT64_MAX: without end. */
int64_t plan_longest_run_ns(const struct plan_policy *policy, const struct plan_actor *actor);

/* Refuses a request that the rules forbid whoever holds what: -EDQUOT. */
int plan_check_policy(const struct plan_policy *policy, const struct plan_request *request,
		      struct err *e);

/* Refuses a wait that is too long, and shortens one without end; true in *ret_shortened then. */
int plan_limit_wait(const struct plan_policy *policy, const struct plan_actor *actor,
		    int64_t *limit_ns, bool *ret_shortened, struct err *e);

/* Refuses a manual reservation that would end too late, or that lies on a GPU out of service:
   -EDQUOT, with how much longer than now is possible. by_ns: what was asked for. */
int plan_check_extension(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct reservation *longer,
			 int64_t by_ns, struct err *e);

/* How many GPUs the actor may hold at a time; 0: any number. */
int plan_limit_gpus(const struct plan_policy *policy, const struct plan_actor *actor);

/* Whether an account that gets what it asks for keeps within policy.max-gpus. */
enum plan_quota {
	QUOTA_KEPT,
	QUOTA_SOON,  /* when a command that has ended is released */
	QUOTA_OVER,  /* when the account releases enough: a request that may wait waits for that */
	QUOTA_NEVER, /* it asks for more than the limit by itself */
};

/* After the cleanup in p, with what the account's requests among the first `places` of the queue
   have collected (plan_limit_allows). e says why not. */
enum plan_quota plan_check_quota(const struct pool_state *state, const struct plan_facts *facts,
				 const struct plan *p, const struct plan_request *request,
				 size_t places, struct err *e);

/* Makes the commit depend on all that plan_check_quota has counted. */
void plan_guard_quota(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, struct plan *p);

#endif
