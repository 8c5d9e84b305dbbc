/*
 * A change of what is agreed about a pool: what src/plan decides, and what a store commits. A
 * commit is a list of them, applied in order. Everything that a change points to is borrowed.
 */
#ifndef BASE_CHANGE_H
#define BASE_CHANGE_H

#include "base/err.h"
#include "base/event.h"
#include "base/nouns.h"

enum change_kind {
	CHANGE_INIT,
	CHANGE_GRANT,
	CHANGE_END,
	CHANGE_RENEW,
	CHANGE_PUT,
	CHANGE_DROP,
	CHANGE_DRAIN,
	CHANGE_CHECK,
	CHANGE_IGNORE,
	CHANGE_TOPOLOGY,
	CHANGE_UNITS,
	CHANGE_HOST,
	CHANGE_ACTIVITY,
	CHANGE_MARK,
	CHANGE_EVENT,
};

/*
 * Creates the pool, or recreates it. Reservations must be ended, and queue entries dropped or
 * altered, by other changes of the same commit; the history stays, every GPU is in service, nothing
 * is recorded of it, no process is ignored, and no host is recorded. Later changes of the same
 * commit may fill the new pool: units, grants, drains, queue entries, ignored processes, its host.
 */
struct change_init {
	const char *provider;
	size_t gpus_count;
	const struct slot *released; /* gpus_count entries: last_released_ns and released_base;
					NULL: never used */
};

/* Adds a reservation on its GPUs: each slot must be free as loaded, or be ended or created by an
   earlier change of the same commit. */
struct change_grant {
	const struct reservation *reservation;
};

/*
 * Ends a reservation on some or all of its GPUs. Their slots become free, last released at end_ns,
 * and one usage record per GPU is written, from the reservation's start to end_ns. A reservation
 * that has other GPUs goes on with those.
 */
struct change_end {
	const struct reservation *reservation;
	const int *gpus; /* ids */
	size_t gpus_count;
	int64_t end_ns;
	enum end_reason reason;
	const char *actor; /* the account that ended it; NULL: its holder, or nobody */
	bool unrecorded;   /* no usage record: it was only collected for a waiting request */
	const char *why;   /* a sentence for the event; NULL: it says what the rest says */
	int64_t lapsed_ns; /* for the slots: see there */
};

/* Stores the times, their base, doubt, note and holder of an altered copy of a loaded reservation
   with the same id and GPUs. */
struct change_renew {
	const struct reservation *reservation;
};

/* Stores a queue entry, new (version == NULL) or altered. */
struct change_put {
	const struct queue_entry *entry;
};

/* Removes a queue entry. */
struct change_drop {
	const struct queue_entry *entry;
};

/* Takes GPUs out of service, or puts them into service again. Reservations there stay. */
struct change_drain {
	const int *gpus; /* ids */
	size_t gpus_count;
	const char *actor; /* the account that drains them; NULL: into service again */
	int64_t time_ns;   /* when it does */
	const char *note;  /* why; NULL: not said */
};

/* Changes nothing, but compares: these GPUs must still be as loaded. For decisions that rest on
   more than they change. */
struct change_check {
	const int *gpus; /* ids */
	size_t gpus_count;
};

/* Lists a process that is ignored, in place of an entry for the same process, or removes that. */
struct change_ignore {
	const struct ignored_process *process;
	bool drop;
};

/* Records how the GPUs are linked, in place of what was recorded; nothing is compared. A pool that
   is created or recreated has nothing recorded. */
struct change_topology {
	const char *text; /* base/topology.h; NULL: unknown */
};

/*
 * Says what the numbers of the pool mean: of each slot, from uuid to retired_ns (other members are
 * ignored). As many slots as the pool has, or more, which are added as free ones; reservations and
 * the queue stay. Every slot must be as loaded, or be created by an earlier change of the commit.
 */
struct change_units {
	const struct slot *slots;
	size_t count;
};

/* Records whose GPUs the pool has. What was recorded must still be as loaded, or be of a pool that
   an earlier change of the same commit makes. */
struct change_host {
	const struct machine *host;
};

/* Stores what a reservation has done with one of its GPUs. Without effect where that GPU is no
   longer that reservation's; nothing else is compared, and no version changes: it never makes
   another commit fail. */
struct change_activity {
	const char *reservation_id;
	int gpu;
	struct activity activity;
};

/* Stores a mark, new (version == NULL: then there must be none of that key) or altered, or removes
   it. Compared as queue entries are. */
struct change_mark {
	const struct mark *mark;
	bool drop;
};

/*
 * Stores an event. Nothing is compared; the store gives it an id. With each of them the store
 * forgets a few of those that are older than forget_ns, which bounds how many there are. A store
 * without a pool takes none. change_apply does nothing: a state has no events.
 */
struct change_event {
	const struct event *event;
	int64_t forget_ns; /* TIME_NONE: forgets none */
};

struct change {
	enum change_kind kind;
	bool quiet; /* a mere heartbeat: a commit of nothing else wakes no process that watches */
	union {     /* by kind */
		struct change_init init;
		struct change_grant grant;
		struct change_end end;
		struct change_renew renew;
		struct change_put put;
		struct change_drop drop;
		struct change_drain drain;
		struct change_check check;
		struct change_ignore ignore;
		struct change_topology topology;
		struct change_units units;
		struct change_host host;
		struct change_activity activity;
		struct change_mark mark;
		struct change_event event;
	};
};

/* The queue entry that a change stores or removes; NULL for other kinds. */
const struct queue_entry *change_entry(const struct change *c);

/* The GPUs whose slots a change alters or compares; NULL and 0 for those that are not about
   slots. */
const int *change_gpus(const struct change *c, size_t *ret_count);

/* Whether changes of that kind must name GPUs. */
bool change_needs_gpus(enum change_kind kind);

/*
 * Applies a change to a state, as a store does to what it keeps: loading what was committed gives
 * the same state, but for versions, which stay as they are. The change must not point into this
 * state: what it was decided on is another copy. -EINVAL, with the state as it was, for a change
 * that contradicts the state: a grant on a slot that is not free, an id that the pool has not.
 */
int change_apply(struct pool_state *state, const struct change *c, struct err *e);

#endif
