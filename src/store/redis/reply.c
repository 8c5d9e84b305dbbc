/* Replies of a Redis server: what kind they are, and what its errors mean. Called by the files of
   the Redis store. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/connection.h"

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

int redis_makes_no_sense(const struct redis_connection *c, struct err *e)
{
	return err_set(e, EPROTO, "Redis at %s gave an invalid answer", c->address->server);
}

int redis_expect_texts(const struct redis_connection *c, const redisReply *reply, bool or_nothing,
		       struct err *e)
{
	if (reply->type != REDIS_REPLY_ARRAY)
		return redis_makes_no_sense(c, e);
	for (size_t i = 0; i < reply->elements; i++) {
		int type = reply->element[i]->type;

		if (type != REDIS_REPLY_STRING && !(or_nothing && type == REDIS_REPLY_NIL))
			return redis_makes_no_sense(c, e);
	}
	return 0;
}

/* Never EBUSY or EAGAIN: to the pool these say that GPUs are missing, and that nothing was applied.
 */
static const struct refusal {
	const char *word; /* the error begins with it, or holds it */
	int code;
	const char *meaning; /* and what to do about it */
} refusals[] = {
	{"NOAUTH", EACCES, "it requires a password (set redis.password-file)"},
	{"ERR Protocol error: unauthenticated", EACCES,
	 "it requires a password (set redis.password-file)"},
	{"WRONGPASS", EACCES, "wrong user or password (see redis.user, redis.password-file)"},
	{"ERR invalid password", EACCES, "wrong password (see redis.password-file)"},
	{"ERR AUTH", EACCES, "it has no password, but one was given (remove redis.password)"},
	{"ERR Client sent AUTH", EACCES,
	 "it has no password, but one was given (remove redis.password)"},
	{"NOPERM", EACCES, "its ACL rules do not allow that (docs/redis.md has the rules needed)"},
	{"ERR The user executing the script can't", EACCES,
	 "its ACL rules do not allow that (docs/redis.md has the rules needed)"},
	{"READONLY", EROFS, "it is a read-only replica (name the primary with --redis-host)"},
	{"OOM", ENOSPC, "it is out of memory (raise its maxmemory, or free some)"},
	{"MISCONF", EIO, "it cannot save its data to disk, and refuses changes until it can"},
	{"LOADING", EIO, "it is still loading its data (try again in a moment)"},
	{"MASTERDOWN", EIO, "it is a replica that has lost its primary"},
	{"NOREPLICAS", EIO, "it needs more replicas before it accepts changes"},
	{"BUSY", EIO, "it is busy with somebody's long script (see SCRIPT KILL)"},
	{"MOVED", ENOTSUP, "it is a node of a Redis cluster, which is not supported"},
	{"CROSSSLOT", ENOTSUP, "it is a node of a Redis cluster, which is not supported"},
	{"ERR max number of clients", EIO, "it has too many clients (see its maxclients)"},
	{"ERR DB index", EINVAL, "it has no such database (see --redis-db)"},
	{"ERR invalid DB index", EINVAL, "it has no such database (see --redis-db)"},
	{"DENIED", EACCES, "it is in protected mode and accepts only local clients"},
};

/* The refusal that an error begins with, or NULL. */
static const struct refusal *find_start(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!strncmp(message, refusals[i].word, strlen(refusals[i].word)))
			return &refusals[i];
	}
	return NULL;
}

/* Errors from inside a script have the word after some more text. */
static const struct refusal *find_inside(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (strstr(message, refusals[i].word) && !strchr(refusals[i].word, ' '))
			return &refusals[i];
	}
	return NULL;
}

int redis_refused(const struct redis_connection *c, const char *message, struct err *e)
{
	const struct refusal *known = find_start(message);

	if (!strncmp(message, "WRONGTYPE canhazgpu:", 20))
		return err_set(
			e, EBADMSG,
			"Redis at %s: the key %s has the wrong type (redis-cli TYPE shows it)",
			c->address->server, message + 10);
	if (!known)
		known = find_inside(message);
	if (known)
		return err_set(e, known->code, "Redis at %s: %s", c->address->server,
			       known->meaning);
	return err_set(e, EIO, "Redis at %s: %.300s", c->address->server, message);
}

int redis_refused_login(const struct redis_connection *c, const char *message, struct err *e)
{
	const struct refusal *known = find_start(message);

	return err_set(e, known ? known->code : EACCES, "Redis at %s: %s", c->address->server,
		       known ? known->meaning
			     : "it refuses the login (see redis.user, redis.password-file)");
}
