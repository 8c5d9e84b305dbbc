/*
 * The event streams (/api/events): connections that stay open and are told when something changes.
 * A stream that is told nothing sleeps in libmicrohttpd, so that a thousand cost as little as one.
 */
#ifndef WEB_STREAM_H
#define WEB_STREAM_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/str.h"

/* More than that at once are refused. */
#define STREAMS_MAX 4000

struct stream;

struct streams {
	TAILQ_HEAD(stream_list, stream) list;
	size_t count;
	uint64_t version;       /* of what there is to see */
	uint64_t hosts_version; /* the same of other hosts */
	/* The newest messages about what has happened, so that each stream gets all of them once.
	 */
	struct str log;
	uint64_t log_begin; /* how many bytes went before it */
	int64_t next_beat_ns;
	bool closing;
	bool woken; /* one of them, since libmicrohttpd ran last */
};

void streams_init(struct streams *s);

/* Answers a request with a stream. */
enum MHD_Result streams_open(struct streams *s, struct MHD_Connection *connection);

/* Tells all streams that there is something new. */
void streams_tell(struct streams *s);

/* The same of other hosts. */
void streams_tell_hosts(struct streams *s);

/* Sends whole messages to all streams, as they are. One that is too slow misses the oldest. */
void streams_log(struct streams *s, const char *messages, size_t length);

/* Sends a sign of life when it is time. Returns when to call this again; INT64_MAX: no streams. */
int64_t streams_beat(struct streams *s, int64_t now_ns);

/* Ends all streams; libmicrohttpd has to run until they are gone. */
void streams_close(struct streams *s);

/* Frees what is kept, when they are gone. */
void streams_clear(struct streams *s);

#endif
