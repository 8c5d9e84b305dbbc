/*
 * Waiting in line, on both stores with fake GPUs: from the end of a holder to the start of who is
 * next, the same where the holder and its supervisor are killed, and what many who wait cost.
 * Prints a table. Usage: bench_wait PROGRAM [ROUNDS]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

#define CROWD 200
/* One sign of life of each falls into it. */
#define IDLE_SECONDS 45

extern char **environ;

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";
static const char *store_name;
static int rounds = 300;

/* A `run` with its own pipes: it is told to end by the end of its input. */
struct run {
	pid_t pid;
	int in, out, err;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bench_wait: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double to_ms(int64_t ns)
{
	return (double)ns / (double)NS_PER_MS;
}

static void row(const char *what, double median, double p99, const char *unit, const char *target)
{
	char tail[32] = "";

	if (p99 >= 0)
		snprintf(tail, sizeof(tail), "%.2f", p99);
	printf("%-7s %-46s %9.2f %9s  %-3s %s\n", store_name, what, median, tail, unit, target);
	fflush(stdout);
}

static void row_sorted(const char *what, int64_t *ns, int count, const char *target)
{
	qsort(ns, (size_t)count, sizeof(*ns), by_value);
	row(what, to_ms(ns[count / 2]), to_ms(ns[count * 99 / 100]), "ms", target);
}

/* ---- processes ---- */

/* fds: its standard input, output and error; -1: nothing. */
static pid_t start(char *const *argv, const int fds[3])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			posix_spawn_file_actions_adddup2(&actions, fds[i], i);
		else
			posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
	}
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	if (errno)
		die(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* Runs canhazgpu with up to six words, which must succeed. */
static void run_words(const char *const *words)
{
	char *argv[8] = {program};
	int status;
	pid_t pid;

	for (size_t i = 0; words[i] && i < 6; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	pid = start(argv, (const int[]){-1, -1, -1});
	if (waitpid(pid, &status, 0) != pid || status)
		die(words[0]);
}

#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static void pipe_of(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
}

/* Starts `run --wait` of a command that says that it has started, and reads until it is to end. */
static struct run run_start(const char *user)
{
	char *argv[] = {program,
			(char *)"run",
			(char *)"--user",
			(char *)(uintptr_t)user,
			(char *)"--wait",
			(char *)"--",
			(char *)"sh",
			(char *)"-c",
			(char *)"echo; read x",
			NULL};
	int in[2], out[2], err[2];
	struct run r;

	pipe_of(in);
	pipe_of(out);
	pipe_of(err);
	r = (struct run){.pid = start(argv, (const int[]){in[0], out[1], err[1]}),
			 .in = in[1],
			 .out = out[0],
			 .err = err[0]};
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return r;
}

/* Waits until its command has started. */
static void run_started(const struct run *r)
{
	char byte;

	if (read(r->out, &byte, 1) != 1)
		die("the command did not start");
}

/* Waits until it stands in line. */
static void run_waits(const struct run *r)
{
	char text[4096];
	size_t length = 0;

	while (length < sizeof(text) - 1) {
		ssize_t n = read(r->err, text + length, sizeof(text) - 1 - length);

		if (n <= 0)
			die("it does not wait");
		length += (size_t)n;
		text[length] = '\0';
		if (strstr(text, "position"))
			return;
	}
	die("it does not wait");
}

static void run_forget(struct run *r)
{
	waitpid(r->pid, NULL, 0);
	close(r->in);
	close(r->out);
	close(r->err);
}

/* The supervisor that has a pidfd of that process; 0: none. */
static pid_t supervisor_of(pid_t command)
{
	AUTO_FREE char *line =
		mem_printf("for p in $(pgrep -f __supervise); do grep -qsx 'Pid:[[:space:]]*%d' "
			   "/proc/$p/fdinfo/* && echo $p; done",
			   (int)command);
	FILE *list = popen(line, "re");
	int pid = 0;

	if (!list || fscanf(list, "%d", &pid) != 1)
		pid = 0;
	if (list)
		pclose(list);
	return pid;
}

/* Lets those who wait come to rest. */
static void settle(void)
{
	usleep(30000);
}

/* ---- measurements ---- */

/* The command of a run ends: the next one starts. */
static void measure_end(void)
{
	AUTO_FREE int64_t *took = mem_alloc((size_t)rounds, sizeof(*took));
	struct run holder = run_start("a");

	run_started(&holder);
	for (int i = 0; i < rounds; i++) {
		struct run next = run_start("b");
		int64_t before_ns;

		run_waits(&next);
		settle();
		before_ns = clock_monotonic_ns();
		close(holder.in);
		holder.in = -1;
		run_started(&next);
		took[i] = clock_monotonic_ns() - before_ns;
		run_forget(&holder);
		holder = next;
	}
	close(holder.in);
	holder.in = -1;
	run_forget(&holder);
	row_sorted("end of a run -> next command started", took, rounds, "<= 20, p99 <= 60");
}

/* `release` is called: who waits starts. */
static void measure_release(void)
{
	AUTO_FREE int64_t *took = mem_alloc((size_t)rounds, sizeof(*took));

	for (int i = 0; i < rounds; i++) {
		struct run next;
		int64_t before_ns;

		RUN("reserve", "--wait", "--duration", "1h");
		next = run_start("b");
		run_waits(&next);
		settle();
		before_ns = clock_monotonic_ns();
		RUN("release");
		run_started(&next);
		took[i] = clock_monotonic_ns() - before_ns;
		close(next.in);
		next.in = -1;
		run_forget(&next);
	}
	row_sorted("`release` called -> command started", took, rounds, "<= 20, p99 <= 60");
}

/* kill -9 of the command and its supervisor at once. */
static void measure_kill(void)
{
	int count = rounds / 3;
	AUTO_FREE int64_t *took = mem_alloc((size_t)count, sizeof(*took));
	struct run holder = run_start("a");

	run_started(&holder);
	for (int i = 0; i < count; i++) {
		struct run next = run_start("b");
		pid_t supervisor = supervisor_of(holder.pid);
		int64_t before_ns;

		if (!supervisor)
			die("no supervisor");
		run_waits(&next);
		settle();
		before_ns = clock_monotonic_ns();
		kill(supervisor, SIGKILL);
		kill(holder.pid, SIGKILL);
		run_started(&next);
		took[i] = clock_monotonic_ns() - before_ns;
		run_forget(&holder);
		holder = next;
	}
	close(holder.in);
	holder.in = -1;
	run_forget(&holder);
	row_sorted("kill -9 of run and supervisor -> next started", took, count,
		   "all <= 100 [300000]");
	row("... the longest", to_ms(took[count - 1]), -1, "ms", "<= 100");
}

/* Time on a CPU so far. */
static int64_t cpu_ns(pid_t pid)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/schedstat", (int)pid);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	long long ns = 0;

	if (!file || fscanf(file, "%lld", &ns) != 1)
		die(path);
	return ns;
}

