/* How the server-side scripts, load.lua and commit.lua, are run. Called by load.c and commit.c. */
#include "base/mem.h"
#include "store/redis/redis.h"

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
		r = redis_refused(c, reply->str, e);
		redis_reply_clear(&reply);
	}
	if (r == 0)
		*ret_reply = reply;
	return r;
}
