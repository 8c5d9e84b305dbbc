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

#define NO_PASSWORD "it has no password, but one was given (remove redis.password)"
#define NO_RIGHT "its ACL rules do not allow that (docs/redis.md has the rules needed)"
#define NO_CLUSTER "it is a node of a Redis cluster, which is not supported"

/* Never EBUSY or EAGAIN: to the pool these say that GPUs are missing, and that nothing was applied.
 */
static const struct refusal {
	const char *word; /* the error begins with it, or holds it */
	int code;
	enum redis_remedy remedy; /* REDIS_ANSWERED: it is for people to do something about it */
	const char *meaning;      /* and what to do about it */
} refusals[] = {
	{"NOAUTH", EACCES, REDIS_LOGIN, "it requires a password (set redis.password-file)"},
	{"ERR Protocol error: unauthenticated", EACCES, REDIS_LOGIN,
	 "it requires a password (set redis.password-file)"},
	{"WRONGPASS", EACCES, REDIS_LOGIN,
	 "wrong user or password (see redis.user, redis.password-file)"},
	{"ERR invalid password", EACCES, REDIS_LOGIN, "wrong password (see redis.password-file)"},
	{"ERR AUTH", EACCES, REDIS_ANSWERED, NO_PASSWORD},
	{"ERR Client sent AUTH", EACCES, REDIS_ANSWERED, NO_PASSWORD},
	{"NOPERM", EACCES, REDIS_ANSWERED, NO_RIGHT},
	{"ERR The user executing the script can't", EACCES, REDIS_ANSWERED, NO_RIGHT},
	{"READONLY", EROFS, REDIS_MOVE,
	 "it is a read-only replica (name the primary with --redis-host)"},
	{"MASTERDOWN", EIO, REDIS_MOVE, "it is a replica that has lost its primary"},
	/* An old primary that is cut off says so, too. */
	{"NOREPLICAS", EIO, REDIS_MOVE, "it needs more replicas before it accepts changes"},
	{"LOADING", EIO, REDIS_MOVE, "it is still loading its data (try again in a moment)"},
	{"ERR max number of clients", EIO, REDIS_MOVE,
	 "it has too many clients (see its maxclients)"},
	{"BUSY", EIO, REDIS_WAIT, "it is busy with somebody's long script (see SCRIPT KILL)"},
	{"UNKILLABLE", EIO, REDIS_WAIT, "it is busy with somebody's long script"},
	{"OOM", ENOSPC, REDIS_ANSWERED, "it is out of memory (raise its maxmemory, or free some)"},
	{"MISCONF", EIO, REDIS_ANSWERED,
	 "it cannot save its data to disk, and refuses changes until it can"},
	{"MOVED", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"ASK ", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"TRYAGAIN", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"CROSSSLOT", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"CLUSTERDOWN", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"ERR DB index", EINVAL, REDIS_ANSWERED, "it has no such database (see --redis-db)"},
	{"ERR invalid DB index", EINVAL, REDIS_ANSWERED,
	 "it has no such database (see --redis-db)"},
	{"ERR SELECT is not allowed in cluster mode", ENOTSUP, REDIS_ANSWERED, NO_CLUSTER},
	{"DENIED", EACCES, REDIS_ANSWERED,
	 "it is in protected mode and accepts only local clients"},
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

static const struct refusal *find(const char *message)
{
	const struct refusal *known = find_start(message);

	return known ? known : find_inside(message);
}

enum redis_remedy redis_remedy_of(const redisReply *reply)
{
	const struct refusal *known = reply->type == REDIS_REPLY_ERROR ? find(reply->str) : NULL;

	return known ? known->remedy : REDIS_ANSWERED;
}

int redis_refused(const struct redis_connection *c, const char *message, struct err *e)
{
	const struct refusal *known = find(message);

	if (!strncmp(message, "WRONGTYPE canhazgpu:", 20))
		return err_set(
			e, EBADMSG,
			"Redis at %s: the key %s has the wrong type (redis-cli TYPE shows it)",
			c->address->server, message + 10);
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
