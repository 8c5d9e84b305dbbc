/*
 * The Redis store: one pool on a server, which programs on many hosts and of several makes may
 * share. Called through store.c. docs/redis.md has the keys, values and rules.
 *
 * Nothing is locked between load and commit: a commit is one script on the server that compares
 * what was seen and then sets. Opening does no I/O; the connection is made when it is needed and
 * kept for the life of the store.
 */
#include "store/redis/redis.h"

#include <stdlib.h>

#include "base/lazy/lazy.h"
#include "base/mem.h"

static int open_url(const struct store_backend *backend, const char *url, struct store **ret_store,
		    struct err *e)
{
	struct redis_address address;
	struct redis_store *s;
	int r = redis_address_parse(url, &address, e);

	if (r < 0)
		return r;
	/* At once, so that a process that lives for weeks does not miss them after an upgrade. */
	if ((r = lazy_load(LAZY_HIREDIS, e)) < 0 || (r = lazy_load(LAZY_JANSSON, e)) < 0) {
		redis_address_clear(&address);
		return r;
	}
	s = mem_alloc(1, sizeof(*s));
	s->base.backend = backend;
	s->base.url = mem_strdup(address.shown);
	s->address = address;
	redis_connection_init(&s->connection, &s->address);
	redis_connection_init(&s->watcher, &s->address);
	s->watch_fd = s->watch_tick_fd = -1;
	*ret_store = &s->base;
	return 0;
}

static int open_redis(const char *url, struct store **ret_store, struct err *e)
{
	return open_url(&store_redis, url, ret_store, e);
}

static int open_rediss(const char *url, struct store **ret_store, struct err *e)
{
	return open_url(&store_rediss, url, ret_store, e);
}

static int open_unix(const char *url, struct store **ret_store, struct err *e)
{
	return open_url(&store_redis_unix, url, ret_store, e);
}

static int open_sentinel(const char *url, struct store **ret_store, struct err *e)
{
	return open_url(&store_redis_sentinel, url, ret_store, e);
}

static int open_tls_sentinel(const char *url, struct store **ret_store, struct err *e)
{
	return open_url(&store_rediss_sentinel, url, ret_store, e);
}

/* Nothing is held; what came along with the load is not needed any more. */
static void abandon(struct store *base)
{
	redis_reply_clear(&redis_of(base)->loaded);
}

static void close_store(struct store *base)
{
	struct redis_store *s = redis_of(base);

	redis_history_end(base);
	redis_events_end(base);
	abandon(base);
	redis_unwatch(base);
	redis_expect_clear(&s->expected);
	redis_connection_clear(&s->connection);
	redis_connection_clear(&s->watcher);
	redis_address_clear(&s->address);
	free(s);
}

/* Several schemes, one store. */
#define BACKEND(name, opener)                                                                   \
	{                                                                                       \
		.scheme = (name), .open = (opener), .load = redis_load, .commit = redis_commit, \
		.abandon = abandon, .last_use = redis_last_use,                                 \
		.history_begin = redis_history_begin,                                           \
		.history_begin_newest = redis_history_begin_newest,                             \
		.history_next = redis_history_next, .history_end = redis_history_end,           \
		.history_add = redis_history_add, .history_trim = redis_history_trim,           \
		.events_begin = redis_events_begin, .events_next = redis_events_next,           \
		.events_end = redis_events_end, .event_find = redis_event_find,                 \
		.events_add = redis_events_add, .watch = redis_watch,                           \
		.watch_drain = redis_watch_drain, .unwatch = redis_unwatch,                     \
		.watch_slowly = redis_watch_slowly, .external_writers = true,                   \
		.examine = redis_examine, .close = close_store,                                 \
	}

const struct store_backend store_redis = BACKEND("redis", open_redis);
const struct store_backend store_rediss = BACKEND("rediss", open_rediss);
const struct store_backend store_redis_unix = BACKEND("unix", open_unix);
const struct store_backend store_redis_sentinel = BACKEND("redis+sentinel", open_sentinel);
const struct store_backend store_rediss_sentinel = BACKEND("rediss+sentinel", open_tls_sentinel);
