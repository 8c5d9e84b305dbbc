/* The clock of the host is set, or the host was suspended: all heartbeats look old at once. */
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "supervise/supervisor.h"

/* By how much two clocks may drift apart that nobody has set. */
#define CLOCK_SLACK_NS NS_PER_SECOND

static int64_t wall_ahead_ns(void)
{
	return clock_now_ns() - clock_monotonic_ns();
}

void supervise_watch_clock(struct supervisor *s)
{
	/* In 2262. It wakes when the clock is set. */
	const struct itimerspec never = {.it_value.tv_sec = INT64_MAX / NS_PER_SECOND};

	s->wall_ahead_ns = wall_ahead_ns();
	s->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->clock_fd >= 0 &&
	    timerfd_settime(s->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			    NULL) < 0)
		mem_auto_close(&s->clock_fd);
}

void supervise_check_clock(struct supervisor *s)
{
	int64_t ahead_ns = wall_ahead_ns(), difference_ns = ahead_ns - s->wall_ahead_ns;
	uint64_t times;

	/* The timer has only ended the sleep; what it tells is read so that it is silent again. */
	if (s->clock_fd >= 0 && read(s->clock_fd, &times, sizeof(times)) > 0)
		mem_auto_close(&s->clock_fd);
	if (difference_ns < CLOCK_SLACK_NS && difference_ns > -CLOCK_SLACK_NS)
		return;
	s->wall_ahead_ns = ahead_ns;
	s->next_renewal_ns = clock_monotonic_ns();
}
