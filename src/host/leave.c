/* A process that goes on when its caller has ended; see leave.h. */
#include "host/leave.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "host/tree.h"

/* Takes the marker of a run out of what others see of this process: where the kernel put it at the
   start, since /proc shows that memory. */
static void leave_tree(void)
{
	char *value = getenv(HOST_TREE_MARKER);

	if (value)
		memset(value - strlen(HOST_TREE_MARKER) - 1, '_', strlen(HOST_TREE_MARKER));
}

int host_leave(int kept)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* The caller's may be one of the standard handles. */
	if (kept >= 0)
		kept = fcntl(kept, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (null_fd < 0 || dup2(null_fd, fd) < 0)
			_exit(EXIT_FAILURE);
	}
	file_close_all_but(kept);
	leave_tree();
	signal(SIGALRM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!chdir("/");
	return kept;
}
