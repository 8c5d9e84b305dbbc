/*
 * What starting the program costs: short commands, each compared with /bin/true. Both are started
 * in turn, so that whatever else the machine does hits both, and their ratio says more than their
 * times. Prints a table. Usage: bench_start PROGRAM
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"

#define ROUNDS 200
#define WORDS_MAX 10
#define RECORDS 100000
#define RECORDS_AT_ONCE 10000
#define ACCOUNTS 50
/* A supervisor releases what its run had when that has ended; the next command begins after it. */
#define PAUSE_NS (20 * NS_PER_MS)

extern char **environ;

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";

/* One row: what is measured, in which of the pools, and what is done after it without measuring. */
struct row {
	const char *pool;
	const char *line, *after;
	double limit; /* of the ratio; 0: none */
	int64_t took_ns[ROUNDS];
};

/* In "free" nothing is reserved, in "used" two GPUs are, and "old" has a history. */
static struct row rows[] = {
	{"used", "true", NULL, 0, {0}},
	{"used", "--help", NULL, 0, {0}},
	{"used", "status", NULL, 2.2, {0}},
	{"used", "status --json", NULL, 0, {0}},
	{"used", "queue", NULL, 2.4, {0}},
	{"free", "release", NULL, 2.4, {0}},
	{"used", "reserve --gpu-ids 7", "release --gpu-ids 7", 0, {0}},
	{"free", "run -- true", "", 7, {0}},
	{"old", "report", NULL, 50, {0}},
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bench_start: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Runs /bin/true, or a command of the program; both without input and output. Returns its time. */
static int64_t run_line(const char *line)
{
	AUTO_FREE char *text = mem_strdup(line);
	char *argv[WORDS_MAX + 2] = {program};
	posix_spawn_file_actions_t actions;
	bool is_true = !strcmp(line, "true");
	size_t count = is_true ? 0 : 1;
	int64_t before_ns;
	int status;
	pid_t pid;

	for (char *p = strtok(text, " "); p && count <= WORDS_MAX; p = strtok(NULL, " "))
		argv[count++] = p;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	before_ns = clock_monotonic_ns();
	errno = posix_spawn(&pid, is_true ? "/bin/true" : program, &actions, NULL, argv, environ);
	if (errno)
		die(line);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	before_ns = clock_monotonic_ns() - before_ns;
	posix_spawn_file_actions_destroy(&actions);
	if (status) {
		fprintf(stderr, "bench_start: '%s' failed (wait status %d)\n", line, status);
		exit(1);
	}
	return before_ns;
}

static char *pool_url(const char *pool)
{
	return mem_printf("sqlite:%s/%s.db", directory, pool);
}

static void use_pool(const char *pool)
{
	AUTO_FREE char *url = pool_url(pool);

	setenv("CANHAZGPU_STORE", url, 1);
}

/* Reservations of two GPUs by 50 accounts within 29 days, as bench/measure-report has them. */
static void make_history(void)
{
	struct usage_record *records = mem_alloc(RECORDS_AT_ONCE, sizeof(*records));
	AUTO_FREE char *url = pool_url("old");
	int64_t now_ns = clock_now_ns();
	struct store *store = NULL;
	struct err e = {0};
	int r = store_open(url, &store, &e);

	for (int i = 0; r == 0 && i < RECORDS; i++) {
		struct usage_record *u = &records[i % RECORDS_AT_ONCE];
		int number = i / 2;

		snprintf(u->reservation_id, ID_SIZE, "%08x-0000-4000-8000-%012x",
			 (unsigned)number * 2654435761U, (unsigned)number);
		mem_auto_free(&u->user);
		mem_auto_free(&u->account);
		u->user = mem_printf("user%d", number % ACCOUNTS);
		u->account = mem_strdup(u->user);
		u->uid = quantity_of(1000 + number % ACCOUNTS);
		u->type = number % 3 ? RESERVATION_RUN : RESERVATION_MANUAL;
		u->gpu = i % 8;
		u->end_ns = now_ns - (int64_t)number * 7919 % (29 * 86400) * NS_PER_SECOND;
		u->start_ns = u->end_ns - 600 * NS_PER_SECOND;
		if ((i + 1) % RECORDS_AT_ONCE == 0)
			r = store_history_add(store, records, RECORDS_AT_ONCE, &e);
	}
	if (r < 0) {
		fprintf(stderr, "bench_start: %s\n", e.text);
		exit(1);
	}
	store_close(store);
	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		free(records[i].user);
		free(records[i].account);
	}
	free(records);
}

static void make_pools(void)
{
	static const char *const names[] = {"free", "used", "old"};

	setenv("HOME", directory, 1);
	unsetenv("CANHAZGPU_FAKE_STATE");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		use_pool(names[i]);
		run_line("admin --gpus 8 --provider fake");
	}
	use_pool("used");
	run_line("reserve --gpus 2");
	make_history();
}

static void measure(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			use_pool(rows[i].pool);
			rows[i].took_ns[round] = run_line(rows[i].line);
			if (rows[i].after && *rows[i].after)
				run_line(rows[i].after);
			else if (rows[i].after)
				nanosleep(&pause, NULL);
		}
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_rows(void)
{
	printf("%-44s %9s %9s %9s %10s  %s\n", "8 fake GPUs, embedded store", "median ms",
	       "fastest", "ratio", "of fastest", "wanted");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int64_t *took = rows[i].took_ns, *base = rows[0].took_ns;
		char limit[16] = "";

		qsort(rows[i].took_ns, ROUNDS, sizeof(*took), compare);
		if (rows[i].limit > 0)
			snprintf(limit, sizeof(limit), "<= %.3g", rows[i].limit);
		printf("%-44s %9.2f %9.2f %9.2f %10.2f  %s\n", i ? rows[i].line : "/bin/true",
		       (double)took[ROUNDS / 2] / (double)NS_PER_MS,
		       (double)took[0] / (double)NS_PER_MS,
		       (double)took[ROUNDS / 2] / (double)base[ROUNDS / 2],
		       (double)took[0] / (double)base[0], limit);
	}
}

int main(int argc, char **argv)
{
	AUTO_FREE char *remove = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_start PROGRAM\n");
		return 2;
	}
	program = argv[1];
	if (!mkdtemp(directory))
		die(directory);
	make_pools();
	measure();
	print_rows();
	remove = mem_printf("rm -rf %s", directory);
	return system(remove) ? 1 : 0;
}