static int64_t all_cpu_ns(const struct run *runs, int count)
{
	int64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += cpu_ns(runs[i].pid);
	return sum;
}

/* In percent of one CPU. */
static double measure_idle(const struct run *runs, int count)
{
	int64_t before_ns = all_cpu_ns(runs, count), begin_ns = clock_monotonic_ns();

	sleep(IDLE_SECONDS);
	return 100.0 * (double)(all_cpu_ns(runs, count) - before_ns) /
	       (double)(clock_monotonic_ns() - begin_ns);
}

/* How many of the crowd were not granted in their order, by the history. */
static int count_disorder(const char *url)
{
	static int64_t start_ns[CROWD];
	AUTO(store_closep) struct store *s = NULL;
	const struct usage_record *u;
	struct err e = {0};
	int disorder = 0;

	if (store_open(url, &s, &e) < 0 || store_history_begin(s, 0, INT64_MAX, &e) < 0)
		die(e.text);
	memset(start_ns, 0, sizeof(start_ns));
	while (store_history_next(s, &u, &e) > 0) {
		if (u->user && *u->user == '#')
			start_ns[atoi(u->user + 1)] = u->start_ns;
	}
	for (int i = 0; i < CROWD; i++)
		disorder += !start_ns[i] || (i && start_ns[i] < start_ns[i - 1]);
	return disorder;
}

