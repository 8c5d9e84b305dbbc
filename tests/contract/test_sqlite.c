/* What the SQLite store does with files, rights, signals and other processes. */
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define NOBODY 65534

static int load_code(struct store *s, enum store_intent intent, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};

	err_clear(e);
	return -store_load(s, intent, &state, e);
}

static void expect_text(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("'%s' does not say '%s'", e->text, part);
}

static char *path_in(const struct fixture *f, const char *name)
{
	return mem_printf("%s/%s", f->dir, name);
}

/* The permission bits of a file of the fixture's directory. */
static unsigned mode_of(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = path_in(f, name);
	struct stat st;

	if (stat(path, &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

static size_t files_in(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

/* Runs in a child of another account; the result is its exit status. */
static int as_nobody(struct fixture *f, int (*work)(struct fixture *f))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(99);
		_exit(work(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	AUTO_FREE char *path = path_in(f, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void sql_in(const struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = path_in(f, "pool.db");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_nothing_is_created_by_looking(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .reservation = r};
	struct err e = {0};
	int64_t last[1];

	assert_int_equal(load_code(f->a, STORE_READ, &e), 0);
	assert_int_equal(load_code(f->a, STORE_UPDATE, &e), 0);
	assert_int_equal(store_commit(f->a, &f->state, &grant, 1, &e), -EINVAL);
	assert_int_equal(store_last_use(f->a, quantity_of(1), "a", last, 1, &e), 0);
	assert_int_equal(store_history_trim(f->a, T0, &e), 0);
	assert_int_equal(files_in(f->dir), 0);
}

static void test_private_files(void **state)
{
	struct fixture *f = *state;
	mode_t old = umask(0);

	fixture_init(f, 1);
	umask(old);
	assert_int_equal(mode_of(f, "pool.db"), 0600);
	assert_int_equal(mode_of(f, "pool.db.lock"), 0600);
	assert_int_equal(mode_of(f, "pool.db.wake"), 0600);
	assert_int_equal(mode_of(f, "pool.db-journal"), 0600);
}

static void test_shared_files(void **state)
{
	struct fixture *f = *state;
	mode_t old = umask(077);

	assert_int_equal(chmod(f->dir, 02770), 0);
	fixture_init(f, 1);
	umask(old);
	assert_int_equal(mode_of(f, "pool.db"), 0660);
	assert_int_equal(mode_of(f, "pool.db.lock"), 0660);
	assert_int_equal(mode_of(f, "pool.db.wake"), 0660);
	assert_int_equal(mode_of(f, "pool.db-journal"), 0660);
}

static void test_parents_are_created(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *url = mem_printf("sqlite:%s/state/canhazgpu/pool.db", f->dir);

	assert_null(store_close(f->a));
	free(f->url);
	f->url = mem_steal(&url);
	f->a = fixture_open(f);
	fixture_init(f, 1);
	assert_int_equal(mode_of(f, "state"), 0700);
	assert_int_equal(mode_of(f, "state/canhazgpu"), 0700);
}

static void test_garbage(void **state)
{
	struct fixture *f = *state;
	struct err e;

	write_file(f, "pool.db",
		   "this is my diary, and it is longer than any header of a database. "
		   "Dear diary, today I reserved all the GPUs and went home early.");
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(load_code(f->a, intent, &e), EINVAL);
		expect_text(&e, "pool.db is not a database");
	}
	/* An empty file is what a crash in the middle of `admin` leaves: as good as none. */
	write_file(f, "pool.db", "");
	fixture_init(f, 2);
	assert_int_equal(f->state.slots_count, 2);
}

static void test_a_directory(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = path_in(f, "pool.db");
	struct err e;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load_code(f->a, STORE_READ, &e), EINVAL);
	expect_text(&e, "not a regular file");
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = path_in(f, "pool.db"), *junk = mem_alloc(1, 4096);
	struct err e;
	FILE *file;

	fixture_init(f, 8);
	file = fopen(path, "r+e");
	assert_non_null(file);
	memset(junk, 0xa5, 4096);
	fseek(file, 4096, SEEK_SET);
	for (int page = 1; page < 6; page++)
		fwrite(junk, 4096, 1, file);
	fclose(file);
	assert_int_equal(load_code(f->a, STORE_READ, &e), EIO);
	expect_text(&e, "is damaged");
}

static void test_newer_and_foreign(void **state)
{
	struct fixture *f = *state;
	struct err e;

	fixture_init(f, 1);
	sql_in(f, "PRAGMA user_version = 99");
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(load_code(f->a, intent, &e), EINVAL);
		expect_text(&e, "made by a newer canhazgpu (format 99, this one knows 1)");
	}
	sql_in(f, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_int_equal(load_code(f->a, STORE_UPDATE, &e), EINVAL);
	expect_text(&e, "database of another program");
}

static int expect_no_access(struct fixture *f)
{
	struct err e;

	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		if (load_code(f->a, intent, &e) != EACCES || !strstr(e.text, "permission denied") ||
		    !strstr(e.text, "pool.db"))
			return 1;
	}
	return 0;
}

static int expect_read_only(struct fixture *f)
{
	struct err e;

	if (load_code(f->a, STORE_READ, &e) != 0)
		return 1;
	if (load_code(f->a, STORE_UPDATE, &e) != EACCES || !strstr(e.text, "permission denied"))
		return 2;
	return 0;
}

static void test_permissions(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *db = path_in(f, "pool.db"), *gate = path_in(f, "pool.db.lock");

	if (geteuid() != 0)
		skip();
	fixture_init(f, 1);
	assert_int_equal(as_nobody(f, expect_no_access), 0); /* the directory */
	chmod(f->dir, 0755);
	assert_int_equal(as_nobody(f, expect_no_access), 0); /* the file */
	chmod(db, 0644);
	assert_int_equal(as_nobody(f, expect_read_only), 0);
	chmod(gate, 0666);
	assert_int_equal(as_nobody(f, expect_read_only), 0);
	unlink(gate);
	assert_int_equal(as_nobody(f, expect_read_only), 0);
	chmod(db, 0666); /* but no journal can be made */
	unlink(gate);
	assert_int_equal(as_nobody(f, expect_read_only), 0);
}

/* Fills the disk, commits until that fails, and looks whether everything is still there. */
static int work_on_full_disk(struct fixture *f)
{
	AUTO_FREE char *fill = path_in(f, "fill"), *block = mem_alloc(1, 4096);
	const struct reservation *r;
	struct change change;
	struct err e = {0};
	int fd;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", f->dir, "tmpfs", 0, "size=256k"))
		return 77;
	fixture_init(f, 2);
	r = fixture_grant(f, "alice", GPUS(1));
	fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, 4096) > 0)
		;
	close(fd);
	change = fixture_end(r, T0 + NS_PER_HOUR);
	if (store_commit(f->a, &f->state, &change, 1, &e) != -ENOSPC ||
	    !strstr(e.text, "the disk is full"))
		return 1;
	fixture_load(f->a, STORE_READ, &f->state);
	if (f->state.reservations_count != 1)
		return 2;
	unlink(fill);
	change = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	fixture_commit(f, &change, 1);
	return f->state.reservations_count ? 3 : 0;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(work_on_full_disk(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* not root, or no tmpfs here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_room_to_create(void **state)
{
	struct fixture *f = *state;
	struct change init = {.kind = CHANGE_INIT, .gpus_count = 1};
	struct store *s = NULL;
	struct err e = {0};

	assert_int_equal(store_open("sqlite:/dev/full/x.db", &s, &e), 0);
	assert_int_equal(load_code(s, STORE_READ, &e), ENOTDIR);
	assert_int_equal(store_commit(s, &f->state, &init, 1, &e), -ENOTDIR);
	expect_text(&e, "/dev/full");
	store_close(s);
}

/* Begins an update in a child, which then stops; returns its pid. */
static pid_t stopped_holder(struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct store *s = fixture_open(f);
		struct err e;

		if (load_code(s, STORE_UPDATE, &e))
			_exit(1);
		raise(SIGSTOP);
		store_close(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

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
	pid_text = mem_printf("pid %d (test_sqlite), which is stopped", (int)pid);
	setenv("CANHAZGPU_TEST_WAIT_MS", "100", 1);
	s = fixture_open(f);
	unsetenv("CANHAZGPU_TEST_WAIT_MS");
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(load_code(s, intent, &e), ETIMEDOUT);
		expect_text(&e, pid_text);
	}
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(load_code(s, STORE_UPDATE, &e), 0);
	store_close(s);
}

/* Somebody works on the file with SQLite's own tools, which do not know the gate. */
static void test_foreign_lock(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = path_in(f, "pool.db"), *pid_text = NULL;
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
	pid_text = mem_printf("locked by pid %d (test_sqlite)", (int)pid);
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(load_code(s, intent, &e), ETIMEDOUT);
		expect_text(&e, pid_text);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(load_code(s, STORE_UPDATE, &e), 0);
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
	assert_int_equal(load_code(f->a, STORE_UPDATE, &e), 0);
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

/* Who waits for the gate can still be ended. */
static void test_waiting_ends_by_signal(void **state)
{
	struct fixture *f = *state;
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	assert_int_equal(load_code(f->a, STORE_UPDATE, &e), 0);
	pid = fork();
	if (pid == 0) {
		store_abandon(f->a); /* the parent's session: nothing but the signal mask */
		_exit(load_code(f->b, STORE_UPDATE, &e));
	}
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	store_abandon(f->a);
}

/* A child of fork must not disturb what its parent has begun. */
static void test_fork_in_an_update(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .reservation = r};
	struct err e;
	pid_t pid;
	int status;

	fixture_init(f, 1);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	pid = fork();
	if (pid == 0) {
		store_close(f->a);
		setenv("CANHAZGPU_TEST_WAIT_MS", "50", 1);
		_exit(load_code(fixture_open(f), STORE_UPDATE, &e) == ETIMEDOUT ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fixture_commit(f, &grant, 1);
	assert_int_equal(f->state.reservations_count, 1);
}

static void test_commit_wakes(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *wake = path_in(f, "pool.db.wake");
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char events[256];
	struct err e;

	fixture_init(f, 1);
	assert_true(inotify_add_watch(fd, wake, IN_ATTRIB) >= 0);
	assert_int_equal(load_code(f->a, STORE_READ, &e), 0);
	assert_int_equal(load_code(f->a, STORE_UPDATE, &e), 0);
	store_abandon(f->a);
	assert_int_equal(read(fd, events, sizeof(events)), -1);
	fixture_grant(f, "alice", GPUS(0));
	assert_true(read(fd, events, sizeof(events)) > 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_created_by_looking),
		cmocka_unit_test(test_private_files),
		cmocka_unit_test(test_shared_files),
		cmocka_unit_test(test_parents_are_created),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_a_directory),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_newer_and_foreign),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_no_room_to_create),
		cmocka_unit_test(test_stopped_holder),
		cmocka_unit_test(test_foreign_lock),
		cmocka_unit_test(test_signals_wait_for_the_end),
		cmocka_unit_test(test_waiting_ends_by_signal),
		cmocka_unit_test(test_fork_in_an_update),
		cmocka_unit_test(test_commit_wakes),
	};

	return fixture_run("sqlite store", tests, ARRAY_SIZE(tests));
}
