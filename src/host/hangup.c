/* A command that ends with its parent; see hangup.h. */
#include "host/hangup.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "base/privilege.h"

/*
 * To the process, and where it leads a group, as what sshd starts does, to all of it: a shell ends
 * by the signal and tells its children nothing, and they would go on with the GPUs. (Nobody else's
 * group: as long as the leader, or one of its group, lives, the number is taken.)
 */
static void hang_up(pid_t self, int self_fd)
{
	bool leads = getpgid(self) == self;

	if (pidfd_signal(self_fd, SIGHUP) == 0 && leads)
		kill(-self, SIGHUP);
}

/* Waits until one of the two has ended; true: the parent has, and the process lives. */
static bool wait_for_end(int self, int parent)
{
	struct pollfd ends[] = {{.fd = self, .events = POLLIN}, {.fd = parent, .events = POLLIN}};

	while (poll(ends, ARRAY_SIZE(ends), -1) < 0)
		continue;
	return !ends[0].revents;
}

/* The watcher: nobody's child, with nothing of this process but its right to signal it. */
static void watch(pid_t self, pid_t parent)
{
	int self_fd, parent_fd;

	prctl(PR_SET_NAME, "hangup");
	setsid();
	if (privilege_drop(NULL) < 0 || chdir("/") < 0)
		_exit(1);
	file_close_all_but(-1);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	self_fd = pidfd_of(self);
	/* Ended before it could be watched: its number may be another's, the child is not its. */
	parent_fd = pidfd_of(parent);
	if (self_fd < 0)
		_exit(1);
	if (parent_fd < 0 || wait_for_end(self_fd, parent_fd))
		hang_up(self, self_fd);
	_exit(0);
}

void host_hangup_watch(void)
{
	const char *wanted = getenv(HOST_HANGUP_VARIABLE);
	pid_t self = getpid(), parent = getppid(), child;

	if (!wanted || strcmp(wanted, "1") != 0 || parent <= 1)
		return;
	child = fork();
	if (child == 0) {
		if (fork() == 0)
			watch(self, parent);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}
