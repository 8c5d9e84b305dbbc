/*
 * Finding the program's file; see program.h. A request that waits may outlive it: dpkg takes all
 * rights from a set-group-id program before it replaces it, and gives the new one its group only
 * when the package is configured.
 */
#include "supervise/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/privilege.h"

#define SELF "/proc/self/exe"
#define REPLACED_LIMIT_NS (60 * NS_PER_SECOND)
#define REPLACED_TICK_NS (100 * NS_PER_MS)

/* Where this program lies, as of the first time that it is asked: later the kernel may know only
   that the file was deleted. */
static const char *own_path(void)
{
	static char path[PATH_MAX];
	ssize_t n;

	if (!*path) {
		n = readlink(SELF, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = '\0';
	}
	return path;
}

/*
 * Whether it can be executed and may have the orders. A program with a group of its own hands them
 * only to one of the same group, which root alone can install: whoever reads the orders from that
 * pipe could write others into it.
 */
static int check(int fd)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || access(path, X_OK) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	if (privilege_is_held() && !((st.st_mode & S_ISGID) && privilege_is_of_group(st.st_gid)))
		return -EPERM;
	return 0;
}

static int try_path(const char *path, int *ret_fd)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	int r = fd < 0 ? -errno : check(fd);

	if (r == 0)
		*ret_fd = mem_steal_fd(&fd);
	return r;
}

/* The same program, whatever has become of its name, before any other. */
static int try_all(int *ret_fd)
{
	int r = try_path(SELF, ret_fd);

	if (r < 0)
		r = try_path(own_path(), ret_fd);
	return r < 0 && try_path(CANHAZGPU_PROGRAM, ret_fd) == 0 ? 0 : r;
}

int program_open(int *ret_fd, struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + REPLACED_LIMIT_NS;
	const struct timespec pause = {.tv_nsec = REPLACED_TICK_NS};
	const char *path = own_path();
	int r;

	while ((r = try_all(ret_fd)) < 0) {
		if (clock_monotonic_ns() >= deadline_ns)
			return err_set(e, -r,
				       "cannot start the supervisor: '%s' cannot be executed (%s); "
				       "install canhazgpu again",
				       path, r == -EPERM ? "it has lost its group" : strerror(-r));
		nanosleep(&pause, NULL);
	}
	return 0;
}
