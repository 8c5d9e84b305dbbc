/*
 * One scan for however many ask: processes that share it through files, over the stub of NVIDIA's
 * library. (Which scan may be used is the table of test_gpu_share_rule.c.)
 */
#include "gpu_test.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/privilege.h"
#include "host/process.h"

#define GPU "{\"uuid\": \"GPU-a\", \"bus\": [0, 1, 0], \"memory\": [8000, 10, 5]}"

/* A group that no account has. */
#define GROUP 64321

/* ---- helpers ---- */

/* Where scans are shared. */
static char shared[128];

static int make_shared(void **state)
{
	int r = make_folder(state);

	strcpy(shared, folder);
	return r;
}

static void use_directory(uid_t owner, gid_t group, mode_t mode)
{
	snprintf(shared, sizeof(shared), "%s/pool-XXXXXX", folder);
	assert_non_null(mkdtemp(shared));
	assert_int_equal(chown(shared, owner, group), 0);
	assert_int_equal(chmod(shared, mode), 0);
}

/* The directory of a pool, for several accounts: shares as the installed program does. */
static void use_pool(void)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(write_file("log", ""), 0666), 0);
	use_directory(0, GROUP, 02770);
}

/* Where this is a file, a child that scans does not end while it is there: like one that the driver
   takes long to let go of. (For host/child.c, in the place of the library's function.) */
static const char *held_by;

void _exit(int status)
{
	while (held_by && access(held_by, F_OK) == 0)
		usleep(2000);
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

static struct gpu_options options_of(int timeout_ms)
{
	return (struct gpu_options){.provider = "nvidia",
				    .timeout_ms = timeout_ms,
				    .present_count = 1,
				    .share_directory = shared};
}

static void use_driver(const char *members)
{
	AUTO_FREE char *config = mem_printf("{\"log\": \"%s/log\", \"gpus\": [" GPU "]%s%s}",
					    folder, *members ? ", " : "", members);

	use_nvml("nvml", config);
}

/* How often the driver was asked. */
static int scans_count(void)
{
	AUTO_FREE char *path = mem_printf("%s/log", folder);
	AUTO_FCLOSE FILE *log = fopen(path, "r");
	int lines = 0, c;

	while (log && (c = getc(log)) != EOF)
		lines += c == '\n';
	return lines;
}

/* The file of the kept scan ("") or of its lock (".lock"). The caller frees it; NULL: none. */
static char *kept(const char *ending)
{
	AUTO_FREE char *pattern = mem_printf("%s/canhazgpu-scan-*[0-9a-f]%s", shared, ending);
	glob_t found = {0};
	char *path = glob(pattern, 0, NULL, &found) == 0 ? mem_strdup(found.gl_pathv[0]) : NULL;

	globfree(&found);
	return path;
}

static int scan_once(const struct gpu_options *options)
{
	struct scan s = {0};
	int r = gpu_scan(options, &s, NULL);

	scan_clear(&s);
	return r;
}

/* A process that scans, and exits with 0 if it got what it asked for. */
static pid_t start_scan(const struct gpu_options *options)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(scan_once(options) == 0 ? 0 : 1);
	return pid;
}

struct account {
	uid_t uid;
	gid_t gid, program; /* the own group, and that of the program */
};

static const struct account service = {4401, GROUP, GROUP}, user = {4402, 4402, GROUP},
			    neighbour = {4403, 4403, GROUP};

/* The same for somebody else. */
static pid_t start_scan_as(const struct account *a, const struct gpu_options *options)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (setgroups(0, NULL) < 0 || setresgid(a->gid, a->program, a->program) < 0 ||
	    setresuid(a->uid, a->uid, a->uid) < 0)
		_exit(2);
	privilege_init();
	_exit(scan_once(options) == 0 ? 0 : 1);
}

/* The process that asks the driver for that one. */
static pid_t child_of(pid_t pid)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	int child = 0;

	if (!file)
		skip(); /* not in this kernel */
	assert_int_equal(fscanf(file, "%d", &child), 1);
	return child;
}

static void wait_until_ended(pid_t pid)
{
	struct process_info info = {0};

	for (int i = 0; i < 15000; i++) {
		if (host_process_stat(pid, &info) < 0 || info.state == 'Z')
			return;
		usleep(2000);
	}
	fail_msg("process %d does not end", (int)pid);
}

static void wait_until_scans(int count)
{
	for (int i = 0; i < 15000 && scans_count() < count; i++)
		usleep(2000);
	assert_int_equal(scans_count(), count);
}

