/*
 * Kills processes at random points of their commits, again and again, and checks after each time
 * that no acknowledged commit is lost, nothing is corrupt, and each GPU has one owner.
 * Half of the rounds are on a disk: there most are killed while they wait for it. The others are in
 * memory: there they are killed between two writes of one commit. CANHAZGPU_CRASH_ROUNDS sets how
 * many (100).
 */
#include "../unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "store/store.h"

#define WORKERS 4
#define GPUS_COUNT 8

/* What a worker tells about a commit that succeeded. */
struct ack {
	char id[ID_SIZE]; /* of the reservation */
	bool ended;
	int gpu;
};

struct crash_test {
	char dir[64];
	char *path, *url;
	struct store *store;
	struct ack *acks; /* of this round */
	size_t acks_count;
	size_t total_acks, hot_journals;
};

static int first_free(const struct pool_state *state)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!state->slots[i].reservation)
			return (int)i;
	}
	return -1;
}

/* A long text, so that a commit writes many pages and can be cut short between them. */
static char *long_note(void)
{
	char *note = mem_alloc(64 * 1024, 1);

	memset(note, 'x', 64 * 1024 - 1);
	return note;
}

/* Grants a free GPU, or ends what ack says; fills ack. 0, or the errno as exit status. */
static int one_commit(struct store *s, struct ack *ack)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(reservation_freep) struct reservation *r = reservation_new();
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};
	int code = store_load(s, STORE_UPDATE, &state, &e);

	if (code < 0)
		return -code;
	if (ack->ended) {
		ack->gpu = first_free(&state);
		id_new(r->id);
	} else {
		memcpy(r->id, ack->id, ID_SIZE);
		change = (struct change){
			.kind = CHANGE_END,
			.end = {.reservation = r,
				.gpus = &ack->gpu,
				.gpus_count = 1,
				.end_ns = clock_now_ns()},
		};
	}
	if (ack->gpu < 0)
		return ENOSPC;
	r->gpus = mem_alloc(1, sizeof(*r->gpus));
	r->gpus[0] = ack->gpu;
	r->gpus_count = 1;
	r->account = mem_strdup("alice");
	r->note = long_note();
	r->start_ns = clock_now_ns();
	code = store_commit(s, &state, &change, 1, &e);
	memcpy(ack->id, r->id, ID_SIZE);
	ack->ended = !ack->ended;
	return -code;
}

/* Commits until it is killed; each acknowledgement is one atomic write. */
static void work(const char *url, int pipe_fd)
{
	struct ack ack = {.ended = true};
	struct store *s = NULL;
	struct err e = {0};
	int code = store_open(url, &s, &e) < 0;

	while (code == 0) {
		code = one_commit(s, &ack);
		if (code == 0 && write(pipe_fd, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
			code = EPIPE;
	}
	_exit(code);
}

static void read_acks(struct crash_test *t, int pipe_fd)
{
	struct ack ack;
	ssize_t n;

	t->acks_count = 0;
	while ((n = read(pipe_fd, &ack, sizeof(ack))) > 0) {
		assert_int_equal(n, sizeof(ack));
		t->acks = mem_resize(t->acks, t->acks_count + 1, sizeof(ack));
		t->acks[t->acks_count++] = ack;
	}
	t->total_acks += t->acks_count;
}

/* Lets the workers run for that long, then kills them all at once. */
static void run_and_kill(struct crash_test *t, long run_us)
{
	const struct timespec pause = {0, run_us * 1000};
	pid_t pids[WORKERS];
	int fds[2], status;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			work(t->url, fds[1]);
	}
	close(fds[1]);
	nanosleep(&pause, NULL); /* the random point, nothing waits for it */
	for (int i = 0; i < WORKERS; i++)
		kill(pids[i], SIGKILL);
	read_acks(t, fds[0]);
	close(fds[0]);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		if (!WIFSIGNALED(status))
			fail_msg("a worker failed: %s", strerror(WEXITSTATUS(status)));
	}
}

static void check_integrity(struct crash_test *t)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), 0);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &stmt, NULL), 0);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* How many usage records name that reservation. */
static size_t records_of(struct crash_test *t, const char *id)
{
	const struct usage_record *u;
	struct err e = {0};
	size_t count = 0;

	assert_int_equal(store_history_begin(t->store, 0, INT64_MAX, &e), 0);
	while (store_history_next(t->store, &u, &e) > 0)
		count += !strcmp(u->reservation_id, id);
	store_history_end(t->store);
	return count;
}

