/*
 * When the server reads the pool again, when it tells the event streams, and how long a request
 * waits for newer documents: decided from what has happened and the time alone, without I/O.
 * However many clients there are, there is one refresh per interval while anybody watches, one at
 * each change of the pool, and none otherwise.
 *
 * All times are of the monotonic clock.
 */
#ifndef WEB_REFRESH_STEP_H
#define WEB_REFRESH_STEP_H

#include <stdbool.h>
#include <stdint.h>

struct refresh_state {
	int64_t interval_ns;
	bool shown;           /* there is an outcome: documents, or why there are none */
	bool failed;          /* it is the latter */
	uint64_t fingerprint; /* of what the documents show */
	int64_t shown_ns;     /* when the refresh began whose outcome that is */
	bool busy;            /* one is going on ... */
	int64_t begun_ns;     /* ... and began then; otherwise the latest one did */
	int64_t resume_ns;    /* no new one before */
	bool changed;         /* the pool has, since the latest one began */
	int64_t asked_ns;     /* when a client asked for a document last */
	int64_t told_ns;      /* when the streams were told last */
	int64_t tell_ns;      /* when to tell them; INT64_MAX: there is nothing to tell */
};

enum refresh_event_kind {
	REFRESH_REQUEST, /* a client asks for a document */
	REFRESH_CHANGE,  /* the pool has changed */
	REFRESH_TICK,    /* time has passed */
	REFRESH_BEGIN,   /* a refresh has begun, as an action asked for */
	REFRESH_END,     /* it has ended */
};

struct refresh_event {
	enum refresh_event_kind kind;
	bool waited;          /* REFRESH_REQUEST: it has waited already */
	bool watched;         /* REFRESH_TICK: there are event streams */
	bool awaited;         /* REFRESH_TICK: requests wait for the outcome of a refresh */
	bool failed;          /* REFRESH_END */
	uint64_t fingerprint; /* REFRESH_END */
};

struct refresh_action {
	bool tell;       /* tell the event streams */
	bool begin;      /* begin a refresh; where that is not possible, the next tick asks again */
	int64_t wait_ns; /* after REFRESH_REQUEST: how long it waits at most; 0: answer it */
	int64_t wake_ns; /* after REFRESH_END: wake requests that began to wait up to then */
	int64_t next_ns; /* after REFRESH_TICK and REFRESH_BEGIN: when the next tick is due */
};

void refresh_state_init(struct refresh_state *s, int64_t interval_ns);

/* Takes an event into the state, and says what is to be done. */
struct refresh_action refresh_step(struct refresh_state *s, const struct refresh_event *event,
				   int64_t now_ns);

#endif
