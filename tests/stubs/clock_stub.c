/*
 * A clock that tests can set, for LD_PRELOAD: the file that CANHAZGPU_STUB_CLOCK names holds
 * three numbers of seconds: by how much the wall clock was set, how much time has passed besides,
 * and for how much more the host was suspended, which CLOCK_MONOTONIC does not count. Read at each
 * call, so that programs that run already see it, too. Timers on the wall clock are moved with it;
 * none is told that it was set. System calls alone: allocators ask for the time, too.
 *
 * CANHAZGPU_STUB_CLOCK_STEP=N: for this process it is set by ten days when it asks for the Nth
 * time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* Later than any time that has passed since a boot, sooner than any on the wall clock. */
#define FIRST_WALL_S INT64_C(1000000000)
/* Later than any that a timer is set to for a reason. */
#define LAST_WALL_S INT64_C(9000000000)

static void read_shifts(long *ret_set_s, long *ret_passed_s, long *ret_suspended_s)
{
	const char *path = getenv("CANHAZGPU_STUB_CLOCK");
	char text[64] = "", *end = text;
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		syscall(SYS_read, fd, text, sizeof(text) - 1);
		syscall(SYS_close, fd);
	}
	*ret_set_s = strtol(text, &end, 10);
	*ret_passed_s = strtol(end, &end, 10);
	*ret_suspended_s = strtol(end, NULL, 10);
}

/* Sets it for everybody, if this is the time. */
static void step(void)
{
	static const char text[] = "864000 0\n";
	static long asked;
	const char *path = getenv("CANHAZGPU_STUB_CLOCK"),
		   *when = getenv("CANHAZGPU_STUB_CLOCK_STEP");
	long fd;

	if (!path || !when || ++asked != strtol(when, NULL, 10))
		return;
	fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		syscall(SYS_write, fd, text, sizeof(text) - 1);
		syscall(SYS_close, fd);
	}
}

SHOWN int clock_gettime(clockid_t id, struct timespec *now)
{
	long set_s, passed_s, suspended_s;
	int r = (int)syscall(SYS_clock_gettime, id, now);

	if (r < 0 || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME && id != CLOCK_MONOTONIC))
		return r;
	if (id == CLOCK_REALTIME)
		step();
	read_shifts(&set_s, &passed_s, &suspended_s);
	now->tv_sec += passed_s + (id == CLOCK_MONOTONIC ? 0 : suspended_s) +
		       (id == CLOCK_REALTIME ? set_s : 0);
	return r;
}

SHOWN int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
	struct itimerspec moved = *at;
	long set_s, passed_s, suspended_s;

	read_shifts(&set_s, &passed_s, &suspended_s);
	if ((flags & TFD_TIMER_ABSTIME) && at->it_value.tv_sec > FIRST_WALL_S &&
	    at->it_value.tv_sec < LAST_WALL_S)
		moved.it_value.tv_sec -= set_s + passed_s + suspended_s;
	return (int)syscall(SYS_timerfd_settime, fd, flags, &moved, old);
}
