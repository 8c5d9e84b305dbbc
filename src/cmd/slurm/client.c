/* srun and salloc as children; see client.h. */
#include "cmd/slurm/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/inherited.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cmd/notice.h"
#include "slurm/call.h"
#include "slurm/text.h"

/* A second Ctrl-C within this time ends the command at once, as with srun. */
#define IMPATIENT_NS NS_PER_SECOND
/* The beginning of a line that may be one of srun's own is held back so long. */
#define HOLD_MS 50
/* How often Slurm is asked whether a silent command has begun, for its time limit. */
#define ASK_AGAIN_MS 1000

enum { STAGE_RUNNING, STAGE_WARNED, STAGE_STOPPED, STAGE_KILLED };

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* Nobody tells us when its command begins: srun is asked. */
static bool is_silent(const struct slurm_client *c)
{
	return c->name && !c->mark;
}

/* ---- telling the command ---- */

/* Signals the command: by its step, by the job's name, or where neither is known by srun, which
   passes most signals on, and ends the command at SIGTERM. */
static void signal_command(const struct slurm_client *c, int signal)
{
	AUTO_FREE char *which = c->step   ? mem_strdup(c->step)
				: c->name ? mem_printf("--name=%s", c->name)
					  : NULL;
	AUTO_FREE char *what = mem_printf("--signal=%d", signal);

	if (!which || slurm_ask_well((char *const[]){(char[]){"scancel"}, (char[]){"--me"}, what,
						     which, NULL},
				     NULL, NULL) < 0)
		kill(c->pid, signal == SIGKILL || signal == SIGINT ? SIGTERM : signal);
}

/* Takes a request back that its client may have left in the queue. */
static void take_back(const struct slurm_client *c)
{
	AUTO_FREE char *which = c->name ? mem_printf("--name=%s", c->name) : NULL;

	if (which)
		(void)slurm_ask_well(
			(char *const[]){(char[]){"scancel"}, (char[]){"--me"}, which, NULL}, NULL,
			NULL);
}

/* ---- what the client says ---- */

static void write_errors(const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(STDERR_FILENO, bytes, length);

		if (n < 0 && errno != EINTR)
			return;
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

static void begin(struct slurm_client *c, const char *where)
{
	size_t step = strspn(where, "0123456789.");

	if (c->has_started)
		return;
	c->has_started = true;
	c->started_ns = clock_monotonic_ns();
	if (step) {
		c->step = mem_printf("%.*s", (int)step, where);
		c->job_id = strtoll(where, NULL, 10);
	}
	if (c->started)
		c->started(where, c->context);
}

/* "error: n1: task 0: Killed", "error: n1: tasks 0-1: Exited with exit code 3": how a command
   ended, which so has run. (One that could not be started is "error: task 0 launch failed: ...".)
 */
static bool is_of_task(const char *text)
{
	return !strncmp(text, "error: ", 7) &&
	       (strstr(text + 7, ": task ") || strstr(text + 7, ": tasks "));
}

/* "unrecognized option '--bogus'": of getopt, which knows no "error: ". */
static bool is_of_options(const char *text)
{
	return strstr(text, " option '") || strstr(text, "option requires an argument") ||
	       !strncmp(text, "invalid option -- ", strlen("invalid option -- "));
}

/* "job 17 queued and waiting for resources", "error: ...". */
static void understand(struct slurm_client *c, const char *text)
{
	static const char error[] = "error: ", granted[] = "Granted job allocation ",
			  allocate[] = "Unable to allocate resources: ";
	long long id;

	if (is_of_task(text)) {
		begin(c, "");
	} else if (!strncmp(text, error, strlen(error)) || is_of_options(text)) {
		text += is_of_options(text) ? 0 : strlen(error);
		text += !strncmp(text, allocate, strlen(allocate)) ? strlen(allocate) : 0;
		/* The last of several is about the request itself. */
		free(c->complaint);
		c->complaint = mem_strdup(text);
	} else if (!strncmp(text, granted, strlen(granted))) {
		c->job_id = strtoll(text + strlen(granted), NULL, 10);
		begin(c, "");
	} else if (sscanf(text, "job %lld ", &id) == 1 && strstr(text, " queued ")) {
		c->job_id = id;
		if (c->waits)
			notice("Waiting for %zu GPU%s: job %lld is in Slurm's queue ('canhazgpu "
			       "queue --explain %lld' says why)\n",
			       c->gpus, str_plural(c->gpus), id, id);
	} else if (is_silent(c) && strstr(text, " has been allocated resources")) {
		begin(c, "");
	}
}

/* What srun says of a command that has ended, or that we have ended: the exit status says it. */
static bool is_of_the_end(const char *text)
{
	return is_of_task(text) || strstr(text, "Terminating StepId") ||
	       strstr(text, "Force Terminated") || strstr(text, "Job step aborted") ||
	       strstr(text, "forcing job termination") || strstr(text, "sending Ctrl-C") ||
	       strstr(text, "interrupt (");
}

/* A whole line that begins as one of the client's, or with the mark. */
static void take_line(struct slurm_client *c)
{
	const char *line = str_text(&c->line), *text;
	size_t mark = c->mark ? strlen(c->mark) : 0;

	if (mark && !strncmp(line, c->mark, mark)) {
		begin(c, line + mark + (line[mark] == ' '));
	} else if (!strncmp(line, "srun: ", 6) || !strncmp(line, "salloc: ", 8)) {
		text = strchr(line, ' ') + 1;
		if (!c->has_started)
			understand(c, text);
		else if ((c->terminal || is_silent(c)) && !strncmp(text, "error: ", 7) &&
			 !is_of_the_end(text))
			understand(c, text);
		else if (!is_of_the_end(text))
			fprintf(stderr, "%s\n", line);
	} else {
		fprintf(stderr, "%s\n", line);
	}
	str_clear(&c->line);
}

/* Whether a line that begins so may be one of the client's, or the mark. */
static bool may_be_ours(const struct slurm_client *c, const struct str *line)
{
	const char *const begins[] = {"srun: ", "salloc: ", c->mark};

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		size_t length = begins[i] ? strlen(begins[i]) : 0;
		size_t both = length < line->length ? length : line->length;

		if (length && !strncmp(begins[i], str_text(line), both))
			return true;
	}
	return false;
}

