/* Asking other hosts; see ask.h. */
#include "remote/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/inherited.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "base/privilege.h"
#include "host/command.h"
#include "remote/http.h"

/* What is kept of what a process prints as an error. */
#define ERRORS_MAX 4096

/* Of the open files of this process: two pipes and a pidfd for each host, and some more. */
#define FILES_PER_CALL 3
#define FILES_OTHER 64

/* Without pidfds (before Linux 5.3) an end is found by looking. */
#define TICK_MS 5

/* The exit status with which ssh says that it did not reach the host. */
#define SSH_FAILED 255

/* A question on its way. */
struct asked {
	struct remote_call *call;
	char *path; /* of the program; NULL: libcurl in the child itself */
	pid_t pid;  /* 0: it has ended, or was never asked */
	int out, err, end;
	struct str errors;
};

void remote_call_clear(struct remote_call *call)
{
	words_clear(&call->words);
	free(call->url);
	if (call->token)
		explicit_bzero(call->token, strlen(call->token));
	free(call->token);
	str_clear(&call->answer);
	free(call->problem);
	*call = (struct remote_call){0};
}

void remote_call_url(struct remote_call *call, const char *path)
{
	const char *url = call->host->url;
	size_t length = strlen(url);
	struct err e = {0};

	while (length && url[length - 1] == '/')
		length--;
	call->url = mem_printf("%.*s%s", (int)length, url, path);
	if (call->host->token_file &&
	    file_read_password(call->host->token_file, "token-file", &call->token, &e) < 0)
		call->problem = mem_strdup(e.text);
}

/* The last line that says something; the caller frees it. */
static char *last_line(const char *text)
{
	static const char prefix[] = "Error: ";
	size_t end = strlen(text), begin;

	while (end && strchr(" \t\r\n", text[end - 1]))
		end--;
	for (begin = end; begin && text[begin - 1] != '\n'; begin--)
		continue;
	/* Not what ends with it: that is all that was said. */
	if (end - begin > strlen(prefix) && !strncmp(text + begin, prefix, strlen(prefix)))
		begin += strlen(prefix);
	return mem_printf("%.*s", (int)(end - begin > 300 ? 300 : end - begin), text + begin);
}

/* What to do about it, where ssh does not say so; NULL: nothing is known. */
static const char *hint_of(const char *line)
{
	static const struct {
		const char *text, *hint;
	} hints[] = {
		{"Host key verification failed", "log in once by hand, and look at its key"},
		{"Permission denied (", "it needs a key that works without a question"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (strstr(line, hints[i].text))
			return hints[i].hint;
	}
	return NULL;
}

char *remote_problem(bool is_ssh, int exit_status, const char *errors)
{
	AUTO_FREE char *line = last_line(errors);
	const char *hint = is_ssh && exit_status == SSH_FAILED ? hint_of(line) : NULL;

	if (hint)
		return mem_printf("%s (%s)", line, hint);
	if (exit_status == EXIT_STATUS_NOT_FOUND && is_ssh)
		return mem_strdup("canhazgpu is not installed there, or not in the PATH of a shell "
				  "without a login");
	if (*line)
		return mem_steal(&line);
	if (exit_status < 0)
		return mem_strdup("the process that asked it was killed");
	if (exit_status == SSH_FAILED && is_ssh)
		return mem_strdup("ssh does not reach it");
	return exit_status ? mem_printf("it failed with exit status %d", exit_status)
			   : mem_strdup("it answered nothing");
}

char *remote_no_answer(int64_t timeout_ns, const char *line)
{
	return mem_printf("no answer within %.9gs%s%s", (double)timeout_ns / (double)NS_PER_SECOND,
			  *line ? ": " : "", line);
}

bool remote_is_unknown_option(int exit_status, const char *problem, const char *option)
{
	/* The other program calls them flags. */
	return exit_status != 0 && problem && strstr(problem, option) &&
	       (strstr(problem, "unknown option") || strstr(problem, "unknown flag"));
}

/* In the child: nothing of this process but the three handles, no terminal, no group of ours. */
static void confine(int out, int err, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0 || privilege_drop(NULL) < 0)
		_exit(1);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(1);
	/* The change of the group has taken it away. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	file_close_all_but(-1);
}

__attribute__((noreturn)) static void answer_by_http(const struct remote_call *call,
						     int64_t timeout_ns)
{
	const struct remote_server server = {call->url, call->token, call->host->ca_file};
	char reason[512] = "";

	signal(SIGPIPE, SIG_DFL);
	/* Who asks ends this at the time, and says so in its own words, also where it is late. */
	if (http_get(&server, 2 * timeout_ns, STDOUT_FILENO, reason, sizeof(reason)) == 0)
		_exit(0);
	(void)!write(STDERR_FILENO, reason, strlen(reason));
	_exit(1);
}

