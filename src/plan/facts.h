/* What is known besides the state when something is decided. src/pool gathers it. */
#ifndef PLAN_FACTS_H
#define PLAN_FACTS_H

#include "base/nouns.h"

/* What really happens on a GPU. Only an idle one is handed out, and others by force. */
enum gpu_use {
	USE_IDLE,
	USE_BUSY,
	USE_UNKNOWN,
	USE_MISSING, /* it is not there, or has no certain name: not handed out even by force */
	USE_FAULTY,  /* the driver says that it cannot be used: not even by force */
};

/* What this host can see of the processes that hold a reservation, or that wait for one. */
enum holder_life {
	HOLDER_ALIVE,        /* its command lives */
	HOLDER_ENDING,       /* its command ended, its supervisor is about to release it */
	HOLDER_GONE,         /* both ended, or this host was rebooted since */
	HOLDER_OUT_OF_SIGHT, /* on another host, or not named: only the heartbeat tells */
	HOLDER_STOPPED,      /* stopped (Ctrl-Z): the process of a waiting request; the supervisor
				of a run, whose command ended */
};

/*
 * What the host's administrator allows. It comes from the system's configuration file alone;
 * administrators are not bound by the limits. 0, NULL and false: no such limit.
 */
struct plan_policy {
	int max_gpus;            /* GPUs that an account holds at a time */
	int64_t max_duration_ns; /* from now to the end of a manual reservation */
	int64_t max_run_ns;      /* time limit of a run */
	int64_t max_wait_ns;
	bool note_required;
	bool no_display_name; /* --user names no other than the account */
	int *excluded;        /* ids that are kept out of the pool, ascending */
	size_t excluded_count;
	int64_t idle_after_ns; /* a GPU that is idle for so long is said to be; 0: ACTIVITY_IDLE_NS
				*/
	char *admin_group;     /* whose members are administrators; NULL: root alone is */
};

void plan_policy_copy(struct plan_policy *to, const struct plan_policy *from);
void plan_policy_clear(struct plan_policy *p);

/* Arrays are as long as the state's. All is borrowed. */
struct plan_facts {
	int64_t now_ns;
	int64_t boot_ns;                 /* the same moment by the boot clock ... */
	const char *clock;               /* ... of that name; NULL: not known */
	int64_t monotonic_ns;            /* the same moment: for what the setting of the clock must
					    not change */
	const enum gpu_use *use;         /* per slot; NULL: all unknown */
	struct gpu *const *gpus;         /* per slot: in the scan, or NULL; NULL: no scan */
	const char *const *reasons;      /* per slot that is not idle: why, as "uses 500 MB ..." */
	const int64_t *idle_since_ns;    /* per slot: monotonic, since when each scan of the decider
					    has shown it idle, 0: not so; NULL: it has not watched */
	const enum holder_life *life;    /* per reservation; NULL: all out of sight */
	const enum holder_life *waiting; /* per queue entry: its process; NULL: all out of sight */
	const int64_t *last_use_ns; /* per slot: when the requester last used it; NULL: never */
	const struct plan_policy *policy; /* NULL: no limits */
	const int *freed; /* GPUs that nobody is to count as held, ascending: they are
			     being released */
	size_t freed_count;
	bool shared; /* other programs write to the store as well, and not all compare first */
};

/*
 * How a GPU counts: faulty when its driver says so; busy when it uses more than threshold_mb of
 * memory, without what is forgiven; unknown when its memory use is not known and no process is seen
 * on it (NULL: the GPU itself was not seen).
 */
enum gpu_use plan_gpu_use(const struct gpu *gpu, int64_t threshold_mb);

#endif
