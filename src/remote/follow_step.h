/*
 * How another host's web server is followed: when its event stream is opened, its documents are
 * fetched, and when it counts as away: decided from what has happened and the time alone, without
 * I/O. remote/follow_host.c does what it says.
 *
 *     stream → at a change: documents, at most every 2 s → anything fails: begin again, later
 *
 * All times are of the monotonic clock.
 */
#ifndef REMOTE_FOLLOW_STEP_H
#define REMOTE_FOLLOW_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* Changes that follow each other are fetched together. */
#define FOLLOW_GAP_NS (2 * NS_PER_SECOND)
/* A server without an event stream is asked that often. */
#define FOLLOW_POLL_NS (10 * NS_PER_SECOND)
/* Ours sends something every 15 s. */
#define FOLLOW_SILENCE_NS (45 * NS_PER_SECOND)
/* Pauses between attempts grow from one to the other. */
#define FOLLOW_PAUSE_LEAST_NS NS_PER_SECOND
#define FOLLOW_PAUSE_MOST_NS (30 * NS_PER_SECOND)
/* Reading a document may take this part of the time: one that takes long is read less often. */
#define FOLLOW_SHARE 50

enum follow_status { FOLLOW_CONNECTING, FOLLOW_UP, FOLLOW_AWAY };

enum follow_stream {
	FOLLOW_CLOSED,
	FOLLOW_OPENING,
	FOLLOW_OPEN,
	FOLLOW_POLLED, /* the server has none */
};

struct follow_state {
	enum follow_status status;
	enum follow_stream stream;
	int64_t limit_ns; /* for the beginning of a stream */
	bool wanted;
	bool fetching;
	bool changed;      /* since the latest fetch began */
	unsigned failures; /* since the last answer */
	int64_t heard_ns;  /* the stream's last sign of life, or when it was asked for */
	int64_t next_ns;   /* no attempt, or no fetch, before */
	int64_t begun_ns;  /* the latest fetch */
};

enum follow_event_kind {
	FOLLOW_WANT, /* somebody wants to see it; no change where somebody did already */
	FOLLOW_REST, /* nobody does */
	FOLLOW_STREAM_BEGINS,
	FOLLOW_STREAM_MISSING, /* the server answers, and has none */
	FOLLOW_HEARD,          /* anything, on the stream */
	FOLLOW_CHANGE,         /* the stream says that something has changed */
	FOLLOW_FETCHED,
	FOLLOW_FAILED, /* the stream has ended, or something went wrong with it or the documents */
	FOLLOW_TICK,
};

struct follow_event {
	enum follow_event_kind kind;
	int64_t cost_ns; /* FOLLOW_FETCHED: how long reading the documents took */
	double random;   /* FOLLOW_FAILED: 0 to 1, so that not all come back at the same time */
};

struct follow_action {
	bool close;          /* the stream and the fetch, where there are any */
	bool open;           /* the stream */
	bool fetch;          /* the documents */
	const char *problem; /* FOLLOW_TICK: it has failed, for that reason; else NULL */
	int64_t next_ns;     /* FOLLOW_TICK: when the next one is due */
};

/* `limit_ns`: how long it has to begin to answer. */
void follow_state_init(struct follow_state *s, int64_t limit_ns);

/* Takes an event into the state, and says what is to be done. A tick follows each other event. */
struct follow_action follow_step(struct follow_state *s, const struct follow_event *event,
				 int64_t now_ns);

#endif
