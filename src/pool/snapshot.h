/*
 * The pool at one moment: what is agreed, laid beside what really runs. `status`, its JSON and the
 * web page render the same snapshot.
 */
#ifndef POOL_SNAPSHOT_H
#define POOL_SNAPSHOT_H

#include "model/model.h"
#include "pool/forecast.h"
#include "pool/observe.h"
#include "pool/pool.h"

enum gpu_status {
	GPU_AVAILABLE,  /* free and idle: would be handed out */
	GPU_IN_USE,     /* reserved */
	GPU_UNRESERVED, /* used without a reservation */
	GPU_DRAINED,    /* not reserved and out of service: nobody is given it */
	GPU_ERROR,      /* faulty, or its use is unknown: is not handed out */
};

/* One GPU as people see it. Pointers go into the snapshot. */
struct gpu_view {
	int id;
	enum gpu_status status;
	const struct reservation *reservation; /* NULL: free */
	const struct gpu *gpu;                 /* NULL: the driver does not show it */
	enum gpu_use use;
	const char *problem;      /* why its use is unknown or it is faulty; else NULL */
	char *withheld;           /* why it is out of service; NULL: it is not */
	int64_t last_released_ns; /* TIME_NONE: never used */
	/* What the reservation does with it, with what this snapshot has seen. */
	enum activity_state activity;
	int64_t last_active_ns; /* TIME_NONE: never, as far as known */
	int64_t idle_since_ns;  /* TIME_NONE: it is not known to be idle */
	struct model model;     /* of the holder's processes, else of the others */
};

/* One waiting request as people see it. */
struct waiter_view {
	enum waiter_state state;
	int64_t start_ns;  /* when it is expected to start; TIME_NONE: nobody can tell */
	char *passed_over; /* why others are served before it; NULL: they are not */
	char *awaits;      /* "alice 0-3, bob 4, in use without reservation 5" */
};

/* Where a GPU of a cluster is: there numbers alone tell people nothing. */
struct snapshot_place {
	char *node;
	int index;  /* on its node */
	char *name; /* "n1:0" */
	char *hint; /* of one that is free: whether it can be had */
	bool taken; /* while the snapshot is made */
};

/* Of a snapshot of several hosts whose jobs an engine such as Slurm keeps: ids are those of jobs,
   there are no heartbeats, and what really runs is known of no GPU by itself. */
struct snapshot_cluster {
	struct snapshot_place *places; /* per slot */
	size_t count;
};

struct snapshot {
	int64_t now_ns;
	int64_t boot_ns;             /* the same moment by the boot clock ... */
	char clock[CLOCK_NAME_SIZE]; /* ... of that name */
	int64_t monotonic_ns;        /* the same moment, as offers have it */
	struct pool_state state;     /* after the cleanup */
	struct observation seen;
	bool look_due;          /* pool_look_snapshot has something to record */
	struct gpu_view *views; /* one per slot */
	size_t views_count;

	/* Filled by pool_forecast_snapshot, where somebody holds GPUs or waits for them. */
	struct waiter_view *waiters; /* one per queue entry; else NULL */
	struct forecast forecast;    /* else all NULL */
	struct liveness liveness;

	struct plan_policy policy;        /* what the host's administrator allows */
	struct snapshot_cluster *cluster; /* NULL: the pool of one host */
	char *warning;                    /* something to tell on stderr; NULL: nothing */
	char *difference; /* how the host's GPUs differ from the pool's, likewise; see below */
};

/*
 * Reads, scans once, and shows what is over as free (recording it; where the store cannot be
 * written the snapshot says so in `warning`). A driver that does not answer is no error.
 */
int pool_snapshot(struct pool *p, struct snapshot *ret_snapshot, struct err *e);
void snapshot_clear(struct snapshot *s);

/* Completes when reservations end, what is known of those who wait, and when they may start. (It
   may read some of the history: only for those who show it.) */
void pool_forecast_snapshot(struct pool *p, struct snapshot *s);

/* Leaves only the views of GPUs that this account holds, or uses without a reservation. */
void snapshot_keep_mine(struct snapshot *s, const struct plan_actor *actor);

/* What the plan takes as facts about it. They borrow from the snapshot. */
struct plan_facts snapshot_facts(const struct snapshot *s);

/* "GPU 3 is gone ('canhazgpu admin --refresh' ...)"; NULL: nothing that users should be told. The
   caller frees it. */
char *snapshot_difference(const struct pool_state *state, const struct observation *seen);

/*
 * The views of the GPUs (all but the models on them), and of those who wait. Pure: they follow from
 * state, observation, policy, liveness and forecast, which are there already. For pool_snapshot and
 * pool_forecast_snapshot, and for whoever makes a snapshot without a pool.
 */
void snapshot_fill_views(struct snapshot *s);
void snapshot_fill_waiters(struct snapshot *s);

/* What people call the GPU of a slot: its number, in a cluster "n1:0". Into buffer where it is a
   number. */
#define GPU_NAME_SIZE 16
const char *snapshot_gpu_name(const struct snapshot *s, int id, char buffer[GPU_NAME_SIZE]);

const char *gpu_status_name(enum gpu_status status); /* "AVAILABLE", "IN_USE", ... */

#endif
