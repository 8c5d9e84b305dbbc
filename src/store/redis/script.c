/* How the server-side scripts, load.lua and commit.lua, are run. Called by load.c and commit.c. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/info.h"
#include "store/redis/redis.h"

/* A server that is not quite Redis: names it, since the address does not tell. */
static int refuse_server(struct redis_connection *c, const char *message, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *info = NULL;
	char product[64] = "a server of an unknown make";

	REDIS_ADD(c, "INFO", "server");
	if (redis_ask(c, &info, NULL) == 0 && info->type == REDIS_REPLY_STRING)
		redis_info_product(info->str, product, sizeof(product));
	return err_set(
		e, ENOTSUP,
		"Redis at %s: it is %s, which does not run the pool's scripts (docs/redis.md "
		"names the servers that do): %.200s",
		c->address->server, product, message);
}

static int refuse_script(struct redis_connection *c, const char *message, struct err *e)
{
	if (strstr(message, "unknown command") || strstr(message, "undeclared key"))
		return refuse_server(c, message, e);
	return redis_refused(c, message, e);
}

int redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
		     const char **words, const size_t *lengths, redisReply **ret_reply,
		     struct err *e)
{
	struct redis_connection *c = &s->connection;
	redisReply *reply = NULL;
	int r;

	words[0] = "EVALSHA";
	words[1] = script->sha1;
	redis_add(c, count, words, lengths);
	r = redis_exchange(c, &reply, 1, e);
	if (r == 0 && redis_is_error(reply, "NOSCRIPT")) {
		redis_reply_clear(&reply);
		words[0] = "EVAL";
		words[1] = script->text;
		redis_add(c, count, words, lengths);
		r = redis_exchange(c, &reply, 1, e);
	}
	if (r == 0 && reply->type == REDIS_REPLY_ERROR) {
		r = refuse_script(c, reply->str, e);
		redis_reply_clear(&reply);
	}
	if (r == 0)
		*ret_reply = reply;
	return r;
}
