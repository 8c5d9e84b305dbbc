/*
 * One host that is followed: what its stream and its answers mean, and what is known of it. Which
 * of its connections is used when is decided in follow_step.c.
 */
#ifndef REMOTE_FOLLOW_HOST_H
#define REMOTE_FOLLOW_HOST_H

#include <jansson.h>

#include "base/str.h"
#include "remote/follow.h"
#include "remote/follow_transfer.h"

/* A line of a stream that matters is shorter. */
#define FOLLOW_LINE_SIZE 64

struct follow_host {
	struct follow_shared *shared;
	char *urls[FOLLOW_TOPICS];
	struct follow_state state;
	struct follow_transfer stream, fetch;
	/* The stream, as it is read. */
	bool begins, missing, heard, changed;
	char line[FOLLOW_LINE_SIZE];
	size_t line_length;
	/* The documents, as they are read. */
	int topic;
	struct str body;
	bool too_much;
	int64_t cost_ns;
	int64_t about_ns; /* when FOLLOW_HOST was read */
	char tags[FOLLOW_TOPICS][FOLLOW_TAG_SIZE];
	/* What is known. */
	json_t *documents[FOLLOW_TOPICS];
	char *problem;
	int64_t seen_ns;
	bool news; /* it was not taken yet */
};

/* The shared part must live as long as the host. */
struct follow_host *follow_host_new(struct follow_shared *shared,
				    const struct remote_server *server);
void follow_host_free(struct follow_host *h);

/* Takes an event into the host's state, and does to its connections what follows from it. */
struct follow_action follow_host_step(struct follow_host *h, enum follow_event_kind kind);

/* One of a host's connections has ended. */
void follow_host_end(struct follow_transfer *t, CURLcode code);

/* What the stream of a host has said, and what is due. Returns when something is due next. */
int64_t follow_host_settle(struct follow_host *h);

/* Not in the middle of a fetch: its status may be newer than its queue. */
bool follow_host_has_news(const struct follow_host *h);

#endif
