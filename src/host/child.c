/* A question that is answered in a process of its own; see child.h. */
#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pidfd.h"

/* Time that a killed child gets to die; in the kernel's uninterruptible sleep it never does. */
#define KILL_GRACE_NS (200 * NS_PER_MS)

/* An answer is a few KiB; this bounds what a broken library makes us read. */
#define ANSWER_MAX ((size_t)16 << 20)

static void reap_stuck(struct host_child_stuck *stuck)
{
	size_t kept = 0;

	for (size_t i = 0; i < stuck->count; i++) {
		if (waitpid(stuck->pids[i], NULL, WNOHANG) == 0)
			stuck->pids[kept++] = stuck->pids[i];
	}
	stuck->count = kept;
}

static int ms_left(int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns - clock_monotonic_ns();

	return left_ns <= 0 ? 0 : (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* Waits for the child's end until the deadline, never longer. False: it still lives. */
static bool wait_gone(pid_t pid, int64_t deadline_ns, int *ret_status)
{
	AUTO_CLOSE int pidfd = pidfd_of(pid);

	for (;;) {
		struct pollfd end = {.fd = pidfd, .events = POLLIN};
		pid_t got = waitpid(pid, ret_status, WNOHANG);
		int left = ms_left(deadline_ns);

		if (got == pid)
			return true;
		if (got < 0 && errno != EINTR) {
			*ret_status = 0; /* SIGCHLD is ignored: the kernel took the status */
			return true;
		}
		if (left == 0)
			return false;
		poll(&end, 1, pidfd >= 0 || left < 2 ? left : 2);
	}
}

int host_child_collect(struct host_child *child, int64_t until_ns, int interrupt_fd)
{
	char buffer[16384];

	while (child->answer.length < ANSWER_MAX) {
		struct pollfd ready[] = {{.fd = child->fd, .events = POLLIN},
					 {.fd = interrupt_fd, .events = POLLIN}};
		int left = ms_left(until_ns);
		ssize_t n;

		if (poll(ready, interrupt_fd > 0 ? 2 : 1, left) <= 0 && left > 0)
			continue;
		if (!ready[0].revents)
			return interrupt_fd > 0 && ready[1].revents ? -EINTR : -ETIMEDOUT;
		n = read(child->fd, buffer, sizeof(buffer));
		if (n == 0)
			return 0;
		if (n > 0)
			str_add_bytes(&child->answer, buffer, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
		if (left == 0)
			return -ETIMEDOUT;
	}
	return -EMSGSIZE;
}

/* Takes away what the child must not have; see child.h. Returns the pipe's new number.
 */
static int confine(int out, pid_t parent)
{
	const struct rlimit no_core = {0};
	sigset_t none;
	int null;

	if (out <= STDERR_FILENO)
		out = fcntl(out, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	setpgid(0, 0);
	/* Before PR_SET_PDEATHSIG: the kernel forgets that signal when the rights change. */
	if (setresgid(getgid(), getgid(), getgid()) || out < 0)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	}
	file_close_all_but(out);
	return out;
}

/* Ends the child. False: it lives on, and is left to reap_stuck. */
static bool kill_child(struct host_child_stuck *stuck, pid_t pid, int *ret_status)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (wait_gone(pid, clock_monotonic_ns() + KILL_GRACE_NS, ret_status))
		return true;
	if (stuck->count < ARRAY_SIZE(stuck->pids))
		stuck->pids[stuck->count++] = pid;
	return false;
}

void host_child_write(int out, const void *bytes, size_t length)
{
	const char *p = bytes;

	while (length) {
		ssize_t n = write(out, p, length);

		if (n < 0 && errno != EINTR)
			_exit(EXIT_FAILURE);
		p += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

static int start_child(host_child_work *work, const void *question, pid_t *ret_pid, int *ret_fd)
{
	pid_t parent = getpid();
	int ends[2], code;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0) {
		int out = confine(ends[1], parent);

		work(question, out);
		/* The end of the answer. The kernel may take longer over what else is open. */
		close(out);
		_exit(EXIT_SUCCESS);
	}
	code = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -code;
	}
	setpgid(pid, pid); /* the child does it, too: whichever comes first */
	*ret_pid = pid;
	*ret_fd = ends[0];
	return 0;
}

int host_child_begin(host_child_work *work, const void *question, struct host_child_stuck *stuck,
		     struct host_child *ret_child)
{
	*ret_child = (struct host_child){.fd = -1};
	reap_stuck(stuck);
	if (stuck->count == ARRAY_SIZE(stuck->pids))
		return -EBUSY;
	return start_child(work, question, &ret_child->pid, &ret_child->fd);
}

void host_child_end(struct host_child *child, int64_t deadline_ns, bool kill,
		    struct host_child_stuck *stuck, struct host_child_end *ret_end)
{
	*ret_end = (struct host_child_end){.has_started = true, .is_gone = true};
	mem_auto_close(&child->fd);
	/* It may still be leaving the library. It must be gone before a caller execs a command. */
	if (kill || !wait_gone(child->pid, deadline_ns, &ret_end->status))
		ret_end->is_gone = kill_child(stuck, child->pid, &ret_end->status);
}

int host_child_ask(host_child_work *work, const void *question, int64_t deadline_ns,
		   struct host_child_stuck *stuck, struct str *ret_answer,
		   struct host_child_end *ret_end)
{
	struct host_child child;
	int r = host_child_begin(work, question, stuck, &child);

	*ret_end = (struct host_child_end){.is_gone = true};
	if (r < 0)
		return r;
	r = host_child_collect(&child, deadline_ns, 0);
	host_child_end(&child, deadline_ns, r < 0, stuck, ret_end);
	*ret_answer = child.answer;
	return r;
}
