/*
 * One connection to a Redis server: commands go out in one batch, replies come back in their
 * order, and every exchange has a time limit. It connects by itself when it is first used, and
 * again when it was lost, or leads to a server that is not the primary any more: the name is looked
 * up, or the Sentinels are asked, each time. hiredis writes and reads the protocol; the sockets are
 * ours, so that a limit counts for a whole exchange, with and without TLS, in every version of
 * hiredis.
 *
 * Only commands whose repetition does no harm may be sent: what was lost is sent again.
 */
#ifndef STORE_REDIS_CONNECTION_H
#define STORE_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include "base/str.h"
#include "store/redis/peers.h"

struct redis_tls;

struct redis_connection {
	const struct redis_address *address; /* borrowed */
	int fd;                              /* -1: not connected */
	const struct redis_peer *pinned; /* borrowed: connects there and nowhere else; or NULL */
	struct redis_tls *tls;           /* NULL: plain */
	redisReader *reader;
	pid_t owner;     /* the process that connected: a child of fork must not talk here */
	struct str out;  /* the batch */
	bool sent;       /* the last batch may have reached the server */
	size_t received; /* bytes of the replies being read */

	struct redis_peer peer;   /* who is at the other end */
	uint64_t generation;      /* grows with every new connection */
	size_t place;             /* the Sentinel that was of help last */
	int64_t checked_ns;       /* monotonic: when the peer was last known to be the right one */
	int64_t look_up_again_ns; /* monotonic: a name is not looked up before that */
};

void redis_connection_init(struct redis_connection *c, const struct redis_address *address);
void redis_connection_close(struct redis_connection *c); /* it connects again when it is used */
void redis_connection_clear(struct redis_connection *c);

/* Adds a command to the batch; lengths (NULL: words are texts) in bytes. */
void redis_add(struct redis_connection *c, size_t count, const char *const *words,
	       const size_t *lengths);
#define REDIS_ADD(c, ...)                                                \
	redis_add((c), ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
		  (const char *const[]){__VA_ARGS__}, NULL)

/*
 * Sends the batch and reads `count` replies, as many as it has commands; the caller frees each with
 * freeReplyObject. Errors of the server are replies, too: see redis_refused. Never -EAGAIN: that is
 * for commits that were not applied, and a failed connection leaves that unknown.
 */
int redis_exchange(struct redis_connection *c, redisReply **ret_replies, size_t count,
		   struct err *e);

/* The same for a batch of one command, where an error of the server is a failure. */
int redis_ask(struct redis_connection *c, redisReply **ret_reply, struct err *e);

/* Reads and drops what the server has sent unasked, without waiting: true if that was anything.
   Closes a lost connection. */
bool redis_discard(struct redis_connection *c);

/* What a reply asks for that is no answer. */
enum redis_remedy {
	REDIS_ANSWERED, /* nothing: it is one, or an error that stays one */
	REDIS_WAIT,     /* to be sent again, here, in a moment */
	REDIS_MOVE,     /* the same on a new connection: the primary may be elsewhere by then */
	REDIS_LOGIN,    /* a new connection, for which the password is read again */
};
enum redis_remedy redis_remedy_of(const redisReply *reply);

/* Fills e for an error of the server: one line that names the server and what to do. */
int redis_refused(const struct redis_connection *c, const char *message, struct err *e);

/* The same for the answer to AUTH: the server's own text may repeat the password, and is not shown.
 */
int redis_refused_login(const struct redis_connection *c, const char *message, struct err *e);

/* EPROTO: a reply of a shape that no command of ours has. */
int redis_makes_no_sense(const struct redis_connection *c, struct err *e);

/* 0 if a reply is an array of strings (`or_nothing`: or of nils), else EPROTO: a server that is
   none, or a proxy, may answer anything. */
int redis_expect_texts(const struct redis_connection *c, const redisReply *reply, bool or_nothing,
		       struct err *e);

/* True if a reply is an error that begins with that word. */
bool redis_is_error(const redisReply *reply, const char *word);

void redis_reply_clear(redisReply **reply); /* for AUTO(redis_reply_clear) */

/* Waits for events on a descriptor until deadline_ns (monotonic): 0, -ETIMEDOUT, or -errno. */
int redis_wait(int fd, short events, int64_t deadline_ns);

#endif
