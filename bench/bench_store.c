/*
 * How fast the SQLite store is: one load, one commit, many processes at once, a long history.
 *
 *     bench_store [DIRECTORY]      (where the databases are made; default /tmp)
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

#define SINGLE_ROUNDS 1000
/* A store that is used again within a millisecond lets others go first; that is not measured. */
#define BETWEEN_US 1500
#define PROCESSES 64
#define TRANSACTIONS 50
#define HISTORY_RECORDS 1000000
#define EVENTS 1000000

static char directory[200];
static char *path;

static _Noreturn void die(const struct err *e)
{
	fprintf(stderr, "Error: %s\n", e->text);
	exit(1);
}

static struct store *open_store(void)
{
	AUTO_FREE char *url = mem_printf("sqlite:%s", path);
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		die(&e);
	return s;
}

static void load(struct store *s, enum store_intent intent, struct pool_state *state)
{
	struct err e = {0};

	pool_state_clear(state);
	if (store_load(s, intent, state, &e) < 0)
		die(&e);
}

static void commit(struct store *s, const struct pool_state *state, const struct change *changes,
		   size_t count)
{
	struct err e = {0};

	if (store_commit(s, state, changes, count, &e) < 0)
		die(&e);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_row(const char *what, int64_t *times_ns, size_t count)
{
	qsort(times_ns, count, sizeof(*times_ns), by_value);
	printf("%-44s %9.3f %9.3f %9.3f\n", what, (double)times_ns[count / 2] / NS_PER_MS,
	       (double)times_ns[count * 99 / 100] / NS_PER_MS,
	       (double)times_ns[count - 1] / NS_PER_MS);
}

/* Grants a GPU, or ends its reservation where it has one: one load and one commit; with an event,
   where `noted`. */
static void toggle(struct store *s, int gpu, bool noted)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(reservation_freep) struct reservation *r = NULL;
	struct change change = {.kind = CHANGE_END}, changes[2];
	char account[] = "alice", reason[] = "alice got GPU 7 for 2h 0m 0s";
	char before[] = "asked 1 GPU\nheld 0 run 1a2b3c4d alice\nheld 1 run 2a2b3c4d bob\n"
			"held 2-3 manual 3a2b3c4d carol\nfree 4-7\n";
	struct event event = {
		.kind = EVENT_GRANTED,
		.time_ns = clock_now_ns(),
		.account = account,
		.user = account,
		.uid = quantity_of(1000),
		.gpus = &gpu,
		.gpus_count = 1,
		.reason = reason,
	};

	load(s, STORE_UPDATE, &state);
	change.end = (struct change_end){
		.reservation = state.slots[gpu].reservation,
		.gpus = &gpu,
		.gpus_count = 1,
		.end_ns = clock_now_ns(),
	};
	if (!change.end.reservation) {
		r = reservation_new();
		id_new(r->id);
		r->user = mem_strdup("alice");
		r->account = mem_strdup("alice");
		r->uid = quantity_of(1000);
		r->start_ns = clock_now_ns();
		r->gpus = mem_alloc(1, sizeof(gpu));
		r->gpus[0] = gpu;
		r->gpus_count = 1;
		change = (struct change){.kind = CHANGE_GRANT, .grant.reservation = r};
	}
	/* Every other one is a decision. */
	event.before = r ? before : NULL;
	changes[0] = change;
	changes[1] = (struct change){
		.kind = CHANGE_EVENT,
		.event = {.event = &event, .forget_ns = event.time_ns - 30 * NS_PER_DAY},
	};
	commit(s, &state, changes, noted ? 2 : 1);
}

