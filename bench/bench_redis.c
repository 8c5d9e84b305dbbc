/*
 * The program with its pool in Redis: a redis-server of its own on a Unix socket, 8 and 64 fake
 * GPUs. Prints a table. Usage: bench_redis PROGRAM
 */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "program.h"
#include "store/store.h"

#define ROUNDS 300
#define CROWD 64
#define COMMITS 200

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";
static char *server_socket, *url;
static pid_t server;

static void stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void start_server(void)
{
	server = fork();
	if (server == 0) {
		AUTO_FREE char *log = mem_printf("%s/log", directory);
		int fd = open(log, O_WRONLY | O_CREAT, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server_socket,
		       "--save", "", "--dir", directory, (char *)NULL);
		_exit(127);
	}
	atexit(stop_server);
	for (int i = 0; i < 1000; i++) {
		redisContext *c = redisConnectUnix(server_socket);
		bool up = c && !c->err;

		redisFree(c);
		if (up)
			return;
		usleep(5000);
	}
	die("redis-server does not start");
}

/* How many commands the server has carried out, those of scripts not counted. */
static long long commands(void)
{
	redisContext *c = redisConnectUnix(server_socket);
	redisReply *r = redisCommand(c, "INFO commandstats");
	long long sum = 0;

	for (const char *p = r->str; p && (p = strstr(p, "cmdstat_")) != NULL; p++) {
		static const char *const counted[] = {"eval:", "evalsha:", "auth:", "select:"};

		for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
			size_t length = strlen(counted[i]);

			if (!strncmp(p + 8, counted[i], length))
				sum += atoll(p + 8 + length + strlen("calls="));
		}
	}
	freeReplyObject(r);
	redisFree(c);
	return sum;
}

/* Starts `program` with up to six words; its output is thrown away. */
static pid_t start_words(const char *const *words)
{
	char *argv[8] = {program};

	for (size_t i = 0; words[i] && i < 6; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	return start(argv, -1, -1);
}

#define START(...) start_words((const char *const[]){__VA_ARGS__, NULL})

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void row(const char *what, double value, const char *unit, const char *target)
{
	printf("%-52s %9.2f  %-3s %s\n", what, value, unit, target);
	fflush(stdout);
}

static double median_ms(int64_t *ns, int count)
{
	qsort(ns, (size_t)count, sizeof(*ns), by_value);
	return (double)ns[count / 2] / (double)NS_PER_MS;
}

static void measure_status(void)
{
	static int64_t took[ROUNDS];
	long long before;

	finish(START("admin", "--gpus", "8", "--provider", "fake"));
	finish(START("reserve", "--gpus", "2"));
	for (int i = 0; i < ROUNDS; i++) {
		int64_t begin_ns = clock_monotonic_ns();

		finish(START("status"));
		took[i] = clock_monotonic_ns() - begin_ns;
	}
	row("status, 8 GPUs", median_ms(took, ROUNDS), "ms", "<= 2 [4.0-4.7]");
	before = commands();
	finish(START("status"));
	row("  round trips", (double)(commands() - before), "", "<= 2");
	before = commands();
	finish(START("reserve"));
	row("reserve, round trips", (double)(commands() - before), "", "<= 3");
}

/* So many `reserve` at once, until the last has what it wants. */
static int64_t crowd_ns(int count)
{
	pid_t pids[CROWD];
	int64_t begin_ns = clock_monotonic_ns();

	for (int i = 0; i < count; i++)
		pids[i] = START("reserve", "--short");
	for (int i = 0; i < count; i++)
		finish(pids[i]);
	return clock_monotonic_ns() - begin_ns;
}

static void measure_crowds(void)
{
	static int64_t took[ROUNDS];

	for (int i = 0; i < ROUNDS / 10; i++) {
		finish(START("release"));
		took[i] = crowd_ns(2);
	}
	row("2 reserve at once", median_ms(took, ROUNDS / 10), "ms", "<= 20 [1100]");
	finish(START("admin", "--gpus", "64", "--provider", "fake", "--force"));
	for (int i = 0; i < 5; i++) {
		finish(START("release"));
		took[i] = crowd_ns(CROWD);
	}
	row("64 reserve at once on 64 GPUs, all together", median_ms(took, 5), "ms",
	    "<= 1000 [33000, 1 to 2 fail]");
	finish(START("release"));
}

/* Puts new requests into the queue, which takes no look at it: commits alone. */
static int commit_only(struct store *s, int gpu)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	struct err e = {0};
	int r = store_load(s, STORE_READ, &state, &e);

	(void)gpu;
	for (int i = 0; r == 0 && i < COMMITS; i++) {
		char account[] = "alice";
		struct queue_entry entry = {
			.account = account, .requested_count = 1, .enqueued_ns = clock_now_ns()};
		struct change put = {.kind = CHANGE_PUT, .put.entry = &entry};

		id_new(entry.id);
		r = store_commit(s, &state, &put, 1, &e);
	}
	return r;
}

