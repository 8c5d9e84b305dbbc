/*
 * A scan in a process of its own, with a time limit. Called by gpu.c.
 *
 * The child leads a process group, so that killing it also kills the nvidia-smi that it may have
 * started. It dies with its parent, has no set-group-id rights, none of the parent's descriptors
 * (a child that hangs in the kernel must not hold a lock), and no terminal: driver libraries print.
 */
#include "gpu/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gpu/wire.h"

/* Time that a killed child gets to die; in the kernel's uninterruptible sleep it never does. */
#define KILL_GRACE_NS (200 * NS_PER_MS)

/* An answer is a few KiB; this bounds what a broken driver makes us read. */
#define ANSWER_MAX ((size_t)16 << 20)

/*
 * Killed children that would not die. Each scan tries again to reap them; with this many no further
 * one is started, so that a long-lived caller does not pile up processes behind a dead driver.
 */
static pid_t stuck[4];
static size_t stuck_count;

static void reap_stuck(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < stuck_count; i++) {
		if (waitpid(stuck[i], NULL, WNOHANG) == 0)
			stuck[kept++] = stuck[i];
	}
	stuck_count = kept;
}

static int ms_left(int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns - clock_monotonic_ns();

	return left_ns <= 0 ? 0 : (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/*
 * pidfd_open, or -1 where the kernel has none. By number: before 5.3 there is no such call, and
 * glibc declares it only since 2.36.
 */
static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Waits for the child's end until the deadline, never longer. False: it still lives. */
static bool wait_gone(pid_t pid, int64_t deadline_ns, int *ret_status)
{
	AUTO_CLOSE int pidfd = open_pidfd(pid);

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

/* Everything the child writes until it closes the pipe. */
static int read_answer(int fd, int64_t deadline_ns, struct str *answer)
{
	char buffer[16384];

	while (answer->length < ANSWER_MAX) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int left = ms_left(deadline_ns);
		ssize_t n;

		if (left == 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, left) <= 0)
			continue;
		n = read(fd, buffer, sizeof(buffer));
		if (n == 0)
			return 0;
		if (n > 0)
			str_add_bytes(answer, buffer, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return -EMSGSIZE;
}

/* Takes away what the child must not have; see the top of this file. Returns the pipe's new number.
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
	if (out > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)out - 1, 0);
	close_range((unsigned)out + 1, ~0U, 0);
	return out;
}

/* The child: scan, write the answer, end. Nothing is flushed or freed: the parent owns all of that.
 */
static void __attribute__((noreturn))
run_child(const struct gpu_backend *backend, const struct gpu_options *options, int out,
	  pid_t parent)
{
	struct scan s = {0};
	struct err e = {0};
	char *answer;
	size_t length, done = 0;

	out = confine(out, parent);
	if (backend->scan(options, &s, &e))
		answer = gpu_wire_pack(NULL, &e);
	else
		answer = gpu_wire_pack(&s, NULL);
	length = strlen(answer);
	while (done < length) {
		ssize_t n = write(out, answer + done, length - done);

		if (n < 0 && errno != EINTR)
			_exit(EXIT_FAILURE);
		done += n > 0 ? (size_t)n : 0;
	}
	_exit(EXIT_SUCCESS);
}

static int start_child(const struct gpu_backend *backend, const struct gpu_options *options,
		       pid_t *ret_pid, int *ret_fd, struct err *e)
{
	pid_t parent = getpid();
	int ends[2], code;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, errno, "cannot make a pipe for the %s driver", backend->name);
	pid = fork();
	if (pid == 0)
		run_child(backend, options, ends[1], parent);
	code = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_sys(e, code, "cannot start a process for the %s driver", backend->name);
	}
	setpgid(pid, pid); /* the child does it, too: whichever comes first */
	*ret_pid = pid;
	*ret_fd = ends[0];
	return 0;
}

/* Ends the child. False: it lives on, and is left to reap_stuck. */
static bool kill_child(pid_t pid, int *ret_status)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (wait_gone(pid, clock_monotonic_ns() + KILL_GRACE_NS, ret_status))
		return true;
	if (stuck_count < ARRAY_SIZE(stuck))
		stuck[stuck_count++] = pid;
	return false;
}

/* What it means that the child ended without a readable answer. */
static int no_answer(const char *provider, int status, struct err *e)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		return err_set(e, EIO, "the %s driver crashed during a query (SIG%s)", provider,
			       name ? name : "?");
	}
	return err_set(e, EPROTO, "the %s driver gave no readable answer (exit status %d)",
		       provider, WEXITSTATUS(status));
}

int gpu_child_scan(const struct gpu_backend *backend, const struct gpu_options *options,
		   struct scan *ret_scan, struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + options->timeout_ms * NS_PER_MS;
	AUTO(str_clear) struct str answer = {0};
	AUTO_CLOSE int fd = -1;
	int status = 0, r;
	pid_t pid = 0;

	reap_stuck();
	if (stuck_count == ARRAY_SIZE(stuck))
		return err_set(e, EBUSY,
			       "the %s driver hangs: %zu earlier queries are stuck in it (pid %d)",
			       backend->name, stuck_count, (int)stuck[0]);
	r = start_child(backend, options, &pid, &fd, e);
	if (r)
		return r;
	r = read_answer(fd, deadline_ns, &answer);
	if (r) {
		bool gone = kill_child(pid, &status);

		if (r != -ETIMEDOUT)
			return err_sys(e, -r, "the %s driver gave no readable answer",
				       backend->name);
		return err_set(e, ETIMEDOUT, "the %s driver did not answer within %d ms%s",
			       backend->name, options->timeout_ms,
			       gone ? "" : " and its process cannot be killed");
	}
	/* It may still be leaving the driver. It must be gone before a caller execs a command. */
	if (!wait_gone(pid, deadline_ns, &status))
		kill_child(pid, &status);
	if (!answer.length)
		return no_answer(backend->name, status, e);
	r = gpu_wire_unpack(str_text(&answer), answer.length, ret_scan, e);
	return r == -EBADMSG ? no_answer(backend->name, status, e) : r;
}
