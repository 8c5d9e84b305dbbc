/*
 * What this program talks about: reservation, queue entry, usage record, pool, and by base/scan.h
 * gpu. Read it first. That one has what runs, this one what is agreed, and kept by src/store.
 *
 * Every layer shares these structs. Units are in the names: _ns is nanoseconds (for a point in
 * time, since 1970 UTC, TIME_NONE when not set), _mb is MiB as drivers count them. Strings are
 * owned by the struct, NULL when absent; the ..._clear functions free what a struct holds.
 */
#ifndef BASE_NOUNS_H
#define BASE_NOUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/scan.h"

/* The most GPUs one pool may have: bounds every list of ids. */
#define POOL_GPUS_MAX 1024

/* The name of one host's CLOCK_BOOTTIME: its boot id and, where that has its own, its time
   namespace; and NUL. */
#define CLOCK_NAME_SIZE 64

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and NUL. */
#define ID_SIZE 37

/* Longest note and display name that are accepted, in bytes. */
#define NOTE_MAX 1024
#define USER_MAX 64

/* A supervisor renews its reservation this often ... */
#define HEARTBEAT_INTERVAL_NS (60 * NS_PER_SECOND)
/* ... and one whose holder cannot be seen (another host) has ended when it was silent this long. */
#define HEARTBEAT_LIMIT_NS (300 * NS_PER_SECOND)

/* A waiting request is taken for dead when it was silent this long, unless its process can be seen.
 */
#define QUEUE_HEARTBEAT_LIMIT_NS (120 * NS_PER_SECOND)

/* struct offer.made_ns, where it is no time. */
#define OFFER_UNKNOWN INT64_C(0) /* the entry's program does not know offers */
#define OFFER_NONE INT64_C(1)

enum reservation_type { RESERVATION_RUN, RESERVATION_MANUAL };

/* A process that cannot be confused with a later one of the same pid. */
struct process_ref {
	pid_t pid;            /* 0: none */
	uint64_t start_ticks; /* clock ticks after boot, by the host's clock (host/proc.h) */
};

/* Who keeps a run reservation alive. */
struct holder {
	char *host;    /* host name; NULL unknown */
	char *boot_id; /* /proc/sys/kernel/random/boot_id; NULL unknown */
	struct process_ref command, supervisor;
};

/* By which clocks stored times were taken. Lengths are right by the boot clock: when the wall clock
   is set, the times move with it (plan/rebase.h). */
struct time_base {
	char clock[CLOCK_NAME_SIZE]; /* "": not known, the times stay as they are */
	int64_t offset_ns;           /* the wall clock was ahead of the boot clock by so much */
};

/* The first look that found a holder out of sight and silent. One look proves nothing: the clock
   may have been set. The next heartbeat ends it. */
struct doubt {
	int64_t heartbeat_ns;        /* the heartbeat that none has followed */
	int64_t wall_ns;             /* when, by the wall clock; TIME_NONE: no doubt */
	int64_t monotonic_ns;        /* the same by CLOCK_MONOTONIC ... */
	char clock[CLOCK_NAME_SIZE]; /* ... of the host whose boot clock has that name */
};

/* One claim, on one or more GPUs. */
struct reservation {
	char id[ID_SIZE]; /* UUID; "" when another program made it without one */
	char *user;       /* display name: --user, else the account */
	char *account;    /* name of the account that holds it */
	struct quantity uid;
	enum reservation_type type;
	int64_t start_ns;
	int64_t heartbeat_ns; /* run: last sign of life */
	int64_t expiry_ns;    /* manual: when it ends; run: TIME_NONE */
	int64_t deadline_ns;  /* run with --timeout: when it will be stopped; else TIME_NONE */
	char *note;
	char *queue_id;        /* id of the waiting queue entry that this GPU is collected for */
	struct time_base base; /* of the times above */
	struct doubt doubt;    /* run: whether its holder lives */
	struct holder holder;
	int *gpus; /* ids, ascending */
	size_t gpus_count;
};

/* What a reservation has done with one of its GPUs, as far as anybody who scanned has seen
   (plan/activity.h). */
struct activity {
	int64_t seen_ns;            /* the last look; TIME_NONE: nobody has looked */
	int64_t last_active_ns;     /* TIME_NONE: never seen active */
	int64_t idle_since_ns;      /* all looks since have shown it idle, none came late;
				       TIME_NONE: not so */
	int64_t active_ns, idle_ns; /* how long in all; the rest is unknown */
	bool told_idle;             /* EVENT_IDLE was made, and no EVENT_ACTIVE since */
	/* Of the last look, to compare the next one with. */
	struct quantity memory_mb, power_mw, energy_mj;
	int64_t card;          /* a hash of the card's UUID; 0 unknown */
	struct time_base base; /* of the times above */
};

