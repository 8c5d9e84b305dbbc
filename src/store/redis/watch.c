/*
 * Watching for commits of others: ours are published on a channel, which a connection of its own
 * subscribes to. The other program publishes nothing; callers have a timer as well.
 *
 * A server that is not the primary any more publishes nothing either, and says nothing of it. So a
 * timer is a part of what callers poll: at each tick the store's connection is used, which finds
 * out (connect.c), and the watch follows it. The caller is not disturbed unless it has moved. One
 * that uses the connection anyway, every second, needs no ticks: each check puts the next one off.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/redis/connect.h"
#include "store/redis/redis.h"

/* A server that refuses (its rules may forbid the channel) is asked again after this, one that is
   away sooner. */
#define REFUSED_AGAIN_NS (10 * NS_PER_SECOND)
#define AWAY_AGAIN_NS NS_PER_SECOND
/* A primary that has moved is to be followed within 3 s; 200 waiting requests that check more often
   cost more of a processor. It is later than the check of a connection that is used every second.
 */
#define TICK_NS (2300 * NS_PER_MS)
#define SLOW_TICK_NS (15 * NS_PER_SECOND)

static void end_watch(struct redis_store *s)
{
	redis_connection_close(&s->watcher);
	mem_auto_close(&s->watch_fd);
	mem_auto_close(&s->watch_tick_fd);
}

/* The first tick comes at once where something may have been missed. */
static bool set_tick(struct redis_store *s)
{
	int64_t pause_ns = s->watch_slow ? SLOW_TICK_NS : TICK_NS;
	const struct timespec pause = {.tv_sec = pause_ns / NS_PER_SECOND,
				       .tv_nsec = pause_ns % NS_PER_SECOND};
	const struct itimerspec ticks = {
		.it_value = s->watch_missed ? (struct timespec){.tv_nsec = 1} : pause,
		.it_interval = pause,
	};

	s->watch_checked_ns = s->connection.checked_ns;
	return timerfd_settime(s->watch_tick_fd, 0, &ticks, NULL) == 0;
}

/* One descriptor for the notices and the ticks. */
static bool add_tick(struct redis_store *s)
{
	struct epoll_event event = {.events = EPOLLIN};

	s->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	s->watch_tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->watch_fd >= 0 && s->watch_tick_fd >= 0 && set_tick(s) &&
	       epoll_ctl(s->watch_fd, EPOLL_CTL_ADD, s->watch_tick_fd, &event) == 0 &&
	       epoll_ctl(s->watch_fd, EPOLL_CTL_ADD, s->watcher.fd, &event) == 0;
}

/* Subscribes on the very server that the store talks to. */
static int subscribe(struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;

	if (redis_connect(&s->connection, NULL) < 0)
		return -1;
	s->watch_generation = s->connection.generation;
	s->watcher.pinned = &s->connection.peer;
	REDIS_ADD(&s->watcher, "SUBSCRIBE", REDIS_CHANNEL);
	return redis_ask(&s->watcher, &reply, NULL);
}

int redis_watch(struct store *base)
{
	struct redis_store *s = redis_of(base);

	if (s->watch_fd >= 0 && s->watcher.fd >= 0 &&
	    s->watch_generation == s->connection.generation) {
		if (s->watch_checked_ns != s->connection.checked_ns)
			set_tick(s);
		return s->watch_fd;
	}
	if (s->watch_fd >= 0) {
		end_watch(s);
		s->watch_missed = true;
		s->watch_again_ns = 0;
	}
	if (clock_monotonic_ns() < s->watch_again_ns)
		return -1;
	if (subscribe(s) == 0 && add_tick(s)) {
		s->watch_again_ns = 0;
		return s->watch_fd;
	}
	s->watch_again_ns =
		clock_monotonic_ns() + (s->watcher.fd >= 0 ? REFUSED_AGAIN_NS : AWAY_AGAIN_NS);
	end_watch(s);
	return -1;
}

void redis_unwatch(struct store *base)
{
	struct redis_store *s = redis_of(base);

	end_watch(s);
	s->watch_again_ns = 0;
	s->watch_missed = false;
}

void redis_watch_slowly(struct store *base, bool slowly)
{
	struct redis_store *s = redis_of(base);

	if (s->watch_slow == slowly)
		return;
	s->watch_slow = slowly;
	if (s->watch_tick_fd >= 0)
		set_tick(s);
}

bool redis_watch_drain(struct store *base)
{
	struct redis_store *s = redis_of(base);
	bool changed = s->watch_missed;
	uint64_t ticks;

	if (s->watch_fd < 0)
		return false;
	s->watch_missed = false;
	if (redis_discard(&s->watcher))
		changed = true;
	if (read(s->watch_tick_fd, &ticks, sizeof(ticks)) > 0 &&
	    redis_connect(&s->connection, NULL) < 0)
		redis_connection_close(&s->watcher);
	/* What is committed until the next call of redis_watch is not noticed. */
	if (s->watcher.fd >= 0 && s->watch_generation == s->connection.generation)
		return changed;
	end_watch(s);
	return true;
}
