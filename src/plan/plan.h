/*
 * Every policy of the pool, pure: (state, facts, request) -> changes. No I/O, no clock, no globals,
 * so that a table of cases can test it. src/pool/pool.c gathers the facts and commits the changes.
 *
 * To add a policy: one function in cleanup.c or reserve.c, and a table of cases in
 * tests/unit/test_plan.c. What the caller wants goes into the request, what is known into the
 * facts. A commit compares only the slots that it changes: a decision that rests on others adds a
 * CHANGE_CHECK (plan_guard_quota), or one that is made at the same time escapes it.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/err.h"
#include "base/nouns.h"
#include "store/store.h"

/* What really happens on a GPU. Only an idle one is ever handed out. */
enum gpu_use { USE_IDLE, USE_BUSY, USE_UNKNOWN };

/* What this host can see of a run reservation's holder. */
enum holder_life {
	HOLDER_ALIVE,        /* its command lives */
	HOLDER_ENDING,       /* its command ended, its supervisor is about to release it */
	HOLDER_GONE,         /* both ended, or this host was rebooted since */
	HOLDER_OUT_OF_SIGHT, /* on another host, or not named: only the heartbeat tells */
	HOLDER_STOPPED,      /* who waits: its process is there, but stopped (Ctrl-Z) */
};

struct plan_policy;

/* What is known besides the state. Arrays are as long as the state's. */
struct plan_facts {
	int64_t now_ns;
	const enum gpu_use *use;         /* per slot; NULL: all unknown */
	const enum holder_life *life;    /* per reservation; NULL: all out of sight */
	const enum holder_life *waiting; /* per queue entry: its process; NULL: all out of sight */
	const int64_t *last_use_ns; /* per slot: when the requester last used it; NULL: never */
	const struct plan_policy *policy; /* limits of this host (limits.h); NULL: none */
};

/* Who asks. Taken from the kernel (real uid), never from the environment. */
struct plan_actor {
	uid_t uid;
	const char *account;
	bool administrator; /* a member of the group that the host's administrator has named */
};

struct plan_request {
	struct plan_actor actor;
	enum reservation_type type;
	const char *user; /* display name; NULL: the account */
	int count;        /* GPUs wanted; ignored with ids */
	const int *ids;   /* exactly these, ascending; NULL: any */
	size_t ids_count;
	int64_t duration_ns; /* manual: length; run: time limit, 0: none */
	const char *note;
	int64_t grace_ns;     /* run: how long it may take to end when the time limit is over */
	bool force;           /* take GPUs in unreserved use, too */
	bool backfill;        /* may have what others wait for if it ends in time: backfill.c */
	struct holder holder; /* run; borrowed */
	const char *id;       /* UUID of the reservation to be */
};

/* A decision: changes to commit, and what they mean. Owns all that the changes point to. */
struct plan {
	struct change *changes;
	size_t changes_count;
	struct reservation *granted;   /* plan_reserve, plan_wait: the new reservation */
	struct reservation *collected; /* plan_wait: what the request collects now */
	int *affected_gpus; /* plan_release: ids, ascending; plan_drain: those that it changes */
	size_t affected_gpus_count;
	const struct reservation **extended; /* plan_extend: as they are from now on */
	size_t extended_count;
	void **owned; /* freed with the plan */
	size_t owned_count;
};

void plan_clear(struct plan *p);

/*
 * Adds the end of every reservation that is over at now_ns: manual past its expiry, run whose
 * holder is gone, run out of sight and silent for HEARTBEAT_LIMIT_NS. Drops waiting requests that
 * are dead, and gives back what was collected for them.
 */
void plan_cleanup(const struct pool_state *state, const struct plan_facts *facts, struct plan *p);

/*
 * Cleans up, then grants the request or refuses it: -EBUSY when GPUs are missing now (the text has
 * the numbers; the plan then holds the cleanup alone), -ERANGE when the pool can never satisfy it
 * or has too few GPUs in service, -EDQUOT when the host's rules forbid it.
 * Of the free and idle GPUs it picks those that the requester used most recently, then those that
 * nobody used for the longest time.
 */
int plan_reserve(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_request *request, struct plan *p, struct err *e);

/* Who is on a GPU, as `adopt` sees it. */
enum adopted_use {
	ADOPTED_NONE,   /* not the processes to adopt */
	ADOPTED_ALONE,  /* they, and at most others of the same account */
	ADOPTED_SHARED, /* they, and somebody else */
};

