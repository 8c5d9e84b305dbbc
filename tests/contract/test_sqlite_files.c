/* What the SQLite store does with files: creation, rights, damage, a full disk. */
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define NOBODY 65534

/* The permission bits of a file of the fixture's directory. */
static unsigned mode_of(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = fixture_path(f, name);
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
	AUTO_FREE char *path = fixture_path(f, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void sql_in(const struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = fixture_path(f, "pool.db");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int count_number(void *ret, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	*(int *)ret = atoi(values[0]);
	return 0;
}

/* The number that a query answers. */
static int sql_number_in(const struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = fixture_path(f, "pool.db");
	sqlite3 *db;
	int number = -1;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, count_number, &number, NULL), SQLITE_OK);
	sqlite3_close(db);
	return number;
}

static void test_nothing_is_created_by_looking(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};
	int64_t last[1];

	assert_int_equal(fixture_load_code(f->a, STORE_READ, &e), 0);
	assert_int_equal(fixture_load_code(f->a, STORE_UPDATE, &e), 0);
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
		assert_int_equal(fixture_load_code(f->a, intent, &e), EINVAL);
		fixture_says(&e, "pool.db is not a database");
	}
	/* An empty file is what a crash in the middle of `admin` leaves: as good as none. */
	write_file(f, "pool.db", "");
	fixture_init(f, 2);
	assert_int_equal(f->state.slots_count, 2);
}

static void test_a_directory(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "pool.db");
	struct err e;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(fixture_load_code(f->a, STORE_READ, &e), EINVAL);
	fixture_says(&e, "not a regular file");
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = fixture_path(f, "pool.db"), *junk = mem_alloc(1, 4096);
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
	assert_int_equal(fixture_load_code(f->a, STORE_READ, &e), EIO);
	fixture_says(&e, "is damaged");
}

static void test_newer_and_foreign(void **state)
{
	struct fixture *f = *state;
	struct err e;

	fixture_init(f, 1);
	sql_in(f, "PRAGMA user_version = 99");
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		assert_int_equal(fixture_load_code(f->a, intent, &e), EPROTONOSUPPORT);
		fixture_says(&e, "created by a newer canhazgpu (format 99, this one knows 2)");
	}
	sql_in(f, "PRAGMA user_version = 2; PRAGMA application_id = 7");
	assert_int_equal(fixture_load_code(f->a, STORE_UPDATE, &e), EINVAL);
	fixture_says(&e, "database of another program");
}

/* Makes it what the release before left: what came later is not there. */
static void make_format_2(struct fixture *f)
{
	sql_in(f, "ALTER TABLE queue DROP COLUMN offered_ns; ALTER TABLE queue DROP COLUMN aside;"
		  "ALTER TABLE queue DROP COLUMN aside_gpus");
}

/* Makes it what the first version left: no drains. */
static void make_format_1(struct fixture *f)
{
	make_format_2(f);
	sql_in(f,
	       "ALTER TABLE gpus DROP COLUMN drained_by; ALTER TABLE gpus DROP COLUMN drained_ns;"
	       "PRAGMA user_version = 1");
}

/* Whoever comes first brings it up, also one who only looks; what is agreed stays. */
static void test_older(void **state)
{
	struct fixture *f = *state;
	const struct change drain = {
		.kind = CHANGE_DRAIN,
		.drain = {
			.gpus = (const int[]){1}, .gpus_count = 1, .actor = "root", .time_ns = T0}};

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0));
	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		make_format_1(f);
		fixture_load(f->a, intent, &f->state);
		store_abandon(f->a);
		assert_string_equal(f->state.slots[0].reservation->account, "alice");
		assert_null(f->state.slots[0].drained_by);
		fixture_commit(f, &drain, 1);
		assert_string_equal(f->state.slots[1].drained_by, "root");
		assert_string_equal(f->state.slots[0].reservation->account, "alice");
	}
}

/* A column is added where it is missing, and the format stays the one that the release before
   knows. */
static void test_older_without_columns(void **state)
{
	struct fixture *f = *state;

	fixture_init(f, 1);
	fixture_grant(f, "alice", GPUS(0));
	/* What an abandoned update has added is taken back, too: the reader comes last. */
	for (int intent = STORE_UPDATE; intent >= STORE_READ; intent--) {
		if (intent == STORE_UPDATE)
			make_format_2(f);
		fixture_load(f->a, intent, &f->state);
		store_abandon(f->a);
		assert_string_equal(f->state.slots[0].reservation->account, "alice");
	}
	sql_in(f, "INSERT INTO queue(id, version, type, requested_count, duration_ns, enqueued_ns,"
		  " heartbeat_ns, give_up_ns, command_pid, command_start_ticks, supervisor_pid,"
		  " supervisor_start_ticks) VALUES ('q', 1, 'run', 1, 0, 1, 1, 0, 1, 1, 0, 0);"
		  "DELETE FROM queue WHERE offered_ns = 0 AND aside IS NULL");
	assert_int_equal(sql_number_in(f, "PRAGMA user_version"), 2);
	assert_int_equal(sql_number_in(f, "SELECT count(*) FROM queue"), 0);
}

static int expect_no_access(struct fixture *f)
{
	struct err e;

	for (int intent = STORE_READ; intent <= STORE_UPDATE; intent++) {
		if (fixture_load_code(f->a, intent, &e) != EACCES ||
		    !strstr(e.text, "permission denied") || !strstr(e.text, "pool.db"))
			return 1;
	}
	return 0;
}

static int expect_read_only(struct fixture *f)
{
	struct err e;

	if (fixture_load_code(f->a, STORE_READ, &e) != 0)
		return 1;
	if (fixture_load_code(f->a, STORE_UPDATE, &e) != EACCES ||
	    !strstr(e.text, "permission denied"))
		return 2;
	return 0;
}