/* Until the process has the file of the lock open: it has asked, and waits. */
static void wait_until_joined(pid_t pid)
{
	AUTO_FREE char *lock = kept(".lock"), *fds = mem_printf("/proc/%d/fd/*", (int)pid);
	bool joined = false;

	assert_non_null(lock);
	for (int i = 0; i < 15000 && !joined; i++) {
		glob_t found = {0};

		glob(fds, 0, NULL, &found);
		for (size_t k = 0; k < found.gl_pathc; k++) {
			char target[512];
			ssize_t n = readlink(found.gl_pathv[k], target, sizeof(target) - 1);

			target[n > 0 ? n : 0] = '\0';
			joined |= !strcmp(target, lock);
		}
		globfree(&found);
		usleep(2000);
	}
	assert_true(joined);
}

static void assert_exits(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static const char *gate(void)
{
	static char member[128];

	snprintf(member, sizeof(member), "\"gate\": \"%s/gate\"", folder);
	return member;
}

/* ---- joining ---- */

static void test_join(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	pid_t first, joiners[8];

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	for (size_t i = 0; i < ARRAY_SIZE(joiners); i++)
		joiners[i] = start_scan(&options);
	for (size_t i = 0; i < ARRAY_SIZE(joiners); i++)
		wait_until_joined(joiners[i]);
	write_file("gate", "");
	assert_exits(first);
	for (size_t i = 0; i < ARRAY_SIZE(joiners); i++)
		assert_exits(joiners[i]);
	assert_int_equal(scans_count(), 1);
}

/* The result is there for others before the driver has let go of the process that asked it. */
static void test_slow_end(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	AUTO_FREE char *hold = mem_printf("%s/hold", folder);
	pid_t first, joiner;

	(void)state;
	use_driver(gate());
	write_file("hold", "");
	held_by = hold;
	first = start_scan(&options);
	wait_until_scans(1);
	held_by = NULL;
	joiner = start_scan(&options);
	wait_until_joined(joiner);
	write_file("gate", "");
	assert_exits(joiner);
	assert_int_equal(waitpid(first, NULL, WNOHANG), 0);
	assert_int_equal(scans_count(), 1);
	unlink(hold);
	assert_exits(first);
}

/* Who asks for what has happened since the scan began waits for the next one; so do all others. */
static void test_join_afresh(void **state)
{
	struct gpu_options options = options_of(LONG_MS);
	pid_t first, later[4];

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	options.fresh = true;
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		later[i] = start_scan(&options);
		wait_until_joined(later[i]);
	}
	write_file("gate", "");
	assert_exits(first);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		assert_exits(later[i]);
	/* The one that scans began before the others asked, or not. */
	assert_in_range(scans_count(), 2, 1 + ARRAY_SIZE(later));
}

static void test_killed(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	pid_t first, joiner;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	joiner = start_scan(&options);
	wait_until_joined(joiner);
	kill(first, SIGKILL);
	wait_until_scans(2);
	write_file("gate", "");
	assert_exits(joiner);
	waitpid(first, NULL, 0);
}

/* One that its user has stopped is waited for by nobody. */
static void test_stopped(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	pid_t first, joiner, third;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	kill(first, SIGSTOP);
	joiner = start_scan(&options);
	wait_until_scans(2);
	/* Nor does it keep others from sharing the next one. */
	third = start_scan(&options);
	wait_until_joined(third);
	write_file("gate", "");
	assert_exits(joiner);
	assert_exits(third);
	assert_int_equal(scans_count(), 2);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
}

/* What a scan has shown before its process was stopped is old when that goes on. */
static void test_continued(void **state)
{
	const struct gpu_options options = options_of(1000);
	const struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
	int64_t begin_ns = clock_monotonic_ns();
	int status;
	pid_t first;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	kill(first, SIGSTOP);
	write_file("gate", "");
	while (clock_monotonic_ns() - begin_ns < 1500 * NS_PER_MS)
		nanosleep(&pause, NULL);
	kill(first, SIGCONT);
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_null(kept(""));
}

/* Nor is it young because the process has kept it only now. */
static void test_kept_late(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	int64_t ended_ns;
	pid_t first, child;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	child = child_of(first);
	usleep(300000); /* so that the driver is a slow one */
	kill(first, SIGSTOP);
	write_file("gate", "");
	wait_until_ended(child);
	ended_ns = clock_monotonic_ns();
	while (clock_monotonic_ns() - ended_ns < 1100 * NS_PER_MS)
		usleep(10000);
	kill(first, SIGCONT);
	assert_exits(first);
	assert_int_equal(scan_once(&options), 0);
	assert_int_equal(scans_count(), 2);
}

