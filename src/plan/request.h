/* What is asked for, and by whom. */
#ifndef PLAN_REQUEST_H
#define PLAN_REQUEST_H

#include "base/nouns.h"

/* The account that asks: from the kernel (real uid), never from the environment. */
struct plan_actor {
	uid_t uid;
	const char *account;
	bool administrator; /* a member of the group that the host's administrator has named */
};

/* Where the GPUs of a request are to be: place.h. */
enum place_wish { PLACE_ANY, PLACE_PREFERRED, PLACE_REQUIRED };

/* A reservation that is wanted. */
struct plan_request {
	struct plan_actor actor;
	enum reservation_type type;
	const char *user; /* display name; NULL: the account */
	int count;        /* GPUs wanted; ignored with ids */
	const int *ids;   /* exactly these, ascending; NULL: any */
	size_t ids_count;
	const char *gpu_type;      /* words of the model's name: kind.h; NULL: any */
	int64_t min_memory_mb;     /* of each GPU, in all; 0: any */
	enum place_wish linked;    /* by the GPUs' own links */
	enum place_wish same_numa; /* in one NUMA node */
	int64_t duration_ns;       /* manual: length; run: time limit, 0: none */
	const char *note;
	const char *notify; /* manual: the account wants to be told before it ends, by this channel
			       ("": by its usual ones); NULL: no */
	int64_t grace_ns;   /* run: how long it may take to end when its time limit is reached */
	bool force;         /* take GPUs in unreserved use, too */
	bool reuse;         /* manual: what the actor holds already will do: reuse.h */
	bool backfill;      /* may borrow what others wait for: backfill.h */
	struct holder holder; /* run; borrowed */
	const char *id;       /* UUID of the reservation to be */
};

/* A request that may wait: its place in the queue. */
struct plan_wait {
	const char *entry_id; /* UUID of its queue entry, which may not be in the queue (yet) */
	const char *part_id;  /* a new UUID for what it may collect now */
	int64_t enqueued_ns;  /* its place, see struct queue_entry; TIME_NONE: joins now */
	int64_t waited_ns;    /* how long ago it joined */
	int64_t give_up_ns;   /* TIME_NONE: waits as long as it takes */
	bool heartbeat;       /* is due */
};

/* "2 GPUs of type h100, linked". May hold other people's text. The caller frees it. */
char *plan_request_text(const struct plan_request *request);

#endif