static void test_permissions(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *db = fixture_path(f, "pool.db"), *gate = fixture_path(f, "pool.db.lock");

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
	AUTO_FREE char *fill = fixture_path(f, "fill"), *block = mem_alloc(1, 4096);
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
	struct change init = {.kind = CHANGE_INIT, .init.gpus_count = 1};
	struct store *s = NULL;
	struct err e = {0};

	assert_int_equal(store_open("sqlite:/dev/full/x.db", &s, &e), 0);
	assert_int_equal(fixture_load_code(s, STORE_READ, &e), ENOTDIR);
	assert_int_equal(store_commit(s, &f->state, &init, 1, &e), -ENOTDIR);
	fixture_says(&e, "/dev/full");
	store_close(s);
}

/* Which call from now on fails as on a disk that is broken; below 1: none. */
static int broken_call;

/* In the place of the system's, for SQLite too. */
int fdatasync(int fd)
{
	if (broken_call > 0 && --broken_call == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* A disk that fails in a commit: whatever became of that, it is not told to be as it was. */
static void test_broken_disk(void **state)
{
	struct fixture *f = *state;
	int failed = 0;

	fixture_init(f, 1);
	for (int call = 1; call <= 8; call++) {
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("alice", GPUS(0));
		struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};
		struct err e = {0};

		fixture_load(f->a, STORE_UPDATE, &f->state);
		broken_call = call;
		if (store_commit(f->a, &f->state, &change, 1, &e) < 0) {
			failed++;
			assert_int_equal(e.code, EIO);
			fixture_says(&e, "whether the change was made is unknown");
		}
		broken_call = 0;
		fixture_load(f->a, STORE_READ, &f->state);
		if (!f->state.reservations_count)
			continue;
		change = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
		fixture_commit(f, &change, 1);
	}
	if (!failed)
		skip(); /* a SQLite that calls something else */
}

static void test_commit_wakes(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *wake = fixture_path(f, "pool.db.wake");
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char events[256];
	struct err e;

	fixture_init(f, 1);
	assert_true(inotify_add_watch(fd, wake, IN_ATTRIB) >= 0);
	assert_int_equal(fixture_load_code(f->a, STORE_READ, &e), 0);
	assert_int_equal(fixture_load_code(f->a, STORE_UPDATE, &e), 0);
	store_abandon(f->a);
	assert_int_equal(read(fd, events, sizeof(events)), -1);
	fixture_grant(f, "alice", GPUS(0));
	assert_true(read(fd, events, sizeof(events)) > 0);
	close(fd);
}

static void must_restore(struct fixture *f, const struct image *image)
{
	struct image_contents contents;
	struct err e = {0};

	if (store_restore(f->a, image, "it", true, &contents, &e) < 0)
		fail_msg("%s", e.text);
}

/* What was decided before a restore is not committed on the restored pool, though it is the very
 * one that was seen. */
static void test_restored_marks_are_new(void **state)
{
	struct fixture *f = *state;
	AUTO(image_clear) struct image image = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(1));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct image_contents contents;
	struct err e = {0};

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0));
	assert_int_equal(store_dump(f->a, &image, &e), 0);
	assert_int_equal(store_image_check(&image, "it", &contents, &e), 0);
	assert_int_equal(contents.gpus, 2);
	assert_int_equal(contents.reservations, 1);
	for (int i = 0; i < 2; i++) {
		fixture_load(f->b, STORE_READ, &f->state);
		must_restore(f, &image);
		assert_int_equal(store_commit(f->b, &f->state, &grant, 1, &e), -EAGAIN);
	}
	fixture_load(f->b, STORE_READ, &f->state);
	assert_string_equal(f->state.slots[0].reservation->account, "alice");
	assert_int_equal(store_commit(f->b, &f->state, &grant, 1, &e), 0);
}

/* Whoever has a descriptor that watches for commits learns of a restore. */
static void test_a_restore_wakes(void **state)
{
	struct fixture *f = *state;
	AUTO(image_clear) struct image image = {0};
	struct err e = {0};

	fixture_init(f, 1);
	assert_int_equal(store_dump(f->a, &image, &e), 0);
	assert_true(store_watch(f->b) >= 0);
	store_watch_drain(f->b);
	must_restore(f, &image);
	assert_true(store_watch_drain(f->b));
}

/* Where it fails half-way, the pool is the one before. */
static void test_a_restore_that_fails(void **state)
{
	struct fixture *f = *state;
	AUTO(image_clear) struct image image = {0};
	struct image_contents contents;
	struct rlimit limit, small;
	struct err e = {0};
	int r;

	fixture_init(f, 1);
	fixture_grant(f, "alice", GPUS(0));
	assert_int_equal(store_dump(f->a, &image, &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){.rlim_cur = 16384, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	signal(SIGXFSZ, SIG_IGN);
	r = store_restore(f->b, &image, "it", true, &contents, &e);
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_DFL);
	assert_true(r < 0);
	fixture_says(&e, "size limit of this process");
	assert_int_equal(sql_number_in(f, "SELECT count(*) FROM reservations"), 1);
	assert_int_equal(sql_number_in(f, "SELECT count(*) = 0 FROM pragma_integrity_check "
					  "WHERE integrity_check <> 'ok'"),
			 1);
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
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_older_without_columns),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_no_room_to_create),
		cmocka_unit_test(test_broken_disk),
		cmocka_unit_test(test_commit_wakes),
		cmocka_unit_test(test_restored_marks_are_new),
		cmocka_unit_test(test_a_restore_wakes),
		cmocka_unit_test(test_a_restore_that_fails),
	};

	return fixture_run_on("sqlite", "sqlite files", tests, ARRAY_SIZE(tests));
}
