/* Reading what has happened to a pool; and recording what changed nothing. */
#ifndef POOL_EVENTS_H
#define POOL_EVENTS_H

#include "base/err.h"
#include "base/event.h"
#include "plan/request.h"

struct pool;

/* Which events are wanted; zeroed: all. */
struct event_filter {
	const char *account; /* whom it concerns, by account or display name, or who did it */
	const int *gpus;     /* one of these, ascending; NULL: any */
	size_t gpus_count;
	bool kinds[EVENT_KINDS]; /* with some_kinds: one of these */
	bool some_kinds;
};

/* Events in the order in which they happened. */
struct event_list {
	struct event *events;
	size_t count;
	bool cut;                   /* there are older ones, too */
	char newest[EVENT_ID_SIZE]; /* of all that were read, whether they are wanted or not; "":
				       there were none */
};

void event_list_clear(struct event_list *l);

bool event_filter_takes(const struct event_filter *f, const struct event *event);

/*
 * Reads the events since a time, and where `after` is no NULL, behind the event of that id, one
 * after the other, so that there may be any number: 1, or 0 at their end. The event belongs to the
 * pool, until the next one is read or pool_events_end is called, also after an error.
 */
int pool_events_begin(struct pool *p, int64_t since_ns, const char *after, struct err *e);
int pool_events_next(struct pool *p, const struct event **ret_event, struct err *e);
void pool_events_end(struct pool *p);

/*
 * The same as a list; no more than the newest `limit` (0: all). A pool that older programs use has
 * none of what they do. The caller clears *ret_list.
 */
int pool_events(struct pool *p, const struct event_filter *filter, int64_t since_ns,
		const char *after, size_t limit, struct event_list *ret_list, struct err *e);

/* Where there are no events: an error unless there is a pool. */
int pool_events_check(struct pool *p, struct err *e);

/* The event of that id; -ENOENT. The caller clears *ret_event. */
int pool_event(struct pool *p, const char *id, struct event *ret_event, struct err *e);

/* Records an act of an administrator that no change shows. A failure is not told: it was done. */
void pool_note_act(struct pool *p, const struct plan_actor *actor, const char *reason);

struct attempt;

/*
 * Records that a request was refused by `why`, as the attempt has seen the pool. Not more than one
 * of a kind per account and minute: a script that tries again and again is one event. Failures are
 * not told: the request was refused all the same.
 */
void pool_note_refusal(struct pool *p, struct attempt *a, const struct plan_request *request,
		       const struct err *why);

#endif