static void release_line(struct slurm_client *c)
{
	if (c->line.length) {
		write_errors(c->line.text, c->line.length);
		c->in_line = true;
	}
	str_clear(&c->line);
}

static void take_errors(struct slurm_client *c, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const char *newline;
		size_t rest;

		if (!c->in_line && bytes[i] == '\n' && c->line.length) {
			take_line(c);
			continue;
		}
		if (!c->in_line) {
			str_add_bytes(&c->line, &bytes[i], 1);
			if (bytes[i] != '\n' && may_be_ours(c, &c->line))
				continue;
			write_errors(c->line.text, c->line.length);
			str_clear(&c->line);
			c->in_line = bytes[i] != '\n';
			continue;
		}
		/* What is behind the beginning of a line is the command's. */
		newline = memchr(bytes + i, '\n', length - i);
		rest = newline ? (size_t)(newline - bytes - i) + 1 : length - i;
		write_errors(bytes + i, rest);
		c->in_line = !newline;
		i += rest - 1;
	}
}

/* False: it has closed it. */
static bool read_errors(struct slurm_client *c)
{
	char buffer[16384];
	ssize_t n = read(c->errors_fd, buffer, sizeof(buffer));

	if (n > 0)
		take_errors(c, buffer, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

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

/* ---- the time limits ---- */

/* Whether the job runs, of a command whose begin nobody tells us. */
static void ask_whether_started(struct slurm_client *c)
{
	AUTO_FREE char *which = c->name ? mem_printf("--name=%s", c->name) : NULL;
	AUTO_FREE char *text = NULL;
	long long id, start;

	if (!which ||
	    slurm_ask_well((char *const[]){(char[]){"squeue"}, (char[]){"--me"},
					   (char[]){"--noheader"}, (char[]){"--states=RUNNING"},
					   which, (char[]){"--format=%A %S"}, NULL},
			   &text, NULL) < 0)
		return;
	if (sscanf(text, "%lld %lld", &id, &start) != 2)
		return;
	c->job_id = id;
	begin(c, "");
	c->started_ns -= clock_now_ns() - start * NS_PER_SECOND;
}

static void take_signal(struct slurm_client *c, int signal)
{
	int64_t now_ns = clock_monotonic_ns();

	if (is_silent(c) && !c->has_started)
		ask_whether_started(c);
	/* Not begun: it is a request, which srun takes back. */
	if (!c->has_started) {
		c->ended_by = c->ended_by ? c->ended_by : signal;
		kill(c->pid, SIGTERM);
		return;
	}
	if (signal == SIGINT && c->interrupt_ns && now_ns - c->interrupt_ns < IMPATIENT_NS) {
		kill(c->pid, SIGTERM);
		return;
	}
	if (signal == SIGINT)
		c->interrupt_ns = now_ns;
	signal_command(c, signal);
}

/* When something is to be done next, and that what is due is done. */
static int64_t keep_time(struct slurm_client *c, int64_t begun_ns)
{
	int64_t now_ns = clock_monotonic_ns(), next_ns;

	if (!c->has_started) {
		if (!c->wait_ns || c->gave_up)
			return INT64_MAX;
		if (now_ns < begun_ns + c->wait_ns)
			return begun_ns + c->wait_ns;
		if (is_silent(c))
			ask_whether_started(c);
		if (!c->has_started) {
			c->gave_up = true;
			kill(c->pid, SIGTERM);
		}
		return INT64_MAX;
	}
	if (!c->timeout_ns)
		return INT64_MAX;
	for (;;) {
		next_ns = c->started_ns + c->timeout_ns;
		if (c->stage == STAGE_RUNNING)
			next_ns -= c->warn_before_ns;
		else if (c->stage == STAGE_STOPPED)
			next_ns += c->grace_ns;
		if (c->stage == STAGE_KILLED)
			return INT64_MAX;
		if (now_ns < next_ns)
			return next_ns;
		if (c->stage == STAGE_RUNNING && c->warn_before_ns)
			signal_command(c, c->warn_signal);
		else if (c->stage == STAGE_WARNED)
			signal_command(c, c->timeout_signal);
		else if (c->stage == STAGE_STOPPED)
			signal_command(c, SIGKILL);
		c->stage++;
	}
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
	if (!c->terminal)
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
			take_signal(c, (int)info.ssi_signo);
	}
}

static int poll_ms(const struct slurm_client *c, int64_t next_ns)
{
	int64_t left_ns = next_ns - clock_monotonic_ns();
	int ms = next_ns == INT64_MAX ? -1 : left_ns <= 0 ? 0 : (int)(left_ns / NS_PER_MS) + 1;
	bool asks = is_silent(c) && c->timeout_ns && !c->has_started && !c->gave_up;

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
		int64_t next_ns = gone ? INT64_MAX : keep_time(c, begun_ns);
		/* What it has left running may keep the pipe open. */
		int n = poll(fds, ARRAY_SIZE(fds), gone ? HOLD_MS : poll_ms(c, next_ns));

		if (n == 0 && gone)
			break;
		if (n == 0)
			release_line(c);
		if (fds[1].revents)
			open = read_errors(c);
		if (fds[2].revents)
			pump_input(c);
		if (fds[0].revents)
			read_signals(c, signals_fd);
		if (!gone && waitpid(c->pid, &status, WNOHANG) == c->pid)
			gone = true;
		if (!gone && is_silent(c) && c->timeout_ns && !c->has_started &&
		    clock_monotonic_ns() - asked_ns > ASK_AGAIN_MS * NS_PER_MS) {
			ask_whether_started(c);
			asked_ns = clock_monotonic_ns();
		}
	}
	release_line(c);
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
		/* Killed, it may have left its request behind. */
		if (!WIFEXITED(status))
			take_back(c);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* srun and salloc each have their own words for "not within five seconds". */
static bool is_busy(const char *complaint)
{
	return strstr(complaint, "nodes are busy") || strstr(complaint, "Connection timed out") ||
	       strstr(complaint, "Immediate execution impossible");
}

int slurm_client_refused(const struct slurm_client *c, struct err *e)
{
	if (c->gave_up) {
		err_set(e, ETIME, "gave up: no GPUs became free in the time of --wait");
		return err_exit_status(e, EXIT_STATUS_GAVE_UP);
	}
	if (c->complaint && !c->waits && is_busy(c->complaint))
		return err_set(e, EBUSY,
			       "no %zu free GPU%s within 5 seconds; --wait queues, and 'canhazgpu "
			       "status' shows who has them",
			       c->gpus, str_plural(c->gpus));
	return c->complaint ? err_set(e, EIO, "Slurm: %.500s", c->complaint) : 0;
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
