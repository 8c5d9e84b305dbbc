/* One connection to a Redis server; see redis_connection.h. Called by the files of the Redis store.
 */
#include "store/redis_connection.h"

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
#include "store/redis_tls.h"

/* Between attempts to reach a server that has just been lost, or that is still loading its data. */
#define RETRY_PAUSE_NS (50 * NS_PER_MS)

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

void redis_reply_clear(redisReply **reply)
{
	if (*reply)
		freeReplyObject(*reply);
	*reply = NULL;
}

bool redis_is_error(const redisReply *reply, const char *word)
{
	return reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, word, strlen(word));
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
			return err_set(e, EPROTO, "what answers at %s is not Redis (%s)",
				       c->address->server, c->reader->errstr);
		if (reply) {
			*ret_reply = reply;
			return 0;
		}
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
		if (r == 0 && replies[i]->type == REDIS_REPLY_ERROR)
			r = redis_refused(c, replies[i]->str, e);
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
 * Whether a failure is final. A connection that breaks while a batch is under way leaves open
 * whether it was carried out, so it is sent again until the limit. Before that, two more attempts
 * are made: an old connection may have been dead for long. A server that cannot be reached is told
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
	return r;
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

/* ---- errors of the server ---- */

static const struct {
	const char *word; /* the error begins with it, or holds it */
	int code;
	const char *meaning; /* and what to do about it */
} refusals[] = {
	{"NOAUTH", EACCES, "it wants a password (set redis.password-file)"},
	{"ERR Protocol error: unauthenticated", EACCES,
	 "it wants a password (set redis.password-file)"},
	{"WRONGPASS", EACCES, "wrong user or password (see redis.user, redis.password-file)"},
	{"ERR invalid password", EACCES, "wrong password (see redis.password-file)"},
	{"ERR AUTH", EACCES, "it has no password, but one was given (remove redis.password)"},
	{"ERR Client sent AUTH", EACCES,
	 "it has no password, but one was given (remove redis.password)"},
	{"NOPERM", EACCES,
	 "its ACL rules do not allow that (docs/redis.md has those that suffice)"},
	{"ERR The user executing the script can't", EACCES,
	 "its ACL rules do not allow that (docs/redis.md has those that suffice)"},
	{"READONLY", EROFS, "it is a read-only replica (name the primary with --redis-host)"},
	{"OOM", ENOSPC, "it is out of memory (raise its maxmemory, or free some)"},
	{"MISCONF", EIO, "it cannot save its data to disk, and refuses changes until it can"},
	{"LOADING", EBUSY, "it is still loading its data (try again in a moment)"},
	{"MASTERDOWN", EIO, "it is a replica that has lost its primary"},
	{"NOREPLICAS", EIO, "it wants more replicas than it has before it accepts changes"},
	{"BUSY", EBUSY, "it is busy with a long script of somebody (see SCRIPT KILL)"},
	{"MOVED", ENOTSUP, "it is a node of a Redis cluster, which is not supported"},
	{"CROSSSLOT", ENOTSUP, "it is a node of a Redis cluster, which is not supported"},
	{"ERR max number of clients", EBUSY, "it has too many clients (see its maxclients)"},
	{"ERR DB index", EINVAL, "it has no such database (see --redis-db)"},
	{"ERR invalid DB index", EINVAL, "it has no such database (see --redis-db)"},
	{"DENIED", EACCES, "it is in protected mode and takes local clients only"},
};

int redis_refused(const struct redis_connection *c, const char *message, struct err *e)
{
	if (!strncmp(message, "WRONGTYPE canhazgpu:", 20))
		return err_set(
			e, EBADMSG,
			"Redis at %s: the key %s has the wrong type (redis-cli TYPE shows it)",
			c->address->server, message + 10);
	/* Errors from inside a script carry the word behind some more text. */
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!strncmp(message, refusals[i].word, strlen(refusals[i].word)))
			return err_set(e, refusals[i].code, "Redis at %s: %s", c->address->server,
				       refusals[i].meaning);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (strstr(message, refusals[i].word) && !strchr(refusals[i].word, ' '))
			return err_set(e, refusals[i].code, "Redis at %s: %s", c->address->server,
				       refusals[i].meaning);
	}
	return err_set(e, EIO, "Redis at %s: %.300s", c->address->server, message);
}