/* Renews its own reservation again and again: a load of 64 GPUs and a commit each time. */
static int load_and_commit(struct store *s, int gpu)
{
	struct err e = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < COMMITS; i++) {
		AUTO(pool_state_clear) struct pool_state state = {0};
		struct reservation altered;
		struct change renew = {.kind = CHANGE_RENEW, .renew.reservation = &altered};

		r = store_load(s, STORE_READ, &state, &e);
		if (r < 0 || !state.slots[gpu].reservation)
			return -1;
		altered = *state.slots[gpu].reservation;
		altered.heartbeat_ns = clock_now_ns();
		r = store_commit(s, &state, &renew, 1, &e);
	}
	return r;
}

/* A client that is connected before it begins with the others. */
static void one_client(int gpu, int go_fd, int (*work)(struct store *s, int gpu))
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	struct store *s = NULL;
	char byte;
	int r;

	if (store_open(url, &s, NULL) < 0 || store_load(s, STORE_READ, &state, NULL) < 0 ||
	    read(go_fd, &byte, 1) != 0)
		_exit(1);
	r = work(s, gpu);
	store_close(s);
	_exit(r < 0);
}

static double commits_per_second(int (*work)(struct store *s, int gpu))
{
	int64_t begin_ns, took_ns;
	pid_t pids[CROWD];
	int go[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	for (int i = 0; i < CROWD; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(go[1]);
			one_client(i, go[0], work);
		}
	}
	close(go[0]);
	usleep(500000); /* until all are connected */
	begin_ns = clock_monotonic_ns();
	close(go[1]);
	for (int i = 0; i < CROWD; i++)
		finish(pids[i]);
	took_ns = clock_monotonic_ns() - begin_ns;
	return (double)CROWD * COMMITS / ((double)took_ns / (double)NS_PER_SECOND);
}

static void measure_commits(void)
{
	row("commits by 64 connected clients", commits_per_second(commit_only), "/s", ">= 5000");
	finish(START("admin", "--gpus", "64", "--provider", "fake", "--force"));
	for (int i = 0; i < CROWD; i++)
		finish(START("reserve"));
	row("  each after a load of 64 reserved GPUs", commits_per_second(load_and_commit), "/s",
	    "");
}

int main(int argc, char **argv)
{
	AUTO_FREE char *remove = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_redis PROGRAM\n");
		return 2;
	}
	program = argv[1];
	if (!mkdtemp(directory))
		die(directory);
	server_socket = mem_printf("%s/socket", directory);
	url = mem_printf("unix://%s?db=0", server_socket);
	start_server();
	setenv("CANHAZGPU_STORE", url, 1);
	unsetenv("CANHAZGPU_FAKE_STATE");
	printf("%-52s %9s  %-3s %s\n", "fake GPUs, Redis on this host", "median", "",
	       "target [existing program]");
	measure_status();
	measure_crowds();
	measure_commits();
	remove = mem_printf("rm -rf %s", directory);
	return system(remove) ? 1 : 0;
}
