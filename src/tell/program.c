/* Running somebody else's program; see program.h. */
#include "tell/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/process.h"
#include "tell/log.h"

/* How long what was killed has to be gone. */
#define KILL_LIMIT_NS (2 * NS_PER_SECOND)
#define KILL_TICK_NS (2 * NS_PER_MS)

/* A program at work, and what it has said. */
struct running {
	const struct tell_program *program;
	pid_t pid;
	int output_fd; /* -1: closed */
	int child_fd;  /* readable when a child has ended */
	struct str line;
	size_t lines, bytes;
	int status; /* as waitpid tells it */
	bool ended;
};

pid_t tell_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(TELL_LIFE_S);
	} else if (pid < 0) {
		tell_log("somebody is not told: cannot start a process: %s", strerror(errno));
	}
	return pid;
}

void tell_program_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
}

/* A file without a name that holds the input: nobody has to write while the program reads, or
   does not. */
static int input_file(const char *text)
{
	AUTO_CLOSE int fd = memfd_create("canhazgpu", MFD_CLOEXEC);
	size_t length = strlen(text);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return mem_steal_fd(&fd);
}

/* The child: becomes the account, then the program. */
__attribute__((noreturn)) static void become_program(const struct tell_program *p, int output_fd)
{
	const struct rlimit no_core = {0};
	int input_fd = input_file(p->input);
	sigset_t none;

	setsid();
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	if (input_fd < 0 || dup2(input_fd, STDIN_FILENO) < 0 ||
	    dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0)
		_exit(126);
	file_close_all_but(-1);
	tell_account_become(p->account);
	/* If whoever keeps the time is killed. The kernel forgets it where the rights change. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(p->path, p->arguments);
	_exit(errno == ENOENT ? 127 : 126);
}

static void log_line(struct running *r)
{
	if (r->line.length && r->lines++ < PROGRAM_LINES_MAX)
		tell_log("%s: %.200s", r->program->label, str_text(&r->line));
	str_clear(&r->line);
}

/* Takes what has been said. False: nobody will say more, or it was too much. */
static bool take_output(struct running *r)
{
	char part[4096];
	ssize_t n = read(r->output_fd, part, sizeof(part));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t i = 0; i < n; i++) {
		if (part[i] == '\n')
			log_line(r);
		else if (r->line.length < 1000)
			str_add_bytes(&r->line, part[i] ? &part[i] : " ", 1);
	}
	r->bytes += (size_t)n;
	if (r->bytes > PROGRAM_OUTPUT_MAX)
		tell_log("%s printed more than %d KiB: the rest is not read", r->program->label,
			 PROGRAM_OUTPUT_MAX / 1024);
	return n > 0 && r->bytes <= PROGRAM_OUTPUT_MAX;
}

/* Takes the children that have ended; others than the program were its orphans. False: there is
   none any more. */
static bool reap(struct running *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->pid)
			continue;
		r->ended = true;
		r->status = status;
	}
	return pid == 0 || errno != ECHILD;
}

/* Kills every child of this process, and what these lead. */
static void kill_children(void)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;

	if (host_process_list(&pids, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct process_info info;

		if (host_process_stat(pids[i], &info) < 0 || info.ppid != getpid())
			continue;
		if (info.pgrp == pids[i])
			kill(-pids[i], SIGKILL);
		kill(pids[i], SIGKILL);
	}
}

/* Until none is left: orphans of what was killed become children in turn. */
static void kill_all(struct running *r)
{
	int64_t deadline_ns = clock_monotonic_ns() + KILL_LIMIT_NS;
	const struct timespec pause = {.tv_nsec = KILL_TICK_NS};

	while (reap(r) && clock_monotonic_ns() < deadline_ns) {
		kill_children();
		nanosleep(&pause, NULL);
	}
}

/* Until the program has ended, or its time is up. */
static void watch(struct running *r)
{
	int64_t deadline_ns = clock_monotonic_ns() + r->program->limit_ns, left_ns;

	reap(r);
	while (!r->ended && (left_ns = deadline_ns - clock_monotonic_ns()) > 0) {
		struct pollfd fds[] = {{.fd = r->child_fd, .events = POLLIN},
				       {.fd = r->output_fd, .events = POLLIN}};
		struct signalfd_siginfo info;

		poll(fds, 2, (int)(left_ns / NS_PER_MS) + 1);
		if (fds[1].revents && !take_output(r))
			mem_auto_close(&r->output_fd);
		if (fds[0].revents)
			(void)!read(r->child_fd, &info, sizeof(info));
		reap(r);
	}
	/* What it has said last is in the pipe. */
	while (r->output_fd >= 0) {
		struct pollfd fd = {.fd = r->output_fd, .events = POLLIN};

		if (poll(&fd, 1, 0) <= 0 || !take_output(r))
			mem_auto_close(&r->output_fd);
	}
	log_line(r);
	if (r->lines > PROGRAM_LINES_MAX)
		tell_log("%s: %zu more lines", r->program->label, r->lines - PROGRAM_LINES_MAX);
}

static int start(const struct tell_program *p, struct running *r)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r->pid = fork();
	if (r->pid == 0)
		become_program(p, ends[1]);
	close(ends[1]);
	if (r->pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	r->output_fd = ends[0];
	return 0;
}

/* What became of it. */
static int outcome(const struct running *r, bool in_time)
{
	const char *label = r->program->label;

	if (!in_time) {
		tell_log("%s did not end within %lld ms, and was killed", label,
			 (long long)(r->program->limit_ns / NS_PER_MS));
		return -ETIMEDOUT;
	}
	if (WIFEXITED(r->status) && !WEXITSTATUS(r->status))
		return 0;
	if (WIFSIGNALED(r->status))
		tell_log("%s ended by signal %d", label, WTERMSIG(r->status));
	else
		tell_log("%s failed with exit status %d", label, WEXITSTATUS(r->status));
	return -EIO;
}

int tell_program_run(const struct tell_program *p)
{
	struct running r = {.program = p, .output_fd = -1, .child_fd = -1};
	sigset_t child, before;
	bool in_time;
	int result;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	r.child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	result = r.child_fd < 0 ? -errno : start(p, &r);
	if (result < 0) {
		tell_log("%s could not be started: %s", p->label, strerror(-result));
	} else {
		watch(&r);
		in_time = r.ended;
		if (!in_time || !p->may_leave_others)
			kill_all(&r);
		result = outcome(&r, in_time);
	}
	mem_auto_close(&r.child_fd);
	str_clear(&r.line);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
