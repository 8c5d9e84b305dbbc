/* What the SQLite store does with other processes and signals: waiting, stopped holders, fork. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Begins an update in a child, which then stops; returns its pid. */
static pid_t stopped_holder(struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct store *s = fixture_open(f);
		struct err e;

		/* A test that fails must not leave it stopped for ever. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fixture_load_code(s, STORE_UPDATE, &e))
			_exit(1);
		raise(SIGSTOP);
		store_close(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* Who is stopped inside the gate does not keep readers, and is named to who wants to change
 * something.
 */
static void test_stopped_holder(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *pid_text = NULL;
	struct store *s;
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	pid = stopped_holder(f);
	pid_text = mem_printf("pid %d (test_sqlite_loc), which is stopped", (int)pid);
	setenv("CANHAZGPU_TEST_WAIT_MS", "100", 1);
	s = fixture_open(f);
	unsetenv("CANHAZGPU_TEST_WAIT_MS");
	assert_int_equal(fixture_load_code(s, STORE_READ, &e), 0);
	assert_int_equal(fixture_load_code(s, STORE_UPDATE, &e), ETIMEDOUT);
	fixture_says(&e, pid_text);
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fixture_load_code(s, STORE_UPDATE, &e), 0);
	store_close(s);
}

/* Somebody works on the file with SQLite's own tools, which do not know the gate. */
static void test_foreign_lock(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "pool.db"), *pid_text = NULL;
	struct store *s;
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db;

		if (sqlite3_open(path, &db) || sqlite3_exec(db, "BEGIN EXCLUSIVE", 0, 0, 0))
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	setenv("CANHAZGPU_TEST_WAIT_MS", "50", 1);
	s = fixture_open(f);
	unsetenv("CANHAZGPU_TEST_WAIT_MS");
	pid_text = mem_printf("locked by pid %d (test_sqlite_loc)", (int)pid);
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(fixture_load_code(s, intent, &e), ETIMEDOUT);
		fixture_says(&e, pid_text);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(fixture_load_code(s, STORE_UPDATE, &e), 0);
	store_close(s);
}

/* Commits that follow each other on a slow disk hold gate and database all the time: who looks
   waits for its turn, and does not give up after a moment beside the gate. */
static void test_commit_after_commit(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "pool.db"), *gate = fixture_path(f, "pool.db.lock");
	struct store *s;
	struct err e;
	int pipe_fds[2], status;
	char byte;
	pid_t pid;

	fixture_init(f, 1);
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(gate, O_RDWR | O_CLOEXEC);
		sqlite3 *db;

		if (flock(fd, LOCK_EX) < 0 || sqlite3_open(path, &db) ||
		    sqlite3_exec(db, "BEGIN EXCLUSIVE", 0, 0, 0) || write(pipe_fds[1], "", 1) != 1)
			_exit(1);
		sleep(3); /* longer than a reader stays at the gate and beside it at first */
		_exit(0);
	}
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	setenv("CANHAZGPU_TEST_WAIT_MS", "100000", 1);
	s = fixture_open(f);
	unsetenv("CANHAZGPU_TEST_WAIT_MS");
	if (fixture_load_code(s, STORE_READ, &e))
		fail_msg("%s", e.text);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	store_close(s);
}

static volatile sig_atomic_t signals_seen;

static void count_signal(int signal)
{
	signals_seen++;
}

static void test_signals_wait_for_the_end(void **state)
{
	static const int signals[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = count_signal}, old[ARRAY_SIZE(signals)];
	struct fixture *f = *state;
	struct err e;

	fixture_init(f, 1);
	signals_seen = 0;
	assert_int_equal(fixture_load_code(f->a, STORE_UPDATE, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], &action, &old[i]);
		raise(signals[i]);
	}
	assert_int_equal(signals_seen, 0);
	store_abandon(f->a);
	assert_int_equal(signals_seen, ARRAY_SIZE(signals));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &old[i], NULL);
}

/* Looks until the kernel's list of locks shows that the process waits for one. */
static void until_it_waits(pid_t pid)
{
	AUTO_FREE char *waiter = mem_printf("-> FLOCK  ADVISORY  WRITE %d ", (int)pid);
	bool waits = false;

	for (int i = 0; !waits && i < 60000; i++) {
		AUTO_FCLOSE FILE *locks = fopen("/proc/locks", "re");
		char line[256];

		while (locks && fgets(line, sizeof(line), locks))
			waits = waits || strstr(line, waiter);
		usleep(1000);
	}
	assert_true(waits);
}

/* Waits for the end of a child, but not for ever: then it is killed, which the caller sees. */
static int status_of(pid_t pid)
{
	int status;

	for (int i = 0; i < 60000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Who waits for the gate can still be ended. */
static void test_waiting_ends_by_signal(void **state)
{
	struct fixture *f = *state;
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	assert_int_equal(fixture_load_code(f->a, STORE_UPDATE, &e), 0);
	pid = fork();
	if (pid == 0) {
		store_abandon(f->a); /* the parent's session: nothing but the signal mask */
		_exit(fixture_load_code(f->b, STORE_UPDATE, &e));
	}
	until_it_waits(pid);
	kill(pid, SIGTERM);
	status = status_of(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	store_abandon(f->a);
}

/* A child of fork must not disturb what its parent has begun. */
static void test_fork_in_an_update(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	pid = fork();
	if (pid == 0) {
		store_close(f->a);
		setenv("CANHAZGPU_TEST_WAIT_MS", "50", 1);
		_exit(fixture_load_code(fixture_open(f), STORE_UPDATE, &e) == ETIMEDOUT ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fixture_commit(f, &grant, 1);
	assert_int_equal(f->state.reservations_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped_holder),
		cmocka_unit_test(test_foreign_lock),
		cmocka_unit_test(test_commit_after_commit),
		cmocka_unit_test(test_signals_wait_for_the_end),
		cmocka_unit_test(test_waiting_ends_by_signal),
		cmocka_unit_test(test_fork_in_an_update),
	};

	return fixture_run_on("sqlite", "sqlite locks", tests, ARRAY_SIZE(tests));
}