/* Nor does it take the place of one that began later. */
static void test_kept_last(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	AUTO_FREE char *path = NULL;
	struct stat before, after;
	pid_t first, joiner, child;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	child = child_of(first);
	kill(child, SIGSTOP);
	joiner = start_scan(&options);
	wait_until_scans(2);
	write_file("gate", "");
	assert_exits(joiner);
	path = kept("");
	assert_int_equal(stat(path, &before), 0);
	kill(child, SIGCONT);
	assert_exits(first);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

/* ---- several accounts ---- */

/* A service in the group of the pool, whose program gets no rights, and the users' installed one.
 */
static void test_service(void **state)
{
	pid_t first, joiner;

	(void)state;
	use_pool();
	use_driver(gate());
	for (int i = 0; i < 2; i++) {
		const struct gpu_options options = options_of(LONG_MS);
		AUTO_FREE char *gate_path = mem_printf("%s/gate", folder), *old = kept("");

		if (old)
			unlink(old);
		first = start_scan_as(i ? &service : &user, &options);
		wait_until_scans(i + 1);
		joiner = start_scan_as(i ? &user : &service, &options);
		wait_until_joined(joiner);
		write_file("gate", "");
		assert_exits(first);
		assert_exits(joiner);
		assert_int_equal(scans_count(), i + 1);
		unlink(gate_path);
	}
}

/* What else looks like the directory of a pool is none. */
static void test_directories(void **state)
{
	static const struct account root = {0, 0, 0}, stranger = {4404, 4404, 4404};
	static const struct {
		const struct account *account;
		uid_t owner;
		gid_t group;
		mode_t mode;
		bool shares;
	} cases[] = {
		{&service, 0, GROUP, 02770, true},
		{&user, 0, GROUP, 02770, true},
		{&service, 0, GROUP, 0770, false},  /* hands no group down */
		{&service, 0, GROUP, 02775, false}, /* open to others */
		{&service, 0, GROUP, 02777, false},
		{&service, 4401, GROUP, 02770, false}, /* made by himself */
		{&service, 0, 4404, 02770, false},     /* of a group that is not his */
		{&user, 0, 4402, 02770, false},        /* his own, not the program's */
		{&stranger, 0, GROUP, 02771, false},
		{&root, 0, 0, 02770, false}, /* root's group is no program's */
	};

	(void)state;
	use_pool();
	use_driver("");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gpu_options options;
		AUTO_FREE char *lock = NULL;

		use_directory(cases[i].owner, cases[i].group, cases[i].mode);
		options = options_of(LONG_MS);
		assert_exits(start_scan_as(cases[i].account, &options));
		lock = kept(".lock");
		if (!!lock != cases[i].shares)
			fail_msg("case %zu: it %s", i, lock ? "shares" : "does not share");
	}
}

/* A scan that does not end, and one of another account that does not wait for it any longer. */
static void start_late(pid_t *ret_first, pid_t *ret_joiner)
{
	struct gpu_options options = options_of(LONG_MS), limited = options_of(4000);

	use_pool();
	use_driver(gate());
	*ret_first = start_scan_as(&user, &options);
	wait_until_scans(1);
	*ret_joiner = start_scan_as(&neighbour, &limited);
	wait_until_scans(2);
}

/* One who holds the others up by freezing the process that asks the driver is not waited for until
   nothing is left of the limit; nor is the next one of that account. */
static void test_late(void **state)
{
	pid_t first, joiner;

	(void)state;
	start_late(&first, &joiner);
	write_file("gate", "");
	assert_exits(joiner);
	assert_exits(first);
}

/* If it was only slow, its answer serves all the same. */
static void test_late_answers(void **state)
{
	pid_t first, joiner, child;

	(void)state;
	start_late(&first, &joiner);
	child = child_of(joiner);
	kill(child, SIGSTOP);
	write_file("gate", "");
	assert_exits(first);
	assert_exits(joiner);
	assert_int_equal(scans_count(), 2);
}

static void test_interrupted(void **state)
{
	struct gpu_options options = options_of(LONG_MS);
	struct err e = {0};
	int ends[2];

	(void)state;
	use_driver(gate());
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	options.interrupt_fd = ends[0];
	assert_int_equal(gpu_scan(&options, &(struct scan){0}, &e), -EINTR);
	assert_null(kept(""));
	close(ends[0]);
	close(ends[1]);
}

/* ---- what was kept ---- */

