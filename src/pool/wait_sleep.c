/*
 * Sleeping: pool_wait_sleep of wait.h. A commit, the end of a process, an expiry each wake the
 * request, and a timer is the backstop. Only for processes that are stopped it has to look itself.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>

#include "pool/wait_private.h"

/* After a commit the requests behind step later, one after the other, so that they do not get in
   the way of the first. */
#define STAGGER_NEAR_NS (4 * NS_PER_MS)
#define STAGGER_FAR_NS (20 * NS_PER_MS)
#define STAGGER_LAST_NS (2 * NS_PER_SECOND)

/* It looks so often whether a request that keeps GPUs was stopped. */
#define COLLECTORS_TICK_NS (500 * NS_PER_MS)

/* What ends a sleep. */
enum wake {
	WAKE_NOTHING, /* not yet: sleep on */
	WAKE_STEP,
	WAKE_TICK,
	WAKE_INTERRUPT,
};

/* The descriptors in the order of their indices; processes follow. */
enum { FD_INTERRUPT, FD_STORE, FD_CLOCK, FD_PROCESSES };

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* After a commit: at once for the first two, later for those behind. */
static void alarm_stagger(struct alarm *a)
{
	int64_t near =
		a->rank < 2 ? 0 : (int64_t)(a->rank < WAIT_FAR_RANK ? a->rank : WAIT_FAR_RANK) - 1;
	int64_t far = a->rank < WAIT_FAR_RANK ? 0 : (int64_t)(a->rank - WAIT_FAR_RANK);
	int64_t pause_ns = near * STAGGER_NEAR_NS + far * STAGGER_FAR_NS;

	a->stagger_ns = clock_monotonic_ns() + earlier(pause_ns, STAGGER_LAST_NS);
}

static int poll_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns - clock_monotonic_ns();

	if (left_ns <= 0)
		return 0;
	if (left_ns > 3600 * NS_PER_SECOND)
		return 3600000;
	return (int)(left_ns / NS_PER_MS) + 1;
}

static nfds_t list_fds(const struct pool_wait *w, int interrupt_fd, struct pollfd *fds)
{
	const struct alarm *a = &w->alarm;
	bool watching = a->stagger_ns == INT64_MAX && !w->failures;
	nfds_t count = FD_PROCESSES;

	fds[FD_INTERRUPT] = (struct pollfd){.fd = interrupt_fd, .events = POLLIN};
	store_watch_slowly(w->pool->store, a->rank >= WAIT_FAR_RANK);
	fds[FD_STORE] = (struct pollfd){.fd = watching ? store_watch(w->pool->store) : -1,
					.events = POLLIN};
	fds[FD_CLOCK] = (struct pollfd){.fd = a->clock_fd, .events = POLLIN};
	for (size_t i = 0; i < a->pidfds_count; i++)
		fds[count++] = (struct pollfd){.fd = a->pidfds[i], .events = POLLIN};
	return count;
}

/* What has become readable. */
static enum wake wake_by_fd(struct pool_wait *w, const struct pollfd *fds, nfds_t count)
{
	if (fds[FD_INTERRUPT].revents)
		return WAKE_INTERRUPT;
	for (nfds_t i = FD_PROCESSES; i < count; i++) {
		if (fds[i].revents) {
			/* It may have been the last one on a GPU. */
			scan_cache_clear(&w->cache);
			w->scan_pause_ns = SCAN_PAUSE_FIRST_NS;
			return WAKE_STEP;
		}
	}
	if (fds[FD_CLOCK].revents) {
		alarm_read_clock(w);
		return WAKE_STEP;
	}
	if (!fds[FD_STORE].revents || !store_watch_drain(w->pool->store))
		return WAKE_NOTHING;
	alarm_stagger(&w->alarm);
	return w->alarm.rank < 2 ? WAKE_STEP : WAKE_NOTHING;
}

static enum wake wake_by_time(struct pool_wait *w, int64_t step_ns, int64_t tick_ns)
{
	int64_t now_ns = clock_monotonic_ns();

	if (alarm_collector_is_stopped(&w->alarm))
		return WAKE_STEP;
	if (now_ns >= step_ns) {
		/* Commits made while it let others go first are loaded by the step itself. */
		if (w->alarm.stagger_ns != INT64_MAX)
			store_watch_drain(w->pool->store);
		return WAKE_STEP;
	}
	return now_ns >= tick_ns ? WAKE_TICK : WAKE_NOTHING;
}

int pool_wait_sleep(struct pool_wait *w, int interrupt_fd, int64_t tick_ns, bool *ret_step)
{
	int64_t tick_due_ns = tick_ns == INT64_MAX ? INT64_MAX : clock_monotonic_ns() + tick_ns;
	enum wake wake = WAKE_NOTHING;

	while (wake == WAKE_NOTHING) {
		struct pollfd fds[FD_PROCESSES + WAIT_WATCHED_MAX];
		nfds_t count = list_fds(w, interrupt_fd, fds);
		int64_t step_ns = earlier(w->alarm.due_ns, w->alarm.stagger_ns);
		int64_t look_ns = w->alarm.collectors_count
					  ? clock_monotonic_ns() + COLLECTORS_TICK_NS
					  : INT64_MAX;
		int r = poll(fds, count, poll_ms(earlier(look_ns, earlier(step_ns, tick_due_ns))));

		if (r < 0 && errno != EINTR)
			wake = WAKE_STEP;
		if (r > 0)
			wake = wake_by_fd(w, fds, count);
		if (wake == WAKE_NOTHING)
			wake = wake_by_time(w, step_ns, tick_due_ns);
	}
	*ret_step = wake != WAKE_TICK;
	return wake == WAKE_INTERRUPT;
}
