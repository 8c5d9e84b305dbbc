/* srun and salloc as children; see client.h. */
#include "cmd/slurm/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/inherited.h"
#include "base/mem.h"
#include "cmd/slurm/client_control.h"
#include "cmd/slurm/client_errors.h"

/* The beginning of a line that may be one of srun's own is held back so long. */
#define HOLD_MS 50
/* How often Slurm is asked whether a silent command has begun, for its time limit. */
#define ASK_AGAIN_MS 1000

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* ---- standard input ---- */

/* From the terminal, whose foreground this process has and srun has not. */
static void pump_input(struct slurm_client *c)
{
	char buffer[4096];
	ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || write(c->input_fd, buffer, (size_t)n) != n)
		mem_auto_close(&c->input_fd);
}

/* ---- the child ---- */

/* What was closed when this process began ends with exec (base/file.h): srun would take a socket of
   its own for it, and wait long. */
static void fill_standard_handles(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* What is opened gets the lowest number that is free: this one. */
		if (fcntl(fd, F_GETFD) & FD_CLOEXEC && close(fd) == 0 &&
		    open("/dev/null", O_RDWR | O_CLOEXEC) == fd)
			(void)fcntl(fd, F_SETFD, 0);
	}
}

__attribute__((noreturn)) static void become(const struct slurm_client *c, const sigset_t *mask,
					     int errors, int input, pid_t parent)
{
	/* If this process dies, srun takes the request back or ends the job. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	/* By its session Slurm knows which process has asked for a reservation. */
	if (c->reserves)
		setsid();
	else if (!c->terminal)
		setpgid(0, 0);
	if (dup2(errors, STDERR_FILENO) < 0 || (input >= 0 && dup2(input, STDIN_FILENO) < 0))
		_exit(EXIT_FAILURE);
	fill_standard_handles();
	inherited_restore_signals();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execve(c->path, c->argv, c->environment);
	_exit(EXIT_STATUS_NOT_EXECUTABLE);
}

static int start(struct slurm_client *c, const sigset_t *mask, struct err *e)
{
	bool pump = !c->terminal && isatty(STDIN_FILENO);
	AUTO_CLOSE int errors_end = -1, input_end = -1;
	int errors[2], input[2] = {-1, -1};
	pid_t parent = getpid();

	if (pipe2(errors, O_CLOEXEC) < 0)
		return err_sys(e, errno, "cannot start %s", c->argv[0]);
	c->errors_fd = errors[0];
	errors_end = errors[1];
	if (pump && pipe2(input, O_CLOEXEC) < 0)
		return err_sys(e, errno, "cannot start %s", c->argv[0]);
	input_end = input[0];
	c->input_fd = input[1];
	fflush(stdout);
	c->begun_ns = clock_now_ns();
	c->pid = fork();
	if (c->pid == 0)
		become(c, mask, errors_end, input_end, parent);
	return c->pid < 0 ? err_sys(e, errno, "cannot start %s", c->argv[0]) : 0;
}

/* The signals that are to reach us, of those that this process was not told to ignore. */
static void watched_signals(sigset_t *set)
{
	struct sigaction action;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
		if (sigaction(passed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, passed_on[i]);
	}
}

static void read_signals(struct slurm_client *c, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			slurm_client_take_signal(c, (int)info.ssi_signo);
	}
}

static int poll_ms(const struct slurm_client *c, int64_t next_ns)
{
	int64_t left_ns = next_ns - clock_monotonic_ns();
	int ms = next_ns == INT64_MAX ? -1 : left_ns <= 0 ? 0 : (int)(left_ns / NS_PER_MS) + 1;
	bool asks = slurm_client_is_silent(c) && c->timeout_ns && !c->has_started && !c->gave_up;

	if (left_ns > INT64_C(3600) * NS_PER_SECOND && next_ns != INT64_MAX)
		ms = 3600 * 1000;
	if (asks && (ms < 0 || ms > ASK_AGAIN_MS))
		ms = ASK_AGAIN_MS;
	if (c->line.length && (ms < 0 || ms > HOLD_MS))
		ms = HOLD_MS;
	return ms;
}

/* Until it has ended and said all. */
static int wait_end(struct slurm_client *c, int signals_fd)
{
	int64_t begun_ns = clock_monotonic_ns(), asked_ns = begun_ns;
	bool open = true, gone = false;
	int status = 0;

	while (open || !gone) {
		struct pollfd fds[] = {
			{.fd = signals_fd, .events = POLLIN},
			{.fd = open ? c->errors_fd : -1, .events = POLLIN},
			{.fd = c->input_fd >= 0 ? STDIN_FILENO : -1, .events = POLLIN},
		};
		int64_t next_ns = gone ? INT64_MAX : slurm_client_keep_time(c, begun_ns);
		/* What it has left running may keep the pipe open. */
		int n = poll(fds, ARRAY_SIZE(fds), gone ? HOLD_MS : poll_ms(c, next_ns));

		if (n == 0 && gone)
			break;
		if (n == 0)
			slurm_client_release_line(c);
		if (fds[1].revents)
			open = slurm_client_read_errors(c);
		if (fds[2].revents)
			pump_input(c);
		if (fds[0].revents)
			read_signals(c, signals_fd);
		if (!gone && waitpid(c->pid, &status, WNOHANG) == c->pid)
			gone = true;
		if (!gone && slurm_client_is_silent(c) && c->timeout_ns && !c->has_started &&
		    clock_monotonic_ns() - asked_ns > ASK_AGAIN_MS * NS_PER_MS) {
			slurm_client_ask_started(c);
			asked_ns = clock_monotonic_ns();
		}
	}
	slurm_client_release_line(c);
	return status;
}

int slurm_client_run(struct slurm_client *c, int *ret_status, struct err *e)
{
	AUTO_CLOSE int signals_fd = -1;
	sigset_t watched, before;
	int status, r;

	c->errors_fd = c->input_fd = -1;
	signal(SIGPIPE, SIG_IGN);
	watched_signals(&watched);
	sigprocmask(SIG_BLOCK, &watched, &before);
	signals_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	r = signals_fd < 0 ? err_sys(e, errno, "cannot watch signals") : start(c, &before, e);
	if (r == 0) {
		status = wait_end(c, signals_fd);
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		slurm_client_settle(c, status);
	}
	/* Who has a reservation is told so before anything else. */
	if (r < 0 || !c->reserves || !c->has_started)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

void slurm_client_end_by_signal(const struct slurm_client *c)
{
	if (!c->ended_by || c->has_started)
		return;
	signal(c->ended_by, SIG_DFL);
	raise(c->ended_by);
}

void slurm_client_clear(struct slurm_client *c)
{
	mem_auto_close(&c->errors_fd);
	mem_auto_close(&c->input_fd);
	str_clear(&c->line);
	free(c->complaint);
	free(c->step);
}