/* A scan that takes long, and at once another one. True if the second came in time to use it. */
static bool scan_twice(const struct gpu_options *second, int *ret_result)
{
	const struct gpu_options first = options_of(LONG_MS);
	int64_t end_ns;

	scan_once(&first);
	end_ns = clock_monotonic_ns();
	*ret_result = scan_once(second);
	return clock_monotonic_ns() - end_ns < NS_PER_SECOND;
}

static void test_young(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	int before = 0, r = -1;

	(void)state;
	use_driver("\"delays\": {\"nvmlInit\": 300}");
	/* On a busy machine it may take several tries. */
	for (int i = 0; i < 50; i++) {
		AUTO_FREE char *path = kept("");

		if (path)
			unlink(path);
		before = scans_count();
		if (scan_twice(&options, &r))
			break;
	}
	assert_int_equal(r, 0);
	assert_int_equal(scans_count(), before + 1);
}

/* A fast driver is asked each time. */
static void test_fast(void **state)
{
	struct gpu_options options = options_of(LONG_MS);
	int64_t begin_ns = clock_monotonic_ns();

	(void)state;
	use_driver("");
	assert_int_equal(scan_once(&options), 0);
	if (clock_monotonic_ns() - begin_ns > 200 * NS_PER_MS)
		skip(); /* not on this machine now */
	assert_int_equal(scan_once(&options), 0);
	assert_int_equal(scans_count(), 2);
}

/* Also with a GPU in MIG mode, of which nothing but its instances is known. */
static void test_complete(void **state)
{
	static const struct {
		const char *gpus, *stamp;
	} cases[] = {
		{GPU, "\"complete\":true,\"gpus\":1,"},
		{GPU ", {\"uuid\": \"GPU-m\", \"bus\": [0, 2, 0], \"mig\": [{\"uuid\": \"MIG-1\","
		     " \"name\": \"N MIG 1g.5gb\", \"memory\": [8000, 10, 5], \"compute\": []}]}",
		 "\"complete\":true,\"gpus\":2,"},
		{GPU ", {\"uuid\": \"GPU-m\", \"bus\": [0, 2, 0], \"mig\": [], \"codes\":"
		     " {\"nvmlDeviceGetMaxMigDeviceCount\": 4}}",
		 "\"complete\":false,\"gpus\":1,"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *config = mem_printf("{\"gpus\": [%s]}", cases[i].gpus);
		struct gpu_options options = options_of(LONG_MS);
		AUTO_FREE char *path = NULL;
		char head[1024] = "";
		FILE *file;

		use_nvml("nvml", config);
		options.fresh = true;
		assert_int_equal(scan_once(&options), 0);
		path = kept("");
		file = fopen(path, "re");
		assert_non_null(fgets(head, sizeof(head), file));
		fclose(file);
		if (!strstr(head, cases[i].stamp))
			fail_msg("case %zu: %s", i, head);
	}
}

static void make_group_writable(const char *path)
{
	assert_int_equal(chmod(path, 0620), 0);
}

static char other[128]; /* another name beside it */

static void make_link(const char *path)
{
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
}

static void make_second_name(const char *path)
{
	assert_int_equal(link(path, other), 0);
}

static void make_strangers(const char *path)
{
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
}

static void make_fifo(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* Whatever is not certainly ours is as if it were not there, and is replaced. */
static void test_mistrusted(void **state)
{
	static void (*const spoils[])(const char *) = {
		make_group_writable, make_link, make_second_name, make_fifo, make_strangers,
	};
	const struct gpu_options options = options_of(LONG_MS);

	(void)state;
	use_driver("\"delays\": {\"nvmlInit\": 300}");
	snprintf(other, sizeof(other), "%s/other", folder);
	for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
		AUTO_FREE char *path = NULL;
		struct stat st;
		int before;

		if (spoils[i] == make_strangers && geteuid() != 0)
			continue;
		assert_int_equal(scan_once(&options), 0);
		path = kept("");
		assert_non_null(path);
		before = scans_count();
		unlink(other);
		spoils[i](path);
		assert_int_equal(scan_once(&options), 0);
		assert_int_equal(scans_count(), before + 1);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode) && st.st_uid == geteuid());
		assert_int_equal(st.st_mode & 07777, 0600);
		unlink(path);
	}
}

/* A lock that a stranger can hold stops nobody. */
static void test_mistrusted_lock(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	(void)state;
	use_driver("");
	assert_int_equal(scan_once(&options), 0);
	path = kept(".lock");
	assert_non_null(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(scan_once(&options), 0);
}

static void test_mistrusted_directory(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);

	(void)state;
	use_driver("");
	assert_int_equal(chmod(folder, 0770), 0);
	assert_int_equal(scan_once(&options), 0);
	assert_null(kept(""));
	assert_null(kept(".lock"));
}