__attribute__((noreturn)) static void answer(const struct asked *a, int64_t timeout_ns)
{
	struct environment env;

	if (!a->path)
		answer_by_http(a->call, timeout_ns);
	env = environment_inherited();
	if (a->call->is_ssh) {
		/* The ssh that a ProxyJump starts knows nothing of BatchMode, and would open a
		   window. */
		environment_set(&env, "SSH_ASKPASS_REQUIRE", "never");
		/* A connection that is kept keeps no directory in use. */
		if (*a->path == '/')
			(void)!chdir("/");
	}
	inherited_restore_signals();
	execve(a->path, a->call->words.items, env.entries);
	dprintf(STDERR_FILENO, "%s: %s", a->path, strerror(errno));
	_exit(1);
}

static int make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* Also after its end, what is left is read without waiting: a connection that ssh keeps may
	   hold the other end. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static int prepare(struct asked *a, struct err *e)
{
	if (!a->call->words.count)
		return http_load(e);
	return host_command_locate(a->call->words.items[0], &a->path, e);
}

/* Room for so many more open files; what was allowed before. */
static struct rlimit allow_files(size_t count)
{
	struct rlimit before = {0}, more;

	getrlimit(RLIMIT_NOFILE, &before);
	more = before;
	if (more.rlim_cur < count + FILES_OTHER)
		more.rlim_cur = count + FILES_OTHER;
	if (more.rlim_cur > more.rlim_max)
		more.rlim_cur = more.rlim_max;
	setrlimit(RLIMIT_NOFILE, &more);
	return before;
}

static void start(struct asked *a, int64_t timeout_ns, const struct rlimit *files)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	pid_t parent = getpid();
	struct err e = {0};

	if (a->call->problem || prepare(a, &e) < 0) {
		if (!a->call->problem)
			a->call->problem = mem_strdup(e.text);
		return;
	}
	if (make_pipe(out) == 0 && make_pipe(err) == 0)
		a->pid = fork();
	if (a->pid == 0 && err[1] >= 0) {
		confine(out[1], err[1], parent);
		setrlimit(RLIMIT_NOFILE, files);
		answer(a, timeout_ns);
	}
	if (a->pid <= 0) {
		a->call->problem = mem_printf("cannot ask it: %s", strerror(errno));
		a->pid = 0;
		mem_auto_close(&out[0]);
		mem_auto_close(&err[0]);
	} else {
		a->out = out[0];
		a->err = err[0];
		a->end = pidfd_of(a->pid);
	}
	mem_auto_close(&out[1]);
	mem_auto_close(&err[1]);
}

/* Reads what is there. True: there may be more later. */
static bool take(int fd, struct str *into, size_t max, bool *ret_too_much)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		size_t room = into->length < max ? max - into->length : 0;

		str_add_bytes(into, bytes, (size_t)n < room ? (size_t)n : room);
		if ((size_t)n > room) {
			*ret_too_much = true;
			return true;
		}
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void stop(struct asked *a)
{
	kill(-a->pid, SIGKILL);
	kill(a->pid, SIGKILL);
	waitpid(a->pid, NULL, 0);
	a->pid = 0;
}