/* In turn, so that whatever else the machine does hits both. */
static void bench_events(struct store *s)
{
	int64_t *times_ns[2], *cpu_ns[2], start_ns, cpu_start_ns;
	struct timespec cpu;

	for (int noted = 0; noted < 2; noted++) {
		times_ns[noted] = mem_alloc(SINGLE_ROUNDS, sizeof(int64_t));
		cpu_ns[noted] = mem_alloc(SINGLE_ROUNDS, sizeof(int64_t));
	}
	for (size_t i = 0; i < 4 * SINGLE_ROUNDS / 2; i++) {
		int noted = i / 2 % 2; /* a grant and its end */

		usleep(BETWEEN_US);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
		cpu_start_ns = cpu.tv_sec * NS_PER_SECOND + cpu.tv_nsec;
		start_ns = clock_monotonic_ns();
		toggle(s, 7, noted);
		times_ns[noted][i / 4 * 2 + i % 2] = clock_monotonic_ns() - start_ns;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
		cpu_ns[noted][i / 4 * 2 + i % 2] =
			cpu.tv_sec * NS_PER_SECOND + cpu.tv_nsec - cpu_start_ns;
	}
	print_row("load and commit, without an event", times_ns[0], SINGLE_ROUNDS);
	print_row("  with an event", times_ns[1], SINGLE_ROUNDS);
	print_row("  processor time, without", cpu_ns[0], SINGLE_ROUNDS);
	print_row("  processor time, with", cpu_ns[1], SINGLE_ROUNDS);
	for (int noted = 0; noted < 2; noted++) {
		free(times_ns[noted]);
		free(cpu_ns[noted]);
	}
}

/* An event every 2.6 s, for 30 days. */
static void fill_events(void)
{
	AUTO_FREE char *sql = mem_printf(
		"PRAGMA synchronous = OFF; DELETE FROM events; WITH RECURSIVE n(i) AS (SELECT 1"
		" UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO events(id, time_ns, kind,"
		" account, user, uid, gpus, reservation_id, reason) SELECT t / 1000, t, 'granted',"
		" 'user' || i %% 50, 'user' || i %% 50, 1000 + i %% 50, i %% 8,"
		" printf('%%08x-0000-4000-8000-000000000000', i), 'user got a GPU for a run'"
		" FROM (SELECT i, %lld + i * 2592000000 AS t FROM n)",
		EVENTS, (long long)(clock_now_ns() - 30 * NS_PER_DAY));
	sqlite3 *db;

	if (sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL))
		exit(1);
	sqlite3_close(db);
}

static void bench_event_reading(struct store *s)
{
	const struct event_range range = {.since_ns = clock_now_ns() - NS_PER_HOUR};
	int64_t times_ns[100];
	const struct event *event;
	struct err e = {0};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(times_ns); i++) {
		times_ns[i] = clock_monotonic_ns();
		count = 0;
		if (store_events_begin(s, &range, &e) < 0)
			die(&e);
		while (store_events_next(s, &event, &e) > 0)
			count++;
		store_events_end(s);
		times_ns[i] = clock_monotonic_ns() - times_ns[i];
	}
	if (count < 1000)
		exit(1);
	print_row("an hour of 1,000,000 events", times_ns, ARRAY_SIZE(times_ns));
}

/* In a process of its own, so that its memory does not count. */
static void fill(void (*filler)(void))
{
	pid_t child = fork();

	if (child == 0) {
		filler();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void bench_single(struct store *s)
{
	AUTO_FREE int64_t *times_ns = mem_alloc(SINGLE_ROUNDS, sizeof(*times_ns));
	struct pool_state state = {0};
	int64_t start_ns;

	for (size_t i = 0; i < SINGLE_ROUNDS; i++) {
		usleep(BETWEEN_US);
		start_ns = clock_monotonic_ns();
		load(s, STORE_READ, &state);
		times_ns[i] = clock_monotonic_ns() - start_ns;
	}
	print_row("load, 8 GPUs, 4 of them reserved", times_ns, SINGLE_ROUNDS);
	pool_state_clear(&state);
	for (size_t i = 0; i < SINGLE_ROUNDS; i++) {
		usleep(BETWEEN_US);
		start_ns = clock_monotonic_ns();
		toggle(s, 7, false);
		times_ns[i] = clock_monotonic_ns() - start_ns;
	}
	print_row("load and commit", times_ns, SINGLE_ROUNDS);
}

static void one_of_many(int gpu, int go_fd, int result_fd)
{
	struct store *s = open_store();
	int64_t times_ns[TRANSACTIONS];
	char byte;

	if (read(go_fd, &byte, 1) != 0)
		_exit(1);
	for (int i = 0; i < TRANSACTIONS; i++) {
		int64_t start_ns = clock_monotonic_ns();

		toggle(s, gpu, false);
		times_ns[i] = clock_monotonic_ns() - start_ns;
	}
	store_close(s);
	_exit(write(result_fd, times_ns, sizeof(times_ns)) != (ssize_t)sizeof(times_ns));
}

/* All processes begin at once, when the last writer of the `go` pipe closes it. */
static void bench_many(void)
{
	AUTO_FREE int64_t *times_ns = mem_alloc(PROCESSES * TRANSACTIONS, sizeof(*times_ns));
	int go[2], results[2];
	int64_t start_ns;
	double seconds;

	if (pipe2(go, O_CLOEXEC) || pipe2(results, O_CLOEXEC))
		exit(1);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			close(go[1]);
			one_of_many(i % 8, go[0], results[1]);
		}
	}
	close(results[1]);
	start_ns = clock_monotonic_ns();
	close(go[1]);
	for (size_t i = 0; i < PROCESSES; i++) {
		if (read(results[0], times_ns + i * TRANSACTIONS,
			 TRANSACTIONS * sizeof(*times_ns)) <= 0)
			exit(1);
	}
	seconds = (double)(clock_monotonic_ns() - start_ns) / NS_PER_SECOND;
	while (wait(NULL) > 0)
		;
	print_row("load and commit, 64 processes at once", times_ns, PROCESSES * TRANSACTIONS);
	printf("%-44s %9.0f\n", "  transactions per second", PROCESSES * TRANSACTIONS / seconds);
	close(go[0]);
	close(results[0]);
}

