/* Staying as the first process of a pid namespace; see init.h. After tini, in small. */
#include "supervise/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/process.h"

/* How long the supervisor may take to release after the end of the command. */
#define RELEASE_LIMIT_NS (10 * NS_PER_SECOND)
/* It may be another process's child, of which no signal tells. */
#define RELEASE_TICK_NS (20 * NS_PER_MS)
#define NS_PER_HOUR (3600 * NS_PER_SECOND)

bool init_is_needed(void)
{
	AUTO_CLOSE int terminal = -1;
	AUTO_FREE char *namespace = NULL;

	if (getpid() == 1)
		return true;
	if (getppid() != 1)
		return false;
	namespace = host_pid_namespace();
	if (!namespace)
		return false;
	terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return terminal < 0;
}

/* Blocks what can be forwarded. Those that a fault of our own raises would never be taken if they
   were blocked. *ret_before: the mask that the command gets. */
static void init_take_signals(sigset_t *ret_all, sigset_t *ret_before)
{
	sigfillset(ret_all);
	sigdelset(ret_all, SIGSEGV);
	sigdelset(ret_all, SIGBUS);
	sigdelset(ret_all, SIGFPE);
	sigdelset(ret_all, SIGILL);
	sigdelset(ret_all, SIGABRT);
	sigprocmask(SIG_SETMASK, ret_all, ret_before);
}

/* The child: a group of its own in the foreground, so that the terminal's signals reach it once and
   not a second time through us; and the mask as it was. SIGTTOU is blocked until then, so that a
   caller in the background of its terminal is not stopped. */
static void init_become_child(const sigset_t *before)
{
	setpgid(0, 0);
	if (isatty(STDIN_FILENO))
		tcsetpgrp(STDIN_FILENO, getpid());
	sigprocmask(SIG_SETMASK, before, NULL);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct init_watch {
	pid_t child, supervisor; /* 0: has ended, or was never named */
	int status;              /* of the child */
};

/* Takes every child that has ended, our own and orphans. */
static void init_reap(struct init_watch *w)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == w->child) {
			w->child = 0;
			w->status = status_of(status);
		}
		if (pid == w->supervisor)
			w->supervisor = 0;
	}
}

/* Waits for one signal, and forwards it unless it is for us. The child may have gone. */
static void init_step(const struct init_watch *w, const sigset_t *all, int64_t limit_ns)
{
	struct timespec limit = {.tv_sec = limit_ns / NS_PER_SECOND,
				 .tv_nsec = limit_ns % NS_PER_SECOND};
	int signal = sigtimedwait(all, NULL, &limit);

	if (signal > 0 && signal != SIGCHLD && w->child > 0)
		kill(w->child, signal);
}

/* The supervisor that was named last, if it is still there. */
static pid_t told_supervisor(int told_fd)
{
	pid_t supervisor = 0, pid;

	while (read(told_fd, &pid, sizeof(pid)) == sizeof(pid))
		supervisor = pid;
	return supervisor;
}

/* Until the command has ended, and then the supervisor. */
static int init_watch(pid_t child, int told_fd, const sigset_t *all)
{
	struct init_watch w = {.child = child};
	int64_t end_ns;

	while (w.child) {
		init_reap(&w);
		if (w.child)
			init_step(&w, all, NS_PER_HOUR);
	}
	end_ns = clock_monotonic_ns() + RELEASE_LIMIT_NS;
	w.supervisor = told_supervisor(told_fd);
	while (w.supervisor && kill(w.supervisor, 0) == 0 && clock_monotonic_ns() < end_ns) {
		init_step(&w, all, RELEASE_TICK_NS);
		init_reap(&w);
	}
	return w.status;
}

int init_fork(int *ret_tell_fd, int *ret_status, struct err *e)
{
	AUTO_CLOSE int told_fd = -1, tell_fd = -1;
	sigset_t all, before;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, errno, "cannot make a pipe");
	told_fd = ends[0];
	tell_fd = ends[1];
	init_take_signals(&all, &before);
	child = fork();
	if (child < 0) {
		int code = errno;

		sigprocmask(SIG_SETMASK, &before, NULL);
		return err_sys(e, code, "cannot start a process");
	}
	if (child == 0) {
		init_become_child(&before);
		*ret_tell_fd = mem_steal_fd(&tell_fd);
		return 0;
	}
	mem_auto_close(&tell_fd);
	*ret_status = init_watch(child, told_fd, &all);
	return 1;
}
