/* One connection to a Redis server; see connection.h. Called by the files of the Redis store.
 */
#include "store/redis/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/redis/connect.h"
#include "store/redis/tls.h"

/* Between attempts to reach a server that has just been lost, or that cannot answer yet; each pause
   is longer than the last. */
#define RETRY_PAUSE_NS (50 * NS_PER_MS)
#define RETRY_PAUSE_LAST_NS (400 * NS_PER_MS)
/* Most bytes of the replies to one batch: many times what a chunk of the history has. */
#define REPLIES_MAX ((size_t)64 << 20)

void redis_connection_init(struct redis_connection *c, const struct redis_address *address)
{
	*c = (struct redis_connection){.address = address, .fd = -1};
}

void redis_connection_close(struct redis_connection *c)
{
	redis_tls_close(c->tls, c->owner == getpid());
	c->tls = NULL;
	mem_auto_close(&c->fd);
	if (c->reader)
		redisReaderFree(c->reader);
	c->reader = NULL;
}

void redis_connection_clear(struct redis_connection *c)
{
	redis_connection_close(c);
	str_clear(&c->out);
}

void redis_add(struct redis_connection *c, size_t count, const char *const *words,
	       const size_t *lengths)
{
	char *command = NULL;
	/* int in old versions of hiredis, long long in newer ones; its arrays are not const. */
	long long length = redisFormatCommandArgv(&command, (int)count,
						  (const char **)(uintptr_t)words, lengths);

	if (length < 0 || !command)
		abort();
	str_add_bytes(&c->out, command, (size_t)length);
	free(command);
}

/* ---- bytes ---- */

static int lost(const struct redis_connection *c, int code, struct err *e)
{
	if (code == ETIMEDOUT)
		return err_set(e, code, "Redis at %s does not answer within %.1f s",
			       c->address->server,
			       (double)c->address->call_ns / (double)NS_PER_SECOND);
	return err_set(e, code, "the connection to Redis at %s was lost: %s", c->address->server,
		       strerror(code));
}

static int send_all(struct redis_connection *c, int64_t deadline_ns, struct err *e)
{
	size_t done = 0;

	/* The limit counts also where every single step goes on. */
	while (done < c->out.length) {
		const char *rest = c->out.text + done;
		size_t left = c->out.length - done;
		short events = POLLOUT;
		ssize_t n = c->tls ? redis_tls_write(c->tls, rest, left, &events)
				   : send(c->fd, rest, left, MSG_NOSIGNAL);

		if (!c->tls && n < 0)
			n = -errno;
		if (n > 0) {
			c->sent = true;
			done += (size_t)n;
			if (clock_monotonic_ns() > deadline_ns)
				return lost(c, ETIMEDOUT, e);
		} else if (n == -EAGAIN) {
			n = redis_wait(c->fd, events, deadline_ns);
		}
		if (n < 0 && n != -EINTR)
			return lost(c, (int)-n, e);
	}
	return 0;
}

/* Reads what is there, at least one byte, and feeds the reader. */
static int receive_some(struct redis_connection *c, int64_t deadline_ns, struct err *e)
{
	char part[16384];

	for (;;) {
		short events = POLLIN;
		ssize_t n = c->tls ? redis_tls_read(c->tls, part, sizeof(part), &events)
				   : recv(c->fd, part, sizeof(part), 0);

		if (!c->tls && n < 0)
			n = -errno;
		if (n > 0) {
			redisReaderFeed(c->reader, part, (size_t)n);
			c->received += (size_t)n;
			return 0;
		}
		if (n == 0)
			return lost(c, ECONNRESET, e);
		if (n == -EAGAIN)
			n = redis_wait(c->fd, events, deadline_ns);
		if (n < 0 && n != -EINTR)
			return lost(c, (int)-n, e);
	}
}

static int receive_reply(struct redis_connection *c, int64_t deadline_ns, redisReply **ret_reply,
			 struct err *e)
{
	for (;;) {
		void *reply = NULL;
		int r;

		if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
			return err_set(e, EPROTO, "the server at %s is not Redis (%s)",
				       c->address->server, c->reader->errstr);
		if (reply) {
			*ret_reply = reply;
			return 0;
		}
		/* A server that sends without end must neither block us for ever nor fill the
		   memory. */
		if (c->received > REPLIES_MAX)
			return err_set(e, EPROTO, "Redis at %s sends more than %zu MiB at once",
				       c->address->server, REPLIES_MAX >> 20);
		if (clock_monotonic_ns() > deadline_ns)
			return lost(c, ETIMEDOUT, e);
		r = receive_some(c, deadline_ns, e);
		if (r < 0)
			return r;
	}
}

int redis_round_trip(struct redis_connection *c, redisReply **ret_replies, size_t count,
		     int64_t deadline_ns, struct err *e)
{
	size_t got = 0;
	int r = send_all(c, deadline_ns, e);

	c->received = 0;
	while (r == 0 && got < count) {
		r = receive_reply(c, deadline_ns, &ret_replies[got], e);
		got += r == 0;
	}
	while (r < 0 && got)
		redis_reply_clear(&ret_replies[--got]);
	return r;
}