/* The place of one GPU in the pool. */
struct slot {
	int id;
	/* What the number means, as recorded at `admin` and by `admin --refresh`. */
	char *uuid;         /* NULL unknown */
	char *profile;      /* of a MIG instance: "1g.10gb"; NULL: a whole GPU */
	char *parent;       /* UUID of the GPU that the instance is a part of */
	int parent_index;   /* the driver's number of that GPU then */
	int64_t retired_ns; /* since when it is known to be gone; TIME_NONE: it is not */
	struct reservation *reservation; /* NULL: free. Owned by pool_state.reservations */
	struct activity activity;        /* of that reservation; a new one has none */
	int64_t last_released_ns;        /* TIME_NONE: never used */
	struct time_base released_base;  /* of that time, which is not moved, and of the next */
	int64_t lapsed_ns;  /* it was freed then although another program may have been freeing it,
			       too (plan/settle.h); TIME_NONE: not so */
	char *drained_by;   /* account that has taken it out of service; else NULL */
	int64_t drained_ns; /* when it did */
	char *drained_note; /* why; NULL: nobody has said so */
	char *problem;      /* the stored state is unreadable: why; else NULL */
	char *version;      /* what was read, as the store compares it; opaque elsewhere */
};

/* GPUs that somebody saw idle and a waiting request could take, and its answer (plan/offer.h). */
struct offer {
	int64_t made_ns;             /* CLOCK_MONOTONIC, or one of OFFER_... */
	char clock[CLOCK_NAME_SIZE]; /* of the host whose boot clock has that name; "": unknown */
	int *gpus;                   /* ids, ascending; NULL: none */
	size_t gpus_count;
	char *aside;     /* why the request takes none of aside_gpus at present; NULL: takes any */
	int *aside_gpus; /* ids, ascending; NULL: all */
	size_t aside_gpus_count;
};

/* A request that waits, in order of arrival. */
struct queue_entry {
	char id[ID_SIZE];
	char *user, *account;
	struct quantity uid;
	enum reservation_type type;
	int requested_count;
	int *requested_ids; /* NULL: any GPUs */
	size_t requested_ids_count;
	char *gpu_type;        /* words of the model's name; NULL: any */
	int64_t min_memory_mb; /* of each GPU; 0: any */
	int *eligible;         /* the GPUs of that kind, ascending; NULL: all are */
	size_t eligible_count;
	int *collected; /* GPUs held for it so far */
	size_t collected_count;
	int64_t duration_ns; /* manual: length of the reservation; 0 for run */
	int account_limit; /* its account may hold so many GPUs (policy.max-gpus); 0: any number */
	char *note;
	int64_t enqueued_ns; /* its place: the wall clock of its arrival, which stays as it is */
	int64_t since_ns;    /* when it arrived; TIME_NONE: enqueued_ns (plan_waits_since_ns) */
	int64_t heartbeat_ns;
	int64_t give_up_ns;    /* TIME_NONE: waits as long as it takes */
	struct time_base base; /* of the three times above */
	bool cancelled;        /* its process is to leave the queue */
	bool lets_pass;        /* other programs see it behind all others: it takes nothing now */
	struct doubt doubt;    /* whether its process lives */
	struct offer offer;
	struct holder holder; /* the waiting process is holder.command */
	char *version;        /* like slot.version */
};

/* A process that does not count as use of the GPUs that it is on, until it ends. */
struct ignored_process {
	struct holder holder; /* it is holder.command */
	char *name;           /* NULL unknown */
	char *ignored_by;     /* account of the administrator who has said so */
	int64_t ignored_ns;
	int64_t memory_mb; /* what it had on a GPU then; what it takes beyond that counts */
};

/*
 * Something that was noticed and lasts, kept so that it is told and acted on once. The key says
 * what and about whom: "unreserved 3 4711:889", "idle RESERVATION-ID", "sick 3". Marks outlast the
 * pool's recreation.
 */
struct mark {
	char *key;
	int64_t since_ns, seen_ns; /* first and last noticed */
	int64_t warned_ns;         /* TIME_NONE: nobody was warned */
	int64_t acted_ns;          /* TIME_NONE: nothing was done */
	struct time_base base;     /* of the times above */
	char *text;                /* what else is to be remembered; or NULL */
	char *version;             /* like slot.version; NULL: not stored yet */
};

/* A host, as what is known of it names it. NULL: unknown. */
struct machine {
	char *id;      /* /etc/machine-id: stays until the host is installed again */
	char *boot_id; /* /proc/sys/kernel/random/boot_id: one kernel, and all containers on it */
	char *name;    /* for people */
};

/* All that is agreed about one host, as read at one moment. */
struct pool_state {
	bool initialized;
	char *provider;
	struct machine host; /* whose GPUs these are; all NULL: not recorded yet */
	char *host_version;  /* like slot.version; NULL where the store needs none */
	struct slot *slots;  /* slots[i].id == i */
	size_t slots_count;
	struct reservation **reservations;
	size_t reservations_count;
	struct queue_entry *queue; /* in order of arrival */
	size_t queue_count;
	size_t queue_unreadable;         /* more entries, of which the store can tell nothing */
	char *topology;                  /* see base/topology.h; NULL: not recorded */
	struct ignored_process *ignored; /* some may have ended */
	size_t ignored_count;
	char *ignored_version; /* like slot.version, of the whole list; NULL: not compared */
	struct mark *marks;    /* by key, ascending */
	size_t marks_count;
};

