/*
 * What has happened to a pool, for people and programs that were not looking: who got what, why,
 * and on which state that was decided. Events are made from the changes of a commit (plan/events.h)
 * and are stored by that commit: all or nothing. A store keeps them for a while.
 */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include "base/nouns.h"

enum event_kind {
	EVENT_REQUESTED, /* somebody asked for GPUs, and did not get them at once */
	EVENT_QUEUED,    /* the request waits */
	EVENT_GRANTED,
	EVENT_COLLECTED, /* GPUs are kept for a waiting request */
	EVENT_LEFT,      /* a request left the queue without GPUs: cancelled, gave up, died */
	EVENT_RELEASED,
	EVENT_EXPIRING, /* a manual reservation ends soon */
	EVENT_EXPIRED,
	EVENT_EXTENDED,
	EVENT_IDLE,   /* a reserved GPU does nothing */
	EVENT_ACTIVE, /* it does something again */
	EVENT_UNRESERVED_BEGUN,
	EVENT_UNRESERVED_ENDED,
	EVENT_DRAINED,
	EVENT_UNDRAINED,
	EVENT_SICK, /* a driver's verdict on a GPU */
	EVENT_WELL,
	EVENT_REFUSED, /* by the host's policy */
	EVENT_ADMIN,   /* an administrator's act: init, refresh, ignore, restore */
	EVENT_WARNED,  /* somebody was told what will be done */
	EVENT_STOPPED, /* processes were signalled */
	EVENT_KINDS,
};

/* Room for an id, two numbers of 64 bits at most with a hyphen, and NUL. */
#define EVENT_ID_SIZE 42

struct event {
	char id[EVENT_ID_SIZE]; /* grows from one to the next; "": not stored yet */
	int64_t time_ns;
	enum event_kind kind;
	char *account, *user; /* whom it concerns; NULL: nobody in particular */
	struct quantity uid;
	char *actor; /* the account that did it, where that is another one */
	int *gpus;   /* ids, ascending */
	size_t gpus_count;
	char *reservation_id, *queue_id; /* NULL: about none */
	char *reason;                    /* one sentence for people */
	char *details;                   /* a JSON object, or NULL */
	char *before; /* the state that it was decided on: plan/before.h; or NULL */
};

/* Which events are read: those after that time and after that id, in the order in which they
   happened, or the newest first. */
struct event_range {
	int64_t since_ns;
	const char *after; /* id; NULL: from since_ns */
	bool newest_first;
};

const char *event_kind_name(enum event_kind kind); /* "granted", "unreserved-begun" */
bool event_kind_parse(const char *name, enum event_kind *ret_kind);

/* Whether people are told of it unless they say otherwise. */
bool event_kind_is_told(enum event_kind kind);

/* Whether it was decided on a state that is worth keeping. */
bool event_kind_is_decision(enum event_kind kind);

void event_clear(struct event *e);
void event_copy(struct event *to, const struct event *from);

#endif