/* Those of pid namespaces that are gone, for example. */
static void test_old_files(void **state)
{
	static const struct {
		const char *name;
		int days;
		bool stays;
	} cases[] = {
		{"canhazgpu-scan-nvidia-0123456789abcdef", 2, false},
		{"canhazgpu-scan-nvidia-0123456789abcdef.lock", 2, false},
		{"canhazgpu-scan-nvidia-fedcba9876543210", 0, true},
		{"canhazgpu-scanners", 2, true},
		{"canhazgpu.db", 2, true},
	};
	const struct gpu_options options = options_of(LONG_MS);

	(void)state;
	use_driver("");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", folder, cases[i].name);
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
					    {.tv_sec = time(NULL) - cases[i].days * 86400}};

		write_file(cases[i].name, "");
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	assert_int_equal(scan_once(&options), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", folder, cases[i].name);

		assert_int_equal(access(path, F_OK) == 0, cases[i].stays);
	}
}

/* A process in a pid namespace of its own, with a /proc of that one. 77: there can be none here. */
static int scan_in_container(const struct gpu_options *options)
{
	pid_t child;
	int status = -1;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 || (child = fork()) < 0)
		return 77;
	if (child == 0) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(77);
		_exit(scan_once(options) == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Who cannot see the scanners of others must not take them for gone. */
static void test_scanners_of_others(void **state)
{
	const struct gpu_options options = options_of(LONG_MS);
	AUTO_FREE char *path = mem_printf("%s/canhazgpu-scanners", folder);
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = -1;
	struct process_ref self;
	char found[256] = "";
	int status = -1;
	pid_t pid;

	(void)state;
	use_driver("");
	assert_int_equal(host_process_ref(getpid(), &self, NULL), 0);
	text = mem_printf("%d %" PRIu64 " 0\n", (int)getpid(), self.start_ticks);
	write_file("canhazgpu-scanners", text);
	pid = fork();
	if (pid == 0)
		_exit(scan_in_container(&options));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, found, sizeof(found) - 1) > 0);
	assert_string_equal(found, text);
}

/* ---- the time limit ---- */

/* No call takes that long, all of them do. */
static void test_limit_is_of_the_whole(void **state)
{
	struct gpu_options options = options_of(400);

	(void)state;
	use_driver("\"delays\": {\"nvmlInit\": 150, \"nvmlDeviceGetCount\": 150, "
		   "\"nvmlDeviceGetName\": 150, \"nvmlDeviceGetUUID\": 150}");
	scan_fails(&options, ETIMEDOUT, "did not answer within 400 ms");
	assert_null(kept(""));
}

/* Waiting for another one's scan counts, too. */
static void test_limit_of_a_joiner(void **state)
{
	const struct gpu_options options = options_of(LONG_MS), brief = options_of(SHORT_MS);
	pid_t first;

	(void)state;
	use_driver(gate());
	first = start_scan(&options);
	wait_until_scans(1);
	scan_fails(&brief, ETIMEDOUT, "did not answer another query within 200 ms");
	assert_int_equal(scans_count(), 1);
	write_file("gate", "");
	assert_exits(first);
}

#define SHARE_TEST(name) cmocka_unit_test_setup_teardown(name, make_shared, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(test_join),
		SHARE_TEST(test_slow_end),
		SHARE_TEST(test_join_afresh),
		SHARE_TEST(test_killed),
		SHARE_TEST(test_stopped),
		SHARE_TEST(test_continued),
		SHARE_TEST(test_kept_late),
		SHARE_TEST(test_kept_last),
		SHARE_TEST(test_service),
		SHARE_TEST(test_directories),
		SHARE_TEST(test_late),
		SHARE_TEST(test_late_answers),
		SHARE_TEST(test_interrupted),
		SHARE_TEST(test_young),
		SHARE_TEST(test_fast),
		SHARE_TEST(test_complete),
		SHARE_TEST(test_mistrusted),
		SHARE_TEST(test_mistrusted_lock),
		SHARE_TEST(test_mistrusted_directory),
		SHARE_TEST(test_old_files),
		SHARE_TEST(test_scanners_of_others),
		SHARE_TEST(test_limit_is_of_the_whole),
		SHARE_TEST(test_limit_of_a_joiner),
	};

	return cmocka_run_group_tests_name("gpu_share", tests, NULL, NULL);
}