static void fill_history(void)
{
	AUTO_FREE char *sql = mem_printf(
		"PRAGMA synchronous = OFF; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		" FROM n WHERE i < %d) INSERT INTO usage_history(end_ns, key, reservation_id,"
		" user, account, uid, type, gpu, start_ns, reason, actor) SELECT i * 1000000000, i,"
		" printf('%%08x-0000-4000-8000-000000000000', i), 'user' || i %% 50,"
		" 'user' || i %% 50, 1000 + i %% 50, 'run', i %% 8, i * 1000000000 - 500, 'released',"
		" NULL FROM n",
		HISTORY_RECORDS);
	sqlite3 *db;

	if (sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL))
		exit(1);
	sqlite3_close(db);
}

static void bench_history(struct store *s)
{
	const struct usage_record *u;
	int64_t last_ns[8], start_ns, time_ns, records = 0;
	struct rusage usage;
	struct err e = {0};

	start_ns = clock_monotonic_ns();
	store_history_begin(s, 0, INT64_MAX, &e);
	while (store_history_next(s, &u, &e) > 0)
		records++;
	store_history_end(s);
	time_ns = clock_monotonic_ns() - start_ns;
	print_row("read 1,000,000 usage records", &time_ns, 1);
	getrusage(RUSAGE_SELF, &usage);
	printf("%-44s %9.1f\n", "  memory, MiB resident", (double)usage.ru_maxrss / 1024);
	if (records < HISTORY_RECORDS)
		exit(1);
	start_ns = clock_monotonic_ns();
	if (store_last_use(s, quantity_of(1007), "user7", last_ns, 8, &e) < 0)
		die(&e);
	time_ns = clock_monotonic_ns() - start_ns;
	print_row("last use of 8 GPUs, 1,000,000 records", &time_ns, 1);
	start_ns = clock_monotonic_ns();
	if (store_history_trim(s, HISTORY_RECORDS / 10 * NS_PER_SECOND, &e) < 0)
		die(&e);
	time_ns = clock_monotonic_ns() - start_ns;
	print_row("trim 100,000 of them", &time_ns, 1);
}

int main(int argc, char **argv)
{
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 8}};
	AUTO_FREE char *command = NULL;
	struct pool_state state = {0};
	struct store *s;

	snprintf(directory, sizeof(directory), "%s/canhazgpu-bench-XXXXXX",
		 argc > 1 ? argv[1] : "/tmp");
	if (!mkdtemp(directory)) {
		fprintf(stderr, "Error: cannot make %s: %s\n", directory, strerror(errno));
		return 1;
	}
	path = mem_printf("%s/pool.db", directory);
	s = open_store();
	commit(s, &state, &init, 1);
	for (int gpu = 0; gpu < 4; gpu++)
		toggle(s, gpu, false);
	printf("%-44s %9s %9s %9s\n", "milliseconds", "median", "p99", "max");
	bench_single(s);
	fflush(stdout);
	bench_many();
	fflush(stdout);
	bench_events(s);
	fflush(stdout);
	fill(fill_history);
	bench_history(s);
	fill(fill_events);
	bench_event_reading(s);
	store_close(s);
	free(path);
	command = mem_printf("rm -rf '%s'", directory);
	return system(command) != 0;
}
