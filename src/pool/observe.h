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
	char *host;                  /* see pool_host_label */
	char *boot_id;               /* NULL: the kernel does not tell */
	char clock[CLOCK_NAME_SIZE]; /* see host_clock_name */
	bool own_pids;               /* this host's processes are in a pid namespace of their own */
	bool fresh;                  /* see pool_scan_afresh */
};

/* How one scan is to be taken. */
struct scan_wish {
	bool fresh;          /* what has just happened must be in it: see gpu_options */
	bool for_grant;      /* only what was released matters: what others were granted is taken */
	int interrupt_fd;    /* the scan ends, without a result, once it is readable; 0: none */
	int64_t deadline_ns; /* monotonic: the same at that time; 0: none */
};

/* One scan, matched to the slots of a state. */
struct observation {
	int64_t taken_ns; /* wall clock, when the scan began: before it was asked for, where it is
			     another process's */
	struct scan scan;
	char *problem;     /* why there is no scan at all; NULL: there is one */
	size_t count;      /* slots */
	struct gpu **gpus; /* per slot: its GPU in the scan, or NULL */
	char **problems;   /* per slot: why its use is unknown, or it is faulty; else NULL */
	enum gpu_use *use; /* per slot */
	bool *ignored;  /* per entry of the state's list of ignored processes: it is alive, and of
			   this host */
	char **reasons; /* per slot: why it is not idle, as struct plan_facts has it, or NULL;
			   NULL: it was not scanned for a decision */
	bool foreign_pids; /* the driver counts pids otherwise than this host: they name nobody */
};

void observer_init(struct observer *o);
void observer_clear(struct observer *o);

/*
 * Whether the pids that a holder names are those of this host, as this process counts them. The
 * boot id tells: a host's name can change, containers have names of their own, and two hosts can
 * share one.
 */
bool observer_is_here(const struct observer *o, const struct holder *h);

/* Whether it is visible from here what has become of that holder: it is here, or was here until the
   host was rebooted. */
bool observer_sees(const struct observer *o, const struct holder *h);

/* Whether the holder of r lives, as far as visible from here. */
enum holder_life observe_life(const struct observer *o, const struct reservation *r);

/* Which of the processes that a state ignores are alive, and processes of this host. The caller
   frees the array. */
bool *observe_ignored(const struct observer *o, const struct pool_state *state);

/* Which processes live, as plan_facts takes it. */
struct liveness {
	enum holder_life *holders; /* per reservation of a state */
	enum holder_life *waiting; /* per queue entry */
};

void observe_liveness(const struct observer *o, const struct pool_state *state,
		      struct liveness *ret_liveness);
void liveness_clear(struct liveness *l);

/* Whether the process of a waiting request lives. */
enum holder_life observe_waiter(const struct observer *o, const struct queue_entry *q);

/* The facts that need no scan. They borrow from all three. */
struct plan_facts observe_facts(const struct observer *o, const struct liveness *l,
				const struct plan_policy *policy);

/*
 * Scans the GPUs of a pool. Never fails: what could not be read is unknown, with the reason. The
 * caller clears it. `wish` may be NULL: then a scan that another process has taken since the last
 * commit will do.
 */
void observe_gpus(const struct pool_config *config, const struct observer *observer,
		  const struct pool_state *state, const struct scan_wish *wish,
		  struct observation *ret_observation);
/* The same of a scan that is there already, and that *o owns from now on; no process is ignored. */
void observe_scan(const struct pool_config *config, const struct pool_state *state,
		  struct scan *scan, struct observation *ret_observation);
/* Instead of a scan: nothing is known of the GPUs, for that reason. The caller clears it. */
void observe_nothing(const struct pool_state *state, const char *problem,
		     struct observation *ret_observation);
void observation_clear(struct observation *o);

/* Completes the processes of the scan from /proc (owner, name), and marks those on a reserved GPU
   that are not its holder's. */
void observe_processes(struct observation *o, const struct pool_state *state);

#endif
