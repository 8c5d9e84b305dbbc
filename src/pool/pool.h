/*
 * What commands call: one function for each change of the pool. (What is shown: snapshot.h,
 * report.h, timeline.h.)
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/err.h"
#include "base/nouns.h"
#include "base/parse.h"
#include "host/engine.h"
#include "plan/plan.h"

struct pool_config {
	char *store_url;
	char *fake_state_path; /* NULL: none */
	char *scan_directory;  /* where processes share scans (gpu/share.h); NULL: nowhere */
	int64_t scan_limit_ns; /* for one scan as a whole; 0: the default */
	int64_t memory_threshold_mb;
	int naming;                /* enum gpu_naming: how GPUs are named for programs */
	int64_t history_keep_ns;   /* usage records older than this are deleted; 0: none */
	bool history_set_by_user;  /* not by the host's administrator: ignored in a pool that
				      belongs to somebody else */
	int64_t events_keep_ns;    /* events older than this go; 0: the default */
	bool events_set_by_user;   /* likewise */
	bool backfill;             /* requests that delay nobody ahead of them may go first ... */
	bool backfill_set_by_user; /* ... likewise */
	struct plan_policy policy; /* what the host's administrator allows */
};

void pool_config_clear(struct pool_config *c);

/* Shortens the time limit of a scan, for a process that has other things to do. */
void pool_config_limit_scan(struct pool_config *c, int64_t limit_ns);

struct pool;

/* Whether there is a pool at that URL that has recorded this host, under whatever name. */
bool pool_is_recorded_here(const char *url);

/* Copies the configuration. Nothing is read or created yet. */
int pool_open(const struct pool_config *config, struct pool **ret_pool, struct err *e);

/* The configuration of a pool that is open, for another process. Borrowed. */
const struct pool_config *pool_config_of(const struct pool *pool);

/* From now on decisions are made on this configuration, which is copied. The store stays the one
   that was opened, whatever the configuration names. While a request waits: pool_wait_change. */
void pool_reconfigure(struct pool *p, const struct pool_config *config);

struct pool *pool_close(struct pool *p); /* NULL is harmless; returns NULL */
void pool_closep(struct pool **p);       /* for AUTO(pool_closep) */

/* From here on each scan begins when it is asked for: one of another process that has begun before
   is not used. */
void pool_scan_afresh(struct pool *p);

/* The name of this host for struct holder; in a pid namespace other than the first, with that
   namespace, since its pids mean nothing outside. The caller frees it. */
char *pool_host_label(void);

/* The names of all GPU providers, "nvidia|amd|fake". Static. */
const char *pool_providers(void);

struct pool_admin_request {
	struct plan_actor actor;
	const char *provider; /* NULL: find out */
	int count;            /* 0: as many as the provider sees */
	bool force;
};

/* Whether pool_admin would be refused for what is there already, for who asks, or for the hardware:
   its error. */
int pool_admin_check(struct pool *p, const struct pool_admin_request *request, struct err *e);

/* Makes the pool; with force, recreates it. -EEXIST where there is one, -EPERM unless the actor may
   administer it. */
int pool_admin(struct pool *p, const struct pool_admin_request *request, int *ret_count,
	       struct err *e);

/* What pool_refresh has changed: ids, ascending. */
struct pool_refreshed {
	int *added, *back, *gone;
	size_t added_count, back_count, gone_count;
	int *doubtful; /* not seen, but nobody can tell whether they are gone */
	size_t doubtful_count;
	size_t recorded; /* so many numbers mean the same, and something else is recorded of them */
	size_t left_out; /* GPUs that get no number: no UUID of their own, or perhaps in MIG mode */
};

void pool_refreshed_clear(struct pool_refreshed *r);

/*
 * Gives numbers to GPUs and MIG instances that have none, and retires those that are gone: see
 * plan_compare_units. All reservations go on. -EPERM unless the actor may administer the pool. The
 * caller clears *ret.
 */
int pool_refresh(struct pool *p, const struct plan_actor *actor, struct pool_refreshed *ret,
		 struct err *e);

/*
 * Takes GPUs out of service or puts them back: see plan_drain. -EPERM unless the actor may
 * administer the pool. *ret_ids (the caller frees them) are those that this has changed.
 */
int pool_drain(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
	       bool drain, const char *note, int **ret_ids, size_t *ret_count, struct err *e);

/*
 * Has the pool ignore a process, until it ends (see plan/ignore.h), or count it again. -EPERM
 * unless the actor may administer the pool; -ENOENT where no GPU of the pool shows it, or where it
 * is not ignored. The caller clears *ret_process, which pool_ignore fills.
 */
int pool_ignore(struct pool *p, const struct plan_actor *actor, pid_t pid,
		struct ignored_process *ret_process, struct err *e);
