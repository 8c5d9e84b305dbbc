/* One pass over idle and unreserved GPUs: `canhazgpu guard`. What follows from which rule is
   decided in plan/guard.h; this gathers the facts, commits, and sends signals. */
#ifndef POOL_GUARD_H
#define POOL_GUARD_H

#include "base/hours.h"
#include "plan/guard.h"
#include "pool/pool.h"

struct guard_config {
	struct guard_rules rules;
	bool has_hours; /* else they always count */
	struct hours hours;
	char **users, **groups; /* for which the rules do not count */
	size_t users_count, groups_count;
	bool has_rules; /* there is any */
};

void guard_config_clear(struct guard_config *c);

/* What a pass has done. */
struct pool_guarded {
	struct guard_steps steps;
	enum guard_sent *sent; /* per step: what has become of its signal */
	char **failures;       /* per step: why it was not sent; or NULL */
};

void pool_guarded_clear(struct pool_guarded *g);

/*
 * One pass. With dry_run nothing is changed, and everybody may ask; else -EPERM unless the actor
 * may administer the pool. Only root's pass sends signals. Safe to be killed at any point, and to
 * run as often as one likes, also at once. The caller clears *ret.
 */
int pool_guard(struct pool *p, const struct plan_actor *actor, const struct guard_config *config,
	       bool dry_run, struct pool_guarded *ret, struct err *e);

#endif
