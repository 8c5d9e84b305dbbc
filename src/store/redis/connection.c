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
#include "store/redis/tls.h"

/* Between attempts to reach a server that has just been lost, or that is still loading its data. */
#define RETRY_PAUSE_NS (50 * NS_PER_MS)
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

/* One round trip with what is in the batch. */
static int round_trip(struct redis_connection *c, redisReply **ret_replies, size_t count,
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

/* ---- connecting ---- */

/* Password, user and database, before anything else is sent: a command must never reach another
   database because SELECT failed behind its back. */
static int introduce(struct redis_connection *c, int64_t deadline_ns, struct err *e)
{
	const struct redis_address *a = c->address;
	redisReply *replies[2] = {NULL, NULL};
	struct str batch = c->out;
	char db[16];
	size_t count = 0;
	int r;

	c->out = (struct str){0};
	snprintf(db, sizeof(db), "%d", a->db);
	if (a->user)
		REDIS_ADD(c, "AUTH", a->user, a->password);
	else if (a->password)
		REDIS_ADD(c, "AUTH", a->password);
	count += a->password != NULL;
	if (a->db) {
		REDIS_ADD(c, "SELECT", db);
		count++;
	}
	r = count ? round_trip(c, replies, count, deadline_ns, e) : 0;
	for (size_t i = 0; i < count; i++) {
		bool login = i == 0 && a->password;

		if (r == 0 && replies[i]->type == REDIS_REPLY_ERROR)
			r = login ? redis_refused_login(c, replies[i]->str, e)
				  : redis_refused(c, replies[i]->str, e);
		redis_reply_clear(&replies[i]);
	}
	str_clear(&c->out);
	c->out = batch;
	c->sent = false;
	return r;
}

static int ensure_connected(struct redis_connection *c, struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + c->address->connect_ns;
	int r;

	if (c->fd >= 0 && c->owner != getpid())
		redis_connection_close(c);
	if (c->fd >= 0)
		return 0;
	r = redis_socket_open(c->address, deadline_ns, &c->fd, e);
	if (r < 0)
		return r;
	c->owner = getpid();
	c->reader = redisReaderCreate();
	if (c->address->tls)
		r = redis_tls_open(c->fd, c->address, deadline_ns, &c->tls, e);
	if (r == 0)
		r = introduce(c, deadline_ns, e);
	if (r < 0)
		redis_connection_close(c);
	return r;
}

/* ---- exchanges ---- */

static bool is_loading(redisReply *const *replies, size_t count)
{
	return count && redis_is_error(replies[0], "LOADING");
}

/*
 * Whether a failure is final. When a connection breaks during a batch, it is unknown whether the
 * batch was carried out, so it is sent again until the limit. Before that, two more attempts are
 * made: an old connection may have been dead for long. A server that cannot be reached is reported
 * at once.
 */
static bool is_final(int r, bool sent, int attempt)
{
	if (r == -EPROTO || r == -ETIMEDOUT)
		return true;
	if (sent)
		return false;
	return (r != -ECONNRESET && r != -EPIPE) || attempt >= 2;
}

int redis_exchange(struct redis_connection *c, redisReply **ret_replies, size_t count,
		   struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + c->address->call_ns;
	const struct timespec pause = {.tv_nsec = RETRY_PAUSE_NS};
	bool sent = false;
	int r;

	for (int attempt = 0;; attempt++) {
		bool loading = false;

		c->sent = false;
		r = ensure_connected(c, e);
		if (r == 0) {
			r = round_trip(c, ret_replies, count, deadline_ns, e);
			if (r < 0)
				redis_connection_close(c);
		}
		sent |= c->sent;
		/* A server that is still loading its data is waited for. */
		loading = r == 0 && is_loading(ret_replies, count);
		if ((r == 0 && !loading) || (r < 0 && is_final(r, sent, attempt)) ||
		    clock_monotonic_ns() + RETRY_PAUSE_NS > deadline_ns)
			break;
		for (size_t i = 0; loading && i < count; i++)
			redis_reply_clear(&ret_replies[i]);
		if (attempt || loading)
			nanosleep(&pause, NULL);
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

void redis_discard(struct redis_connection *c)
{
	char part[16384];
	short events;
	ssize_t n;

	do {
		if (c->fd < 0)
			return;
		n = c->tls ? redis_tls_read(c->tls, part, sizeof(part), &events)
			   : recv(c->fd, part, sizeof(part), MSG_DONTWAIT);
		if (!c->tls && n < 0)
			n = -errno;
	} while (n > 0 || n == -EINTR);
	if (n != -EAGAIN)
		redis_connection_close(c);
}
