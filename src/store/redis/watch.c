/*
 * Watching for commits of others: ours are published on a channel, which a connection of its own
 * subscribes to. The other program publishes nothing; callers have a timer as well.
 */
#include "base/mem.h"
#include "store/redis/redis.h"

/* A server that refuses (its rules may forbid the channel) or is away is asked again after this. */
#define RETRY_NS (10 * NS_PER_SECOND)

int redis_watch(struct store *base)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *reply = NULL;

	if (s->watcher.fd >= 0)
		return s->watcher.fd;
	if (clock_monotonic_ns() < s->watch_again_ns)
		return -1;
	s->watch_again_ns = clock_monotonic_ns() + RETRY_NS;
	REDIS_ADD(&s->watcher, "SUBSCRIBE", REDIS_CHANNEL);
	if (redis_ask(&s->watcher, &reply, NULL) < 0)
		redis_connection_close(&s->watcher);
	return s->watcher.fd;
}

void redis_unwatch(struct store *base)
{
	struct redis_store *s = redis_of(base);

	redis_connection_close(&s->watcher);
	s->watch_again_ns = 0;
}

void redis_watch_drain(struct store *base)
{
	redis_discard(&redis_of(base)->watcher);
}