/*
 * Cleans up, then grants GPUs to processes that run already: request->ids, or those that the
 * processes use (request->count of them; 0: however many). `adopted` has one value per slot. A GPU
 * that they keep busy is theirs though others wait for it: nobody could have it now. What the actor
 * has reserved there by hand ends. Refused: -EBUSY for GPUs of others, and without request->force
 * for those that somebody else uses; -ENOENT where the processes use none, -EINVAL where they do
 * not use so many.
 */
int plan_adopt(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_request *request, const enum adopted_use *adopted, struct plan *p,
	       struct err *e);

/*
 * Cleans up, then ends reservations of the actor: without ids all manual ones; with ids whatever it
 * holds there (administrators: whatever anybody holds there). -EPERM for a GPU of somebody else,
 * -ENOENT for one that is not reserved; then nothing is released.
 */
int plan_release(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_actor *actor, const int *ids, size_t ids_count, struct plan *p,
		 struct err *e);

/* What `extend` asks for. */
struct plan_extension {
	struct plan_actor actor;
	const int *ids; /* ascending; NULL: all manual reservations of the actor */
	size_t ids_count;
	int64_t duration_ns; /* added to each expiry */
	bool force;          /* administrators only: also what others wait for */
};

/*
 * Cleans up, then lengthens manual reservations: all of them or none. -EBUSY where somebody waits
 * for one of their GPUs; -EINVAL for a run, which has no expiry, and for a reservation of which not
 * all GPUs are named: it has one expiry. -EPERM, -ENOENT as in plan_release; -ENOENT, too, where
 * there is nothing to lengthen. -ERANGE beyond the longest duration that a new one may have.
 */
int plan_extend(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_extension *extension, struct plan *p, struct err *e);

/* -ENOENT, with the way out, where there is no pool yet. */
int plan_require(const struct pool_state *state, struct err *e);

/* Ends every reservation, drops the queue, and makes the pool anew. uuids: `count` entries or NULL.
 */
void plan_init(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_actor *actor, const char *provider, size_t count,
	       const char *const *uuids, struct plan *p);

/* Ends `gpus` (a part or all) of a reservation. */
void plan_end(struct plan *p, const struct reservation *r, const int *gpus, size_t count,
	      int64_t end_ns, enum end_reason reason, const char *actor);

/* Gives a run reservation a new heartbeat and, unless they are NULL, other processes as its command
   and its supervisor. */
void plan_renew(struct plan *p, const struct reservation *r, int64_t now_ns,
		const struct process_ref *command, const struct process_ref *supervisor);

/*
 * Whether a reservation that is not in the state any more can be made again there: its GPUs are
 * free, and nobody has released one of them since it began. Then plan_restore does it. (The history
 * has to be asked, too: pool/restore.c.)
 */
bool plan_can_restore(const struct pool_state *state, const struct plan *p,
		      const struct reservation *mine);
void plan_restore(struct plan *p, const struct reservation *mine, int64_t now_ns);

/* When a run reservation last showed life; its start if it never did. (A start to come, from before
   the clock was set back, is no sign.) */
int64_t plan_last_heartbeat_ns(const struct reservation *r, int64_t now_ns);

/* Whether a reservation is over at now_ns, why, and since when. `life` counts for run only. */
bool plan_has_ended(const struct reservation *r, enum holder_life life, int64_t now_ns,
		    enum end_reason *ret_reason, int64_t *ret_end_ns);

/*
 * How a GPU counts: busy when it uses more than threshold_mb of memory, unknown when its memory use
 * is not known and no process is seen on it (NULL: the GPU itself was not seen).
 */
enum gpu_use plan_gpu_use(const struct gpu *gpu, int64_t threshold_mb);

/* Whether r is what a request that waits in the state's queue has collected so far. */
bool plan_is_collected(const struct pool_state *state, const struct reservation *r);

/* Root is one, whatever groups there are. */
bool plan_is_administrator(const struct plan_actor *actor);

/* Whether the actor may end or change r: its own, and an administrator anybody's. */
bool plan_may_alter(const struct plan_actor *actor, const struct reservation *r);

/* Whether the actor holds r: by uid where the reservation has one, else by account name. */
bool plan_owns(const struct plan_actor *actor, const struct reservation *r);

#endif