/* Why a reservation ended; stored with the usage record. */
enum end_reason {
	END_RELEASED,    /* by its holder: the command ended, or `release` */
	END_EXPIRED,     /* a manual reservation reached its end */
	END_HOLDER_DIED, /* command and supervisor are gone, or the host rebooted */
	END_STALE,       /* no heartbeat from a holder that cannot be seen */
	END_FORCED,      /* an administrator ended it */
};

/* A finished reservation of one GPU. */
struct usage_record {
	char reservation_id[ID_SIZE]; /* "" unknown (very old or another program) */
	char *user, *account;
	struct quantity uid;
	enum reservation_type type;
	int gpu;
	int64_t start_ns, end_ns;
	enum end_reason reason;
	char *actor; /* who ended it, where that was not the holder */
	/* As struct activity has them at the end; unknown where nobody could tell. */
	struct quantity active_ns, idle_ns;
};

const char *reservation_type_name(enum reservation_type type); /* "run", "manual" */
bool reservation_type_parse(const char *name, enum reservation_type *ret_type);
const char *end_reason_name(enum end_reason reason); /* "released", "expired", ... */
bool end_reason_parse(const char *name, enum end_reason *ret_reason);

/* Whether two accounts are the same: by uid where both are known, else by name (NULL: unknown). */
bool account_is_same(struct quantity uid, const char *name, struct quantity other_uid,
		     const char *other_name);

/* Who that is, for people: "alice", or where that is only a display name "alice (bob)", with the
   account; "unknown" where neither is known. The caller frees it. */
char *account_label(const char *user, const char *account);

/* A new random UUID from the kernel. */
void id_new(char id[ID_SIZE]);

void machine_clear(struct machine *m);
void machine_copy(struct machine *to, const struct machine *from);
void holder_clear(struct holder *h);
void holder_copy(struct holder *to, const struct holder *from);
struct reservation *reservation_new(void);
/* Always returns NULL. */
struct reservation *reservation_free(struct reservation *r);
void reservation_freep(struct reservation **r); /* for AUTO(reservation_freep) */
struct reservation *reservation_copy(const struct reservation *r);
void ignored_process_clear(struct ignored_process *i);
void mark_clear(struct mark *m);
void mark_copy(struct mark *to, const struct mark *from);
void offer_clear(struct offer *o);
void offer_copy(struct offer *to, const struct offer *from);
void queue_entry_clear(struct queue_entry *q);
void queue_entry_copy(struct queue_entry *to, const struct queue_entry *from);
void pool_state_clear(struct pool_state *s);
void pool_state_copy(struct pool_state *to, const struct pool_state *from);
void usage_record_clear(struct usage_record *u);

/* Makes what `to` means, from uuid to retired_ns, that of `from`; NULL: nothing. */
void slot_set_unit(struct slot *to, const struct slot *from);

/* Whether two slots mean the same, and both are retired or neither is. */
bool slot_is_same_unit(const struct slot *a, const struct slot *b);

/* Lists of GPU ids. gpu_ids_have needs an ascending one. */
void gpu_ids_sort(int *ids, size_t count);
bool gpu_ids_have(const int *ids, size_t count, int gpu);
bool gpu_ids_are_same(const int *a, size_t a_count, const int *b, size_t b_count);

/* The reservation of that id, or NULL. */
struct reservation *pool_state_find(const struct pool_state *s, const char *id);

/* Whether both name the same process. */
bool ignored_is_same(const struct ignored_process *a, const struct ignored_process *b);

/* Lists a copy of a process that is ignored, in place of one that is the same; drop: only removes
   that one. */
void pool_state_ignore(struct pool_state *s, const struct ignored_process *process, bool drop);

/* The mark of that key, or NULL. */
const struct mark *pool_state_mark(const struct pool_state *s, const char *key);

/* Lists a copy of a mark, in place of one of the same key; drop: only removes that one. */
void pool_state_put_mark(struct pool_state *s, const struct mark *mark, bool drop);

/* Whether somebody has looked at what the reservation does on that GPU, and could tell. */
bool activity_is_known(const struct activity *a);

/* Makes slots 0..count-1, all free, in place of those that there are. */
void pool_state_make_slots(struct pool_state *s, size_t count);

/* Adds free slots at the end until there are `count`. */
void pool_state_extend(struct pool_state *s, size_t count);

/* Takes ownership of r, lists it, and points the slots of its GPUs to it (ids out of range:
 * ignored). */
void pool_state_add(struct pool_state *s, struct reservation *r);

/* Adds a zeroed queue entry at the end and returns it (valid until the next one). */
struct queue_entry *pool_state_add_waiter(struct pool_state *s);

#endif