/* ---- exchanges ---- */

/*
 * Whether a failure is final. When a connection breaks during a batch, it is unknown whether the
 * batch was carried out, so it is sent again until the limit (`go_on`), and so it is while the
 * primary moves. Before that, two more attempts are made: an old connection may have been dead for
 * long. A server that cannot be reached is reported at once.
 */
static bool is_final(int r, bool go_on, int attempt)
{
	if (r == -EPROTO || r == -ETIMEDOUT)
		return true;
	if (go_on)
		return false;
	return (r != -ECONNRESET && r != -EPIPE) || attempt >= 2;
}

/* What the batch needs: the first reply that asks for anything says it for all. */
static enum redis_remedy remedy_of_all(redisReply *const *replies, size_t count)
{
	enum redis_remedy remedy = REDIS_ANSWERED;

	for (size_t i = 0; i < count && remedy == REDIS_ANSWERED; i++)
		remedy = redis_remedy_of(replies[i]);
	return remedy;
}

/* Sleeps before an attempt, longer each time; false where the limit comes first. */
static bool pause_before(int attempt, int64_t deadline_ns)
{
	int64_t pause_ns = RETRY_PAUSE_NS << (attempt < 3 ? attempt : 3);
	struct timespec pause = {.tv_nsec = pause_ns < RETRY_PAUSE_LAST_NS ? pause_ns
									   : RETRY_PAUSE_LAST_NS};

	if (clock_monotonic_ns() + pause.tv_nsec > deadline_ns)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

/* A name server may have taken the time of a call, of which its Redis server has had nothing yet.
 */
static int64_t answer_until_ns(const struct redis_connection *c, int64_t deadline_ns)
{
	int64_t half_ns = clock_monotonic_ns() + c->address->call_ns / 2;

	return half_ns > deadline_ns ? half_ns : deadline_ns;
}

/* One attempt; *ret_sent grows true where a batch may have arrived whose answer did not. */
static int attempt_exchange(struct redis_connection *c, redisReply **ret_replies, size_t count,
			    int64_t deadline_ns, bool *sent, struct err *e)
{
	int r;

	c->sent = false;
	r = redis_connect(c, e);
	if (r < 0)
		return r;
	r = redis_round_trip(c, ret_replies, count, answer_until_ns(c, deadline_ns), e);
	if (r < 0) {
		*sent |= c->sent;
		redis_connection_close(c);
	}
	return r;
}

int redis_exchange(struct redis_connection *c, redisReply **ret_replies, size_t count,
		   struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + c->address->call_ns;
	bool sent = false, moving = false, login = false;
	int r;

	for (int attempt = 0;; attempt++) {
		enum redis_remedy remedy = REDIS_ANSWERED;

		r = attempt_exchange(c, ret_replies, count, deadline_ns, &sent, e);
		if (r == 0)
			remedy = remedy_of_all(ret_replies, count);
		if (remedy == REDIS_MOVE || remedy == REDIS_LOGIN)
			redis_connection_close(c);
		moving |= remedy == REDIS_MOVE;
		/* One that is pinned must not wait for a server that may have moved. */
		if (c->pinned)
			break;
		if (r == 0 ? remedy == REDIS_ANSWERED || (remedy == REDIS_LOGIN && login)
			   : is_final(r, sent || moving, attempt))
			break;
		/* At once where only the connection is to blame. */
		if ((attempt || remedy == REDIS_WAIT || remedy == REDIS_MOVE) &&
		    !pause_before(attempt, deadline_ns))
			break;
		login |= remedy == REDIS_LOGIN;
		for (size_t i = 0; r == 0 && i < count; i++)
			redis_reply_clear(&ret_replies[i]);
	}
	c->sent = sent;
	c->out.length = 0;
	if (r != -EAGAIN)
		return r;
	if (e)
		e->code = EIO;
	return -EIO;
}

int redis_ask(struct redis_connection *c, redisReply **ret_reply, struct err *e)
{
	redisReply *reply = NULL;
	int r = redis_exchange(c, &reply, 1, e);

	if (r == 0 && reply->type == REDIS_REPLY_ERROR) {
		r = redis_refused(c, reply->str, e);
		redis_reply_clear(&reply);
	}
	if (r == 0)
		*ret_reply = reply;
	return r;
}

bool redis_discard(struct redis_connection *c)
{
	char part[16384];
	bool any = false;
	short events;
	ssize_t n;

	do {
		if (c->fd < 0)
			return any;
		n = c->tls ? redis_tls_read(c->tls, part, sizeof(part), &events)
			   : recv(c->fd, part, sizeof(part), MSG_DONTWAIT);
		if (!c->tls && n < 0)
			n = -errno;
		any |= n > 0;
	} while (n > 0 || n == -EINTR);
	if (n != -EAGAIN)
		redis_connection_close(c);
	return any;
}
