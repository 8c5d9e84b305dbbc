/*
 * Following the web servers of other hosts, all in one process and at the same time, by libcurl:
 * the event stream of each, and its documents whenever it says that something has changed. One
 * that is away, slow, or says too much costs the others nothing. When to do what is decided in
 * follow_step.c.
 */
#ifndef REMOTE_FOLLOW_H
#define REMOTE_FOLLOW_H

#include <jansson.h>

#include "base/err.h"
#include "remote/follow_step.h"
#include "remote/server.h"

/* The documents of a host. All but the status may be missing: older servers lack them. */
enum follow_topic { FOLLOW_GPUS, FOLLOW_QUEUE, FOLLOW_HOST, FOLLOW_TOPICS };

struct follower;

/* Loads libcurl. `limit_ns`: how long a host has to answer. */
int follower_new(int64_t limit_ns, struct follower **ret, struct err *e);
struct follower *follower_free(struct follower *f);

/* Adds a host; its texts must live as long as the follower. */
void follower_add(struct follower *f, const struct remote_server *server);

/* Whether anybody wants to see the hosts: otherwise all connections are closed. */
void follower_want(struct follower *f, bool wanted);

/* Readable when there is something to do, for poll. */
int follower_fd(const struct follower *f);

/* Does what there is to do, without waiting. Returns when to call it again at the latest. */
int64_t follower_run(struct follower *f);

/* What is known of a host. Valid until the next call. */
struct followed {
	enum follow_status status;
	const char *problem; /* FOLLOW_AWAY: why; one line */
	int64_t seen_ns;     /* by the wall clock: its last answer; TIME_NONE: none */
	/* As remote/tidy.h makes them; NULL: missing. Kept while it is up. */
	const json_t *documents[FOLLOW_TOPICS];
};

/* Takes one whose status or documents have changed since it was taken last. False: there is none.
 */
bool follower_next(struct follower *f, size_t *ret_which, struct followed *ret);

/* Whether there is one. */
bool follower_has_news(const struct follower *f);

/* How many have neither answered nor failed yet. */
size_t follower_undecided(const struct follower *f);

#endif
