/* Starting the supervisor; see launch.h. */
#include "supervise/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "host/process.h"
#include "host/tree.h"
#include "supervise/program.h"

#define READY_LIMIT_MS 10000
/* How often it is looked at meanwhile: one that is stopped will not answer. */
#define READY_CHECK_MS 1000

/* Default dispositions and an empty mask: what the user's shell has set does not concern the
   supervisor. */
static void launch_reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The grandchild: closes all handles of the caller, and becomes the supervisor. */
__attribute__((noreturn)) static void launch_become(int program_fd, int orders_fd, int ready_fd)
{
	char program[] = "canhazgpu", command[] = SUPERVISE_NAME;
	char *const argv[] = {program, command, NULL};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat errors;

	launch_reset_signals();
	/* Not on 0..2 at first: a caller may have closed those. */
	orders_fd = fcntl(orders_fd, F_DUPFD_CLOEXEC, 3);
	ready_fd = fcntl(ready_fd, F_DUPFD_CLOEXEC, 3);
	program_fd = fcntl(program_fd, F_DUPFD_CLOEXEC, 3);
	/* A log file stays: its position is shared with the command, and nobody waits for its end.
	   So does a socket, which cannot be opened again, as long as the command has it. */
	if (fstat(STDERR_FILENO, &errors) < 0 ||
	    !(S_ISREG(errors.st_mode) || S_ISSOCK(errors.st_mode)))
		dup2(null_fd, STDERR_FILENO);
	if (null_fd < 0 || orders_fd < 0 || ready_fd < 0 || program_fd < 0 ||
	    dup2(orders_fd, STDIN_FILENO) < 0 || dup2(ready_fd, STDOUT_FILENO) < 0)
		_exit(1);
	/* What the shell had open (such as a pipe to a log) must not stay open as long as the
	   supervisor runs. */
	file_close_all_but(program_fd);
	unsetenv(HOST_TREE_MARKER);
	unsetenv("LD_SHOW_AUXV"); /* the loader would answer in its place */
	if (chdir("/") < 0)
		_exit(1);
	execveat(program_fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(1);
}

/* The child between: starts the grandchild in a new session, tells its pid, and exits. */
__attribute__((noreturn)) static void launch_fork_again(int program_fd, int orders_fd, int ready_fd,
							int pid_fd)
{
	pid_t pid;

	setsid();
	pid = fork();
	if (pid == 0)
		launch_become(program_fd, orders_fd, ready_fd);
	_exit(pid > 0 && write(pid_fd, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
}

/*
 * Whether this process adopts orphans of its own (as launchers do; exec keeps that). While the
 * supervisor is made it must not, or the supervisor would become a child of the command.
 */
static int launch_adopts(void)
{
	int adopts = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0UL, 0UL, 0UL);
	return adopts;
}

/* Waits until the child between has ended; the grandchild has its new parent by then. */
static void launch_reap(pid_t child)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* The pipe for the orders carries the group of the installed program: nobody else can make one. */
static int launch_pipe(int ends[2])
{
	int r, code;

	privilege_raise();
	r = pipe2(ends, O_CLOEXEC);
	code = errno;
	privilege_lower();
	errno = code;
	return r;
}

bool launch_is_ours(int fd)
{
	struct stat st;

	return !privilege_is_held() ||
	       (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && privilege_is_of_group(st.st_gid));
}

int launch_begin(struct launch *l, struct err *e)
{
	int orders[2] = {-1, -1}, ready[2] = {-1, -1}, pids[2] = {-1, -1};
	AUTO_CLOSE int program_fd = -1;
	int adopts = launch_adopts();
	pid_t child, pid = 0;
	int r = program_open(&program_fd, e);

	if (r < 0)
		return r;
	prctl(PR_SET_CHILD_SUBREAPER, 0UL, 0UL, 0UL, 0UL);
	if (launch_pipe(orders) < 0 || pipe2(ready, O_CLOEXEC) < 0 || pipe2(pids, O_CLOEXEC) < 0 ||
	    (child = fork()) < 0) {
		r = err_sys(e, errno, "cannot start the supervisor");
		goto out;
	}
	if (child == 0)
		launch_fork_again(program_fd, orders[0], ready[1], pids[1]);
	mem_auto_close(&pids[1]);
	if (read(pids[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = 0;
	launch_reap(child);
	r = pid ? host_process_ref(pid, &l->supervisor, e)
		: err_set(e, EAGAIN, "cannot start the supervisor: too many processes?");
	if (r == -ESRCH)
		r = err_set(e, EPIPE, "the supervisor did not start, or was killed");
	if (r == 0 && l->tell_fd >= 0 && write(l->tell_fd, &pid, sizeof(pid)) < 0)
		r = err_sys(e, errno, "cannot start the supervisor");
	if (r == 0) {
		l->orders_fd = orders[1];
		l->ready_fd = ready[0];
		orders[1] = ready[0] = -1;
	}
out:
	prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)adopts, 0UL, 0UL, 0UL);
	for (int i = 0; i < 2; i++) {
		mem_auto_close(&orders[i]);
		mem_auto_close(&ready[i]);
		mem_auto_close(&pids[i]);
	}
	return r;
}

/* Writes all of text; SIGPIPE must be ignored. */
static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* Waits for the answer of the supervisor: "" when it watches, else why it does not. */
static int launch_answer(struct launch *l, struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + READY_LIMIT_MS * NS_PER_MS;
	struct pollfd fd = {.fd = l->ready_fd, .events = POLLIN};
	char answer[512];
	ssize_t n;

	while (poll(&fd, 1, READY_CHECK_MS) <= 0) {
		if (clock_monotonic_ns() < deadline_ns && !host_process_is_stopped(&l->supervisor))
			continue;
		/* It has its orders, and must not watch beside the one that follows it. */
		host_process_signal(&l->supervisor, SIGKILL, NULL);
		return err_set(e, ETIMEDOUT, "the supervisor does not answer");
	}
	n = read(l->ready_fd, answer, sizeof(answer) - 1);
	if (n <= 0)
		return err_set(e, EPIPE, "the supervisor did not start, or was killed");
	answer[n] = '\0';
	return *answer ? err_set(e, ECHILD, "the supervisor cannot watch the command: %s", answer)
		       : 0;
}

int launch_orders(struct launch *l, const struct orders *orders, struct err *e)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	AUTO_FREE char *text = orders_write(orders);
	int r;

	if (!text)
		return err_set(e, EILSEQ, "the store's or a file's name is not valid UTF-8");
	/* Restored afterwards: the command inherits what the caller ignores. */
	sigaction(SIGPIPE, &ignore, &before);
	r = write_all(l->orders_fd, text);
	sigaction(SIGPIPE, &before, NULL);
	mem_auto_close(&l->orders_fd);
	if (r < 0)
		return err_set(e, EPIPE, "the supervisor did not start, or was killed");
	return launch_answer(l, e);
}

void launch_clear(struct launch *l)
{
	mem_auto_close(&l->orders_fd);
	mem_auto_close(&l->ready_fd);
}