/* A commit may be there without its acknowledgement, never the other way round. */
static void check_acks(struct crash_test *t, const struct pool_state *state)
{
	for (size_t i = 0; i < t->acks_count; i++) {
		const struct ack *ack = &t->acks[i];
		const struct reservation *r = pool_state_find(state, ack->id);
		size_t records = records_of(t, ack->id);

		if (ack->ended && (r || records != 1))
			fail_msg("lost: the end of %s (%zu records)", ack->id, records);
		if (!ack->ended && !!r + records != 1)
			fail_msg("lost: the grant of %s (%zu records)", ack->id, records);
		if (r)
			assert_string_equal(state->slots[ack->gpu].reservation->id, ack->id);
	}
}

/* Ends what the dead have left, and forgets the history. */
static void clean_up(struct crash_test *t, const struct pool_state *state)
{
	struct change ends[GPUS_COUNT];
	struct err e = {0};

	for (size_t i = 0; i < state->reservations_count; i++)
		ends[i] = (struct change){
			.kind = CHANGE_END,
			.end =
				{
					.reservation = state->reservations[i],
					.gpus = state->reservations[i]->gpus,
					.gpus_count = state->reservations[i]->gpus_count,
					.end_ns = clock_now_ns(),
				},
		};
	if (store_commit(t->store, state, ends, state->reservations_count, &e) < 0 ||
	    store_history_trim(t->store, INT64_MAX, &e) < 0)
		fail_msg("%s", e.text);
}

static void one_round(struct crash_test *t, long run_us)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO_FREE char *journal = mem_printf("%s-journal", t->path);
	struct err e = {0};
	struct stat st;
	size_t owned = 0;

	run_and_kill(t, run_us);
	if (stat(journal, &st) == 0 && st.st_size > 0)
		t->hot_journals++;
	if (store_load(t->store, STORE_READ, &state, &e) < 0)
		fail_msg("%s", e.text);
	check_integrity(t);
	for (size_t i = 0; i < state.slots_count; i++)
		owned += !!state.slots[i].reservation;
	assert_int_equal(state.slots_count, GPUS_COUNT);
	assert_int_equal(owned, state.reservations_count);
	check_acks(t, &state);
	clean_up(t, &state);
}

/* How many rounds each test makes. */
static int64_t rounds_to_make(void)
{
	const char *text = getenv("CANHAZGPU_CRASH_ROUNDS");
	struct err e = {0};
	int64_t rounds = 100;

	if (text && parse_int(text, 2, 1000000, &rounds, &e) < 0)
		fail_msg("CANHAZGPU_CRASH_ROUNDS: %s", e.text);
	return rounds / 2;
}

/* All rounds on one database below that directory, each of at most that length at first. */
static void kill_below(const char *parent, long longest_us)
{
	struct change init = {.kind = CHANGE_INIT,
			      .init = {.provider = "fake", .gpus_count = GPUS_COUNT}};
	struct crash_test t = {0};
	AUTO_FREE char *command = NULL;
	struct pool_state none = {0};
	struct err e = {0};
	int64_t rounds = rounds_to_make();

	snprintf(t.dir, sizeof(t.dir), "%s/canhazgpu-crash-XXXXXX", parent);
	if (!mkdtemp(t.dir))
		skip();
	t.path = mem_printf("%s/pool.db", t.dir);
	t.url = mem_printf("sqlite:%s", t.path);
	if (store_open(t.url, &t.store, &e) < 0 || store_commit(t.store, &none, &init, 1, &e) < 0)
		fail_msg("%s", e.text);
	srandom((unsigned)clock_now_ns());
	for (int64_t i = 0; i < rounds; i++) {
		one_round(&t, 1 + random() % longest_us);
		/* A busy machine needs longer for a commit. */
		if (!t.total_acks && longest_us < 500000)
			longest_us += longest_us / 10;
	}
	printf("# %s: %lld rounds, %zu acknowledged commits, %zu journals left to roll back\n",
	       parent, (long long)rounds, t.total_acks, t.hot_journals);
	assert_true(t.total_acks > 0);
	store_close(t.store);
	command = mem_printf("rm -rf '%s'", t.dir);
	assert_int_equal(system(command), 0);
	free(t.acks);
	free(t.path);
	free(t.url);
}

static void test_kill_on_disk(void **state)
{
	kill_below("/tmp", 25000);
}

static void test_kill_in_memory(void **state)
{
	kill_below("/dev/shm", 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_on_disk),
		cmocka_unit_test(test_kill_in_memory),
	};

	return cmocka_run_group_tests_name("sqlite crash", tests, NULL, NULL);
}
