/*
 * What the host's administrator allows, beside who comes first: limits per account, GPUs out of
 * service, and who may act for others. Pure, like plan.h, of which it is a part. The limits come
 * from the system's configuration file alone (src/cmd/context.c reads them); administrators are not
 * bound by them.
 */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include "plan/plan.h"

/* 0, NULL and false: no such limit. */
struct plan_policy {
	int max_gpus;            /* GPUs per account: held, and asked for by what waits */
	int64_t max_duration_ns; /* from now to the end of a manual reservation */
	int64_t max_wait_ns;
	bool note_required;
	int *excluded; /* ids that are kept out of the pool, ascending */
	size_t excluded_count;
	char *admin_group; /* whose members are administrators; NULL: root alone is */
};

void plan_policy_copy(struct plan_policy *to, const struct plan_policy *from);
void plan_policy_clear(struct plan_policy *p);

/* ---- GPUs out of service ---- */

/* Whether nobody is given that GPU: drained, or kept out of the pool. */
bool plan_is_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu);

/* Why: "drained by root", "kept out by pool.exclude". NULL: it is in service. The caller frees it.
 */
char *plan_why_withheld(const struct pool_state *state, const struct plan_policy *policy, int gpu);

/* Whether the pool has enough GPUs in service for a request, whoever holds them now. */
bool plan_is_in_service(const struct pool_state *state, const struct plan_policy *policy,
			const int *ids, size_t count);

/* Refuses with the numbers where it has not: -ERANGE. */
int plan_check_service(const struct pool_state *state, const struct plan_policy *policy,
		       const struct plan_request *request, struct err *e);

/*
 * Takes GPUs out of service, or (drain: false) puts them back. What is reserved there stays.
 * -ERANGE for an id that the pool has not. Those that are so already are left as they are;
 * p->affected_gpus are the others. The caller has made sure that the actor may.
 */
int plan_drain(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const int *ids, size_t ids_count, bool drain,
	       struct plan *p, struct err *e);

/* ---- limits ---- */

/* Refuses a request that the rules forbid whoever holds what: -EDQUOT. */
int plan_check_policy(const struct plan_policy *policy, const struct plan_request *request,
		      struct err *e);

/* Whether one more request keeps within policy.max-gpus. */
enum plan_quota {
	QUOTA_KEPT,
	QUOTA_SOON, /* when a command that has ended is released */
	QUOTA_OVER,
};

/*
 * After the cleanup in p. `self` is the request's own entry in the queue, NULL: none; `joined`: it
 * stands in line already, so that only what is held counts. e says why not.
 */
enum plan_quota plan_check_quota(const struct pool_state *state, const struct plan_facts *facts,
				 const struct plan *p, const struct plan_request *request,
				 const char *self, bool joined, struct err *e);

/* Makes the commit depend on all that plan_check_quota has counted. */
void plan_guard_quota(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, struct plan *p);

/* Refuses a wait that is too long, and shortens one without end; true in *ret_shortened then. */
int plan_limit_wait(const struct plan_policy *policy, const struct plan_actor *actor,
		    int64_t *limit_ns, bool *ret_shortened, struct err *e);

/* Refuses a manual reservation that would end too late, or that lies on a GPU out of service:
   -EDQUOT. */
int plan_check_extension(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct reservation *longer,
			 struct err *e);

/* ---- acting for others ---- */

/* Refuses what only administrators (owned: and the owner of the pool) may do: -EPERM. `what` ends
   the sentence "only root ... may". */
int plan_refuse_others(const struct plan_policy *policy, bool owned, const char *what,
		       struct err *e);

/* Whose reservations `release --user` and `release --all` end. */
struct plan_account {
	bool everybody;
	struct quantity uid; /* unknown where the name is of no account */
	const char *name;
};

/*
 * Cleans up, then ends all reservations of an account, of both types, but not what is collected for
 * those who wait. -EPERM unless it is the actor's own or the actor is an administrator.
 */
int plan_release_account(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct plan_account *account,
			 struct plan *p, struct err *e);

#endif