int pool_count_again(struct pool *p, const struct plan_actor *actor, pid_t pid, struct err *e);

/* A variable of the environment in which a command uses granted GPUs. */
struct pool_variable {
	char *name;
	const char *value; /* NULL: it must not be set */
	bool fixed;        /* the same for all GPUs: how `visible` is to be read */
	bool prefixed;     /* for Apptainer or Singularity alone, which hand it into a container */
};

#define POOL_VARIABLES_MAX 24

/* What a reservation gives its holder. */
struct pool_grant {
	struct reservation *reservation;
	char *visible; /* what selects the GPUs for programs: "0,1", or UUIDs where numbers are not
			  certain */
	char *places;  /* "0,1": their places among themselves */
	size_t instances; /* so many of them are MIG instances */
	bool mixed;       /* the host's GPUs differ: without the fixed variables, numbers may mean
			     other ones */
	char *numbers;    /* the driver's numbers, in the order of the bus */
	char *uuids;      /* "GPU-1c2d,GPU-3e4f"; of a GPU without, what `visible` has */
	struct pool_variable variables[POOL_VARIABLES_MAX]; /* with the two as values */
	size_t variables_count;
	const struct engine_vendor *vendor; /* see host/engine.h */
};

void pool_grant_clear(struct pool_grant *g);

/* The names of those variables, by provider, as a paragraph of a help text. The caller frees it. */
char *pool_variables_help(void);

/* The names of those that programs need for the GPUs of this pool (the runtimes of containers read
   more), separated by commas; where there is no pool, or it cannot be read, those of CUDA. The
   caller frees it. */
char *pool_variable_names(struct pool *p);

/*
 * Grants the request or refuses it at once (but where the command of a reservation has ended, waits
 * up to 10 s for its supervisor to release the GPUs). The caller clears *ret_grant.
 */
int pool_reserve(struct pool *p, const struct plan_request *request, struct pool_grant *ret_grant,
		 struct err *e);

/*
 * For a request that may be met by what is held already. 1: it is, *ret_grant is that reservation
 * with these GPUs alone, and the caller clears it. 0: it is a request like any other. With outer_id
 * it comes from within the run of that reservation: see plan_nested. With NULL it is met by what
 * its account holds by hand: a run by the GPUs that it names (plan_within), a reservation by one
 * that there is (plan_reuse; pool_reserve does that itself, this is for a request that would wait).
 */
int pool_join(struct pool *p, const struct plan_request *request, const char *outer_id,
	      struct pool_grant *ret_grant, struct err *e);

/* Gives a run the GPUs of a manual reservation of its actor: see plan_claim. The caller clears
 *ret_grant. */
int pool_claim(struct pool *p, const struct plan_request *request, const char *id,
	       struct pool_grant *ret_grant, struct err *e);

/*
 * Grants GPUs to processes that run already, and to what descends from them: see plan_adopt. They
 * must be of the account of request->actor. The caller clears *ret_grant.
 */
int pool_adopt(struct pool *p, const struct plan_request *request,
	       const struct process_ref *processes, size_t count, struct pool_grant *ret_grant,
	       struct err *e);

/* A waiting request that gets GPUs that were released: `count` of `gpus`. */
struct next_in_line {
	char entry_id[ID_SIZE]; /* of its queue entry */
	char *user;
	size_t count;
	int *gpus; /* ascending; where there are more than count, which of them is undecided */
	size_t gpus_count;
};

/* A request that was taken out of the queue. */
struct pool_cancelled {
	char id[ID_SIZE];
	size_t wanted;     /* GPUs */
	int64_t waited_ns; /* until now */
	bool foreign;      /* of another program, whose process does not notice */
};

struct pool_released {
	int *gpus; /* ascending */
	size_t gpus_count;
	struct pool_cancelled *cancelled; /* in queue order */
	size_t cancelled_count;
	struct next_in_line *successors; /* in queue order */
	size_t successors_count;
};

void pool_released_clear(struct pool_released *r);

/* See plan_release. The caller clears *ret_released. */
int pool_release(struct pool *p, const struct plan_actor *actor, const int *ids, size_t ids_count,
		 struct pool_released *ret_released, struct err *e);

/* See plan_release_id. The caller clears *ret_released. */
int pool_release_id(struct pool *p, const struct plan_actor *actor, const char *id,
		    struct pool_released *ret_released, struct err *e);

/* Reservations that pool_extend has lengthened, with their new expiry. */
struct pool_extended {
	struct reservation **reservations;
	size_t count;
};

void pool_extended_clear(struct pool_extended *x);

/* See plan_extend. The caller clears *ret_extended. */
int pool_extend(struct pool *p, const struct plan_extension *extension,
		struct pool_extended *ret_extended, struct err *e);

