/*
 * What this host sees: GPUs, the processes on them, and whether holders live. Only src/pool calls
 * this; snapshots show the results.
 */
#ifndef POOL_OBSERVE_H
#define POOL_OBSERVE_H

#include "plan/plan.h"
#include "pool/pool.h"

/* What one invocation knows about its own host. */
struct observer {
	char *host;    /* see pool_host_label */
	char *boot_id; /* NULL: the kernel does not tell */
	bool own_pids; /* this host's processes are in a pid namespace of their own */
};

/* One scan, matched to the slots of a state. */
struct observation {
	int64_t taken_ns; /* clock_now_ns before the scan began */
	struct scan scan;
	char *problem;     /* why there is no scan at all; NULL: there is one */
	size_t count;      /* slots */
	struct gpu **gpus; /* per slot: its GPU in the scan, or NULL */
	char **problems;   /* per slot: why its use is unknown, or NULL */
	enum gpu_use *use; /* per slot */
	bool foreign_pids; /* the driver counts pids otherwise than this host: they name nobody */
};

void observer_init(struct observer *o);
void observer_clear(struct observer *o);

/* Whether that holder's processes are visible from here: they are on this host. */
bool observer_sees(const struct observer *o, const struct holder *h);

/* Whether the holder of r lives, as far as visible from here. */
enum holder_life observe_life(const struct observer *o, const struct reservation *r);

/* Which processes live, as plan_facts takes it. */
struct liveness {
	enum holder_life *holders; /* per reservation of a state */
	enum holder_life *waiting; /* per queue entry */
};

void observe_liveness(const struct observer *o, const struct pool_state *state,
		      struct liveness *ret_liveness);
void liveness_clear(struct liveness *l);

/* The facts that need no scan. They borrow the liveness and the policy. */
struct plan_facts observe_facts(const struct liveness *l, const struct plan_policy *policy);

/*
 * Scans the GPUs of a pool. Never fails: what could not be read is unknown, with the reason. The
 * caller clears it.
 */
void observe_gpus(const struct pool_config *config, const struct observer *observer,
		  const struct pool_state *state, struct observation *ret_observation);
/* Instead of a scan: nothing is known of the GPUs, for that reason. The caller clears it. */
void observe_nothing(const struct pool_state *state, const char *problem,
		     struct observation *ret_observation);
void observation_clear(struct observation *o);

/* Completes the processes of the scan from /proc (owner, name), and marks those on a reserved GPU
   that are not its holder's. */
void observe_processes(struct observation *o, const struct pool_state *state);

#endif
