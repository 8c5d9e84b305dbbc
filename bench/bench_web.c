/*
 * The web server under load: 1,000 event streams while the pool changes once a second, without and
 * with as many requests for /api/status beside them as it answers. Prints a table.
 * Usage: bench_web PROGRAM
 *
 * A message's time counts from the commit (the touched wake file, seen by inotify) to its arrival
 * here. Server and this program share the machine's cores.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define STREAMS 1000
#define LOADERS 48 /* connections that ask for /api/status */
#define CHANGES 15 /* per phase, one a second */
#define ANSWERS_MAX 4000000

extern char **environ;

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";
static const char request[] = "GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* A connection: a stream, or one that asks again and again. */
struct client {
	int fd;
	bool stream;
	bool told; /* of the latest change */
	int64_t asked_ns;
	size_t have;
	char buffer[16384];
};

static struct client clients[STREAMS + LOADERS];
static int events_fd, watch_fd;
static struct sockaddr_in address = {.sin_family = AF_INET};

static int64_t *answers, *messages; /* how long each took, ns */
static int answers_count, messages_count;
static int64_t changed_ns; /* when the latest commit was */
static int changes, missed;

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bench_web: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t spawn(char *const *argv, int error_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (error_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, error_fd, 2);
	errno = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	if (errno)
		die(program);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void run(char *const *argv)
{
	int status;

	if (waitpid(spawn(argv, -1), &status, 0) < 0 || status)
		die("a command failed");
}

/* ---- the server ---- */

static pid_t start_server(void)
{
	char *const argv[] = {program,
			      (char[]){"web"},
			      (char[]){"--host"},
			      (char[]){"127.0.0.1"},
			      (char[]){"--port"},
			      (char[]){"0"},
			      NULL};
	char line[256] = "";
	int ends[2], port = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	pid = spawn(argv, ends[1]);
	close(ends[1]);
	n = read(ends[0], line, sizeof(line) - 1);
	if (n <= 0 || sscanf(line, "Serving http://127.0.0.1:%d/", &port) != 1) {
		fprintf(stderr, "bench_web: the server did not start: %s\n", line);
		exit(1);
	}
	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return pid;
}

/* The processes of the server: itself and its children. Calls take() with each one's stat fields.
 */
struct usage {
	double cpu_s;
	long rss_kb, rss_all_kb; /* of the server itself; of all, with what they share */
};

static void add_process(pid_t pid, bool server, struct usage *usage)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/stat", (int)pid);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	char line[1024] = "";
	unsigned long user = 0, kernel = 0;
	long rss = 0;
	char *rest;

	if (!file || !fgets(line, sizeof(line), file) || !(rest = strrchr(line, ')')))
		return;
	sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	/* Behind them: cutime cstime priority nice threads itrealvalue starttime vsize rss */
	sscanf(rest + 1,
	       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u "
	       "%*u %ld",
	       &rss);
	usage->cpu_s += (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
	usage->rss_all_kb += rss * (sysconf(_SC_PAGESIZE) / 1024);
	if (server)
		usage->rss_kb = rss * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct usage usage_of(pid_t server)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/task/%d/children", (int)server, (int)server);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	struct usage usage = {0};
	int child;

	add_process(server, true, &usage);
	while (file && fscanf(file, "%d", &child) == 1)
		add_process(child, false, &usage);
	return usage;
}

/* ---- the clients ---- */

static void add(int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(events_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

static void ask(struct client *c, const char *text, size_t length)
{
	c->asked_ns = clock_monotonic_ns();
	c->have = 0;
	if (write(c->fd, text, length) != (ssize_t)length)
		die("write");
}

static void open_client(struct client *c, bool stream)
{
	static const char open[] = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int on = 1;

	c->stream = stream;
	c->told = true;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	add(c->fd, c);
	if (stream)
		ask(c, open, sizeof(open) - 1);
	else
		ask(c, request, sizeof(request) - 1);
}

static void take_stream(struct client *c)
{
	ssize_t n = read(c->fd, c->buffer, sizeof(c->buffer) - 1);

	if (n <= 0)
		die("a stream ended");
	c->buffer[n] = '\0';
	if (c->told || !strstr(c->buffer, "event: change"))
		return;
	c->told = true;
	messages[messages_count++] = clock_monotonic_ns() - changed_ns;
}

/* A whole answer: then the next question. */
static void take_answer(struct client *c)
{
	ssize_t n = read(c->fd, c->buffer + c->have, sizeof(c->buffer) - 1 - c->have);
	const char *end, *length;

	if (n <= 0)
		die("a connection ended");
	c->have += (size_t)n;
	c->buffer[c->have] = '\0';
	end = strstr(c->buffer, "\r\n\r\n");
	length = end ? strcasestr(c->buffer, "\r\nContent-Length: ") : NULL;
	if (!length || c->have < (size_t)(end + 4 - c->buffer) + strtoul(length + 18, NULL, 10))
		return;
	if (strncmp(c->buffer, "HTTP/1.1 200", 12) != 0)
		die("an answer is none");
	if (answers_count < ANSWERS_MAX)
		answers[answers_count++] = clock_monotonic_ns() - c->asked_ns;
	ask(c, request, sizeof(request) - 1);
}

/* The pool has changed: every stream has to hear of it. */
static void take_change(void)
{
	char bytes[4096];

	while (read(watch_fd, bytes, sizeof(bytes)) > 0)
		continue;
	for (int i = 0; i < STREAMS; i++) {
		missed += !clients[i].told;
		clients[i].told = false;
	}
	changed_ns = clock_monotonic_ns();
	changes++;
}

static void serve_until(int64_t end_ns)
{
	struct epoll_event ready[256];
	int64_t now_ns;

	while ((now_ns = clock_monotonic_ns()) < end_ns) {
		int n = epoll_wait(events_fd, ready, 256, (int)((end_ns - now_ns) / NS_PER_MS) + 1);

		/* A commit first: messages count from it. */
		for (int i = 0; i < n; i++) {
			if (!ready[i].data.ptr)
				take_change();
		}
		for (int i = 0; i < n; i++) {
			struct client *c = ready[i].data.ptr;

			if (c && c->stream)
				take_stream(c);
			else if (c)
				take_answer(c);
		}
	}
}

/* One change a second. */
static void phase(void)
{
	char *const reserve[] = {program, (char[]){"reserve"}, NULL};
	char *const release[] = {program, (char[]){"release"}, NULL};
	int64_t next_ns = clock_monotonic_ns();

	answers_count = messages_count = changes = missed = 0;
	for (int i = 0; i < CHANGES; i++) {
		pid_t pid = spawn(i % 2 ? release : reserve, -1);

		next_ns += NS_PER_SECOND;
		serve_until(next_ns);
		if (waitpid(pid, NULL, WNOHANG) != pid)
			die("a command takes long");
	}
	for (int i = 0; i < STREAMS; i++)
		missed += !clients[i].told;
}

/* ---- the table ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void row_sorted(const char *what, int64_t *ns, int count, const char *target)
{
	if (!count)
		die(what);
	qsort(ns, (size_t)count, sizeof(*ns), compare);
	printf("%-44s %9.2f %9.2f %9.2f  ms  %s\n", what, (double)ns[count / 2] / 1e6,
	       (double)ns[(int64_t)count * 99 / 100] / 1e6, (double)ns[count - 1] / 1e6, target);
}

static void row(const char *what, double value, const char *unit, const char *target)
{
	printf("%-44s %9.1f %20s %-3s %s\n", what, value, "", unit, target);
}

static void measure(pid_t server)
{
	struct usage before, after;
	int64_t begin_ns;

	for (int i = 0; i < STREAMS; i++)
		open_client(&clients[i], true);
	serve_until(clock_monotonic_ns() + 3 * NS_PER_SECOND);

	before = usage_of(server);
	begin_ns = clock_monotonic_ns();
	phase();
	after = usage_of(server);
	row_sorted("a change arrives at 1,000 streams", messages, messages_count, "p99 <= 100");
	row("... not told", missed, "", "0");
	row("server, resident", (double)after.rss_kb / 1024, "MB", "<= 40");
	row("... with the processes behind it", (double)after.rss_all_kb / 1024, "MB", "");
	row("CPU, all of them, at one change a second",
	    100 * (after.cpu_s - before.cpu_s) * 1e9 / (double)(clock_monotonic_ns() - begin_ns),
	    "%", "<= 5");

	for (int i = STREAMS; i < STREAMS + LOADERS; i++)
		open_client(&clients[i], false);
	begin_ns = clock_monotonic_ns();
	phase();
	row("/api/status meanwhile",
	    (double)answers_count * 1e9 / (double)(clock_monotonic_ns() - begin_ns), "/s",
	    ">= 20000");
	row_sorted("... each takes", answers, answers_count, "p99 <= 10");
	row_sorted("... and a change arrives", messages, messages_count, "p99 <= 100");
	row("... not told", missed, "", "0");
}

int main(int argc, char **argv)
{
	struct rlimit files;
	char *store, *wake, *remove;
	char *const admin[] = {argv[1],       (char[]){"admin"},      (char[]){"--gpus"},
			       (char[]){"8"}, (char[]){"--provider"}, (char[]){"fake"},
			       NULL};
	pid_t server;

	if (argc != 2 || !mkdtemp(directory)) {
		fputs("usage: bench_web PROGRAM\n", stderr);
		return 2;
	}
	program = argv[1];
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	store = mem_printf("sqlite:%s/pool.db", directory);
	wake = mem_printf("%s/pool.db.wake", directory);
	remove = mem_printf("rm -r '%s'", directory);
	setenv("CANHAZGPU_STORE", store, 1);
	setenv("HOME", directory, 1);
	answers = mem_alloc(ANSWERS_MAX, sizeof(*answers));
	messages = mem_alloc((size_t)STREAMS * CHANGES * 2, sizeof(*messages));
	run(admin);
	events_fd = epoll_create1(EPOLL_CLOEXEC);
	watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify_add_watch(watch_fd, wake, IN_ATTRIB | IN_MODIFY) < 0)
		die(wake);
	add(watch_fd, NULL);
	server = start_server();
	printf("%-44s %9s %9s %9s      %s\n", "", "median", "p99", "most", "wanted");
	measure(server);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return system(remove);
}