/* See plan_release_account; `requests`: cancels those, too. The caller clears *ret_released. */
int pool_release_account(struct pool *p, const struct plan_actor *actor,
			 const struct plan_account *account, bool requests,
			 struct pool_released *ret_released, struct err *e);

/* How long a request may wait: see plan_limit_wait. */
int pool_limit_wait(const struct pool *p, const struct plan_actor *actor, int64_t *limit_ns,
		    bool *ret_shortened, struct err *e);

/* The longest manual reservation that the actor may have; INT64_MAX: no limit. */
int64_t pool_longest_ns(const struct pool *p, const struct plan_actor *actor);

/*
 * The next five are for the holder of a reservation. Where there is no pool they fail: the store
 * may be back soon, with the reservation in it.
 */

/* Ends a reservation of the actor by its id, as of ended_boot_ns: clock_boot_ns, since the wall
   clock may be set while the store is away. Success, too, where it no longer exists; -EPERM where
   it is somebody else's. */
int pool_end(struct pool *p, const struct plan_actor *actor, const char *id, int64_t ended_boot_ns,
	     struct err *e);

/* For a run on GPUs that are reserved by hand: how many of these the actor still holds, and how
   long the first of them lasts; INT64_MAX: without end. */
int pool_held_by_hand(struct pool *p, const struct plan_actor *actor, const int *ids, size_t count,
		      size_t *ret_held, int64_t *ret_left_ns, struct err *e);

/*
 * Gives a reservation of the actor, as it was granted, a new heartbeat. With `command`, that
 * process replaces the command: the reservation lives as long as it does. *ret_gpus_count is how
 * many GPUs it still has: fewer than it was granted where some were released by hand, 0 where it no
 * longer exists.
 */
int pool_heartbeat(struct pool *p, const struct plan_actor *actor,
		   const struct reservation *granted, const struct process_ref *command,
		   size_t *ret_gpus_count, struct err *e);

/* Names another process as the supervisor of a reservation of the actor. Success, too, where it no
   longer exists. */
int pool_set_supervisor(struct pool *p, const struct plan_actor *actor, const char *id,
			const struct process_ref *supervisor, struct err *e);

/* What has become of a reservation that the store did not have. */
struct pool_restored {
	bool restored;    /* it is there again */
	bool presumed;    /* it had been ended because it was taken for dead */
	bool overwritten; /* by another program: for certain where it is restored, and likely where
			     somebody has the GPU */
	char *taker;      /* who has its GPU `gpu` now; NULL: nobody has any of them */
	int gpu;
};

void pool_restored_clear(struct pool_restored *r);

/*
 * Restores a reservation that was lost with the data of the store, or ended though its holder
 * lives: see plan_can_restore. `mine` is as it was granted. The caller clears *ret_restored.
 */
int pool_restore(struct pool *p, const struct reservation *mine, struct pool_restored *ret_restored,
		 struct err *e);

/* The pids on the GPUs of a reservation, by a new scan; none if it no longer exists. An error where
   they are not all visible, which is not the same as none. The caller frees them. */
int pool_processes(struct pool *p, const char *id, pid_t **ret_pids, size_t *ret_count,
		   struct err *e);

/* See store_has_external_writers. */
bool pool_has_external_writers(const struct pool *p);

/* Watching for changes of the pool: see store_watch. */
int pool_watch(struct pool *p);
bool pool_watch_drain(struct pool *p);

/* How the GPUs are linked, by their ids, as it is recorded; *ret_known: anything is. The caller
   clears *ret. */
int pool_topology(struct pool *p, struct topology *ret, bool *ret_known, struct err *e);

/* The ids of GPUs that are named by number or UUID: see plan_find_gpus. Scans only where UUIDs are
   named and not all are recorded. The caller frees *ret_ids. */
int pool_find_gpus(struct pool *p, const struct gpu_list *list, int **ret_ids, size_t *ret_count,
		   struct err *e);

/* What a user may call the GPUs, for completion: their numbers, then the recorded UUIDs. The caller
   frees the texts and *ret_names. -ENOENT where there is no pool. */
int pool_gpu_names(struct pool *p, char ***ret_names, size_t *ret_count, struct err *e);

/* Something to tell the user once, which was found out while the pool was changed; NULL: nothing.
   The caller frees it. */
char *pool_take_notice(struct pool *p);

/* What is agreed at the moment, without a look at the GPUs. -ENOENT where there is no pool. The
   caller clears *ret_state. */
int pool_read(struct pool *p, struct pool_state *ret_state, struct err *e);

/* How many GPUs the pool has. -ENOENT where there is no pool. */
int pool_count(struct pool *p, size_t *ret_count, struct err *e);

/* Deletes usage records older than the configured time, where the caller may decide that. */
int pool_trim(struct pool *p, struct err *e);

#endif