/* Ends each run of the crowd as soon as it has started; in what time all have been served. */
static void drain(struct run *runs)
{
	for (int i = 0; i < CROWD; i++) {
		struct pollfd started = {.fd = runs[i].out, .events = POLLIN};

		if (poll(&started, 1, 60000) <= 0)
			die("one of the crowd is never served");
		run_started(&runs[i]);
		close(runs[i].in);
		runs[i].in = -1;
	}
	for (int i = 0; i < CROWD; i++)
		run_forget(&runs[i]);
}

static void measure_crowd(const char *url)
{
	static struct run runs[CROWD];
	int64_t begin_ns;

	RUN("admin", "--gpus", "8", "--provider", "fake", "--force");
	RUN("reserve", "--gpus", "8", "--duration", "2h");
	for (int i = 0; i < CROWD; i++) {
		char user[16];

		snprintf(user, sizeof(user), "#%d", i);
		runs[i] = run_start(user);
		run_waits(&runs[i]);
		if (i == 0) {
			sleep(2);
			row("one waits: CPU", measure_idle(runs, 1), -1, "%", "< 0.1");
		}
	}
	sleep(3);
	row("200 wait on 8 GPUs: CPU in all", measure_idle(runs, CROWD), -1, "%", "<= 5");
	begin_ns = clock_monotonic_ns();
	RUN("release");
	drain(runs);
	row("... until all are served", to_ms(clock_monotonic_ns() - begin_ns), -1, "ms", "");
	sleep(1); /* the last supervisors */
	row("... not in order, or lost", count_disorder(url), -1, "", "0");
}

static void measure_store(const char *name, const char *url)
{
	store_name = name;
	setenv("CANHAZGPU_STORE", url, 1);
	RUN("admin", "--gpus", "1", "--provider", "fake");
	measure_end();
	measure_release();
	measure_kill();
	measure_crowd(url);
}

/* ---- the server ---- */

static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* A redis-server that ends with this program. */
static void start_server(const char *path)
{
	pid_t server = fork();

	if (server == 0) {
		int fd = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path,
		       "--save", "", "--dir", directory, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000; i++) {
		if (answers(path))
			return;
		if (waitpid(server, NULL, WNOHANG) == server)
			break;
		usleep(5000);
	}
	die("redis-server does not start");
}

int main(int argc, char **argv)
{
	AUTO_FREE char *socket_path = NULL, *sqlite = NULL, *redis = NULL, *remove = NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_wait PROGRAM [ROUNDS]\n");
		return 2;
	}
	program = argv[1];
	if (argc > 2)
		rounds = atoi(argv[2]);
	if (rounds < 3 || !mkdtemp(directory))
		die(directory);
	setenv("HOME", directory, 1);
	unsetenv("CANHAZGPU_FAKE_STATE");
	socket_path = mem_printf("%s/socket", directory);
	sqlite = mem_printf("sqlite:%s/pool.db", directory);
	redis = mem_printf("unix://%s?db=0", socket_path);
	printf("%-7s %-46s %9s %9s  %-3s %s\n", "store", "8 fake GPUs, one where not said",
	       "median", "p99", "", "target [existing program]");
	measure_store("SQLite", sqlite);
	start_server(socket_path);
	measure_store("Redis", redis);
	remove = mem_printf("rm -rf %s", directory);
	return system(remove) ? 1 : 0;
}