static void take_output(struct asked *a)
{
	bool too_much = false, ignored = false;

	if (a->out >= 0 && !take(a->out, &a->call->answer, REMOTE_ANSWER_MAX, &too_much))
		mem_auto_close(&a->out);
	if (a->err >= 0 && !take(a->err, &a->errors, ERRORS_MAX, &ignored))
		mem_auto_close(&a->err);
	if (!too_much)
		return;
	if (a->pid)
		stop(a);
	a->call->problem = mem_printf("its answer is longer than %zu MiB", REMOTE_ANSWER_MAX >> 20);
}

/* Whether it has ended just now; then what it has left is read. */
static bool check_end(struct asked *a)
{
	int status;

	if (!a->pid || waitpid(a->pid, &status, WNOHANG) == 0)
		return false;
	/* Nothing is killed any more: what it has left may be a connection that is kept, and what
	   that needs, and its number may be another's. */
	a->pid = 0;
	take_output(a);
	if (a->call->problem)
		return true;
	a->call->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (a->call->exit_status || !a->call->answer.length)
		a->call->problem =
			remote_problem(a->call->is_ssh, a->call->exit_status, str_text(&a->errors));
	return true;
}

static size_t list_fds(const struct asked *all, size_t count, struct pollfd *fds, bool *ret_tick)
{
	size_t n = 0;

	*ret_tick = false;
	for (size_t i = 0; i < count; i++) {
		const int own[] = {all[i].out, all[i].err, all[i].end};

		if (!all[i].pid)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(own); k++) {
			if (own[k] >= 0)
				fds[n++] = (struct pollfd){.fd = own[k], .events = POLLIN};
		}
		*ret_tick |= all[i].end < 0;
	}
	return n;
}

static int64_t earlier_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* *deadline_ns comes closer where the answers so far are enough. */
static void collect(struct asked *all, size_t count, const struct remote_patience *patience,
		    int64_t *deadline_ns)
{
	AUTO_FREE struct pollfd *fds = mem_alloc(3 * count + 1, sizeof(*fds));

	for (;;) {
		int64_t left_ns = *deadline_ns - clock_monotonic_ns();
		bool tick;
		size_t n = list_fds(all, count, fds, &tick);
		int left_ms = (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);

		if (!n || left_ns <= 0)
			return;
		poll(fds, n, tick && left_ms > TICK_MS ? TICK_MS : left_ms);
		for (size_t i = 0; i < count; i++) {
			if (all[i].pid)
				take_output(&all[i]);
			if (check_end(&all[i]) && patience &&
			    patience->is_enough(all[i].call, i, patience->argument))
				*deadline_ns = earlier_ns(*deadline_ns,
							  clock_monotonic_ns() + patience->more_ns);
		}
	}
}

static void finish(struct asked *a, int64_t timeout_ns, bool hurried)
{
	if (a->pid) {
		AUTO_FREE char *line = NULL;

		stop(a);
		line = last_line(str_text(&a->errors));
		a->call->hurried = hurried;
		a->call->problem = hurried ? mem_strdup("others have answered much faster")
					   : remote_no_answer(timeout_ns, line);
	}
	mem_auto_close(&a->out);
	mem_auto_close(&a->err);
	mem_auto_close(&a->end);
	str_clear(&a->errors);
	free(a->path);
}

void remote_ask(struct remote_call *calls, size_t count, int64_t timeout_ns,
		const struct remote_patience *patience)
{
	AUTO_FREE struct asked *all = mem_alloc(count + 1, sizeof(*all));
	int64_t latest_ns = clock_monotonic_ns() + timeout_ns, deadline_ns = latest_ns;
	struct rlimit before = allow_files(FILES_PER_CALL * count);

	for (size_t i = 0; i < count; i++) {
		all[i] = (struct asked){.call = &calls[i], .out = -1, .err = -1, .end = -1};
		calls[i].exit_status = -1;
		start(&all[i], timeout_ns, &before);
	}
	collect(all, count, patience, &deadline_ns);
	for (size_t i = 0; i < count; i++)
		finish(&all[i], timeout_ns, deadline_ns < latest_ns);
	setrlimit(RLIMIT_NOFILE, &before);
}
