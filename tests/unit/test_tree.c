/* The processes of a run reservation: who counts as one of them, and signals to all of them. */
#include "test.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "spawn.h"

/* The reservation of this run of the tests: others may run at the same time. */
static char id[ID_SIZE];

/* A shell that says its pid and starts `command` behind it, both waiting on the same input. */
#define PARENT_OF(command) "exec 3<&0; echo $$; " command " <&3 & read x"

static void refresh(struct host_tree *t)
{
	struct err e = {0};

	if (host_tree_refresh(t, &e) < 0)
		fail_msg("%s", e.text);
}

static struct host_tree tree_of(pid_t command)
{
	struct process_ref ref = spawn_ref(command);
	struct host_tree t;

	host_tree_init(&t, id, &ref);
	return t;
}

static void test_command_alone(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT);
	pid_t command = spawn_pid(&s);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	siginfo_t ended;

	(void)state;
	assert_true(host_tree_has(&t, command));
	assert_int_equal(t.session, getsid(0));
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	assert_true(host_tree_has(&t, command));
	assert_false(host_tree_has(&t, getpid()));
	kill(command, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)command, &ended, WEXITED | WNOWAIT), 0);
	refresh(&t); /* it is a zombie now */
	assert_int_equal(t.members_count, 0);
	spawn_end(&s);
	refresh(&t);
	assert_int_equal(t.members_count, 0);
}

static void test_reused_pid(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT);
	pid_t pid = spawn_pid(&s);
	struct process_ref old = {.pid = pid, .start_ticks = spawn_ref(pid).start_ticks - 1};
	AUTO(host_tree_clear) struct host_tree t = {0};
	size_t refused = 7;
	int status = 0;

	(void)state;
	host_tree_init(&t, id, &old);
	assert_int_equal(t.session, HOST_SESSION_UNKNOWN);
	/* Not even a signal before the first look hits the other process: it ends as it likes. */
	assert_int_equal(host_tree_signal(&t, SIGKILL, &refused, NULL), 0);
	assert_int_equal(refused, 0);
	refresh(&t);
	assert_int_equal(t.members_count, 0);
	close(s.in);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	close(s.out);
}

/* Grandchildren with an empty environment, seen while all of their parents still live. */
static void test_descent(void **state)
{
	struct spawn s = spawn_sh(PARENT_OF("sh -c \"exec 3<&0; echo \\$\\$; "
					    "env -i sh -c 'echo \\$\\$; read x' <&3 & read x\""));
	pid_t command = spawn_pid(&s), child = spawn_pid(&s), grandchild = spawn_pid(&s);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);

	(void)state;
	refresh(&t);
	assert_true(host_tree_has(&t, command));
	assert_true(host_tree_has(&t, child));
	assert_true(host_tree_has(&t, grandchild));
	assert_int_equal(t.members_count, 3);
	spawn_end(&s);
}

/* A shell that is younger than a process. Times count in ticks: it may take some attempts. */
static struct spawn spawn_younger(pid_t than, pid_t *ret_pid)
{
	for (;;) {
		struct spawn s = spawn_sh(SPAWN_WAIT);

		*ret_pid = spawn_pid(&s);
		if (spawn_ref(*ret_pid).start_ticks > spawn_ref(than).start_ticks)
			return s;
		spawn_end(&s);
	}
}

/* Several processes that a tree begins with, the command being the youngest of them. */
static void test_several_roots(void **state)
{
	struct spawn older = spawn_sh(PARENT_OF("env -i sh -c 'echo $$; read x'"));
	pid_t root = spawn_pid(&older), child = spawn_pid(&older), command;
	struct process_ref ref = spawn_ref(root);
	struct spawn younger = spawn_younger(child, &command);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	int fd;

	(void)state;
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	host_tree_add(&t, &ref);
	refresh(&t);
	assert_int_equal(t.members_count, 3);
	assert_true(host_tree_has(&t, root));
	assert_true(host_tree_has(&t, child));
	spawn_end(&younger);
	refresh(&t);
	assert_int_equal(t.members_count, 2);
	assert_true(host_tree_has(&t, child));
	ref = spawn_ref(child);
	assert_int_equal(host_pidfd_open(&ref, &fd, NULL), 0);
	spawn_end(&older);
	spawn_wait_gone(fd);
	refresh(&t);
	assert_int_equal(t.members_count, 0);
}

#define CHAIN 5

/* Forks a process of that pid, which needs root; like fork otherwise. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Pids wrap around: here each child has a lower one than its parent. */
static void test_descending_pids(void **state)
{
	pid_t first = 25000 - getpid() % 5000, pid = -1;
	AUTO(host_tree_clear) struct host_tree t = {0};
	size_t refused;
	int said[2], i;
	char byte = '-';

	(void)state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	for (i = 0; i < CHAIN; i++) {
		pid = fork_as(first - 10 * i);
		if (pid != 0)
			break;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	}
	if (i > 0) {
		byte = i == CHAIN ? 'x' : 'e';
		if ((pid < 0 || i == CHAIN) && write(said[1], &byte, 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	if (pid < 0 || read(said[0], &byte, 1) != 1 || byte != 'x') {
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		close(said[0]);
		skip();
	}
	t = tree_of(first);
	refresh(&t);
	assert_int_equal(t.members_count, CHAIN);
	assert_int_equal(host_tree_signal(&t, SIGKILL, &refused, NULL), 0);
	assert_int_equal(waitpid(first, NULL, 0), first);
	close(said[0]);
}

static void test_orphan_stays(void **state)
{
	struct spawn s = spawn_sh(PARENT_OF("sh -c '" SPAWN_WAIT "'"));
	pid_t command = spawn_pid(&s), orphan = spawn_pid(&s);
	struct process_ref ref = spawn_ref(orphan);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	struct process_info info;
	int fd;

	(void)state;
	refresh(&t);
	assert_true(host_tree_has(&t, orphan));
	kill(command, SIGKILL);
	assert_int_equal(waitpid(command, NULL, 0), command);
	s.pid = 0;
	assert_int_equal(host_process_read(orphan, &info, NULL), 0);
	assert_int_not_equal(info.ppid, command);
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	assert_true(host_tree_has(&t, orphan));
	assert_int_equal(host_pidfd_open(&ref, &fd, NULL), 0);
	spawn_end(&s); /* its input ends */
	spawn_wait_gone(fd);
	refresh(&t);
	assert_int_equal(t.members_count, 0);
}

/* A daemon that left session and parents behind is found by its environment, and only by that. */
static void test_marker(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT);
	pid_t command = spawn_pid(&s);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	AUTO_FREE char *exact = mem_printf("%s=%s", HOST_TREE_MARKER, id);
	AUTO_FREE char *too_long = mem_printf("%s=%s6", HOST_TREE_MARKER, id);
	AUTO_FREE char *cut = mem_printf("%s=%.8s", HOST_TREE_MARKER, id);
	AUTO_FREE char *too_early = mem_printf("X%s=%s", HOST_TREE_MARKER, id);
	struct spawn marked = spawn_as(SPAWN_WAIT, exact, SPAWN_ORPHAN, 0);
	struct spawn longer = spawn_as(SPAWN_WAIT, too_long, SPAWN_ORPHAN, 0);
	struct spawn shorter = spawn_as(SPAWN_WAIT, cut, SPAWN_ORPHAN, 0);
	struct spawn other = spawn_as(SPAWN_WAIT, too_early, SPAWN_ORPHAN, 0);
	pid_t daemon = spawn_pid(&marked);
	AUTO(host_tree_clear) struct host_tree later = {0};
	struct process_ref ref = spawn_ref(daemon);
	struct process_ref future = {.pid = command,
				     .start_ticks = t.command.start_ticks + 1000000};
	int fd;

	(void)state;
	(void)spawn_pid(&longer);
	(void)spawn_pid(&shorter);
	(void)spawn_pid(&other);
	refresh(&t);
	assert_true(host_tree_has(&t, daemon));
	assert_int_equal(t.members_count, 2);
	/* What is older than the command carries a marker by coincidence. */
	host_tree_init(&later, id, &future);
	refresh(&later);
	assert_int_equal(later.members_count, 0);
	spawn_end(&other);
	spawn_end(&shorter);
	spawn_end(&longer);
	/* Nothing with this marker may be left for the next test to find. */
	assert_int_equal(host_pidfd_open(&ref, &fd, NULL), 0);
	spawn_end(&marked);
	spawn_wait_gone(fd);
	spawn_end(&s);
}

static bool is_kin(const struct host_tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->kin_count; i++)
		if (t->kin[i].pid == pid)
			return true;
	return false;
}

/* The rest of a pipeline is in the command's group and session, and is not the command's. */
static void test_pipeline(void **state)
{
	struct spawn s = spawn_as(SPAWN_WAIT, NULL, SPAWN_GROUP, 0);
	pid_t command = spawn_pid(&s);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	/* As a shell starts the second process of a pipeline. */
	struct spawn second = spawn_as(SPAWN_WAIT, NULL, SPAWN_GROUP, command);
	pid_t pid = spawn_pid(&second);

	(void)state;
	assert_int_equal(getpgid(pid), command);
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	assert_false(host_tree_has(&t, pid));
	assert_true(is_kin(&t, pid));
	spawn_end(&s);
	refresh(&t);
	assert_int_equal(t.members_count, 0);
	assert_true(is_kin(&t, pid));
	spawn_end(&second);
	refresh(&t);
	assert_false(is_kin(&t, pid));
}

/* What is older than the reservation, or carries the marker of another one, has not come from it.
 */
static void test_no_kin(void **state)
{
	AUTO_FREE char *marker = mem_printf("%s=%s6", HOST_TREE_MARKER, id);
	struct spawn s = spawn_sh(SPAWN_WAIT);
	pid_t command = spawn_pid(&s), pid, older_pid;
	struct spawn older = spawn_younger(command, &older_pid);
	struct spawn younger = spawn_younger(older_pid, &pid);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);
	struct spawn claimed;
	pid_t claimed_pid;

	(void)state;
	t.since_ticks = spawn_ref(pid).start_ticks;
	claimed = spawn_as(SPAWN_WAIT, marker, SPAWN_GROUP, 0);
	claimed_pid = spawn_pid(&claimed);
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	assert_true(is_kin(&t, pid));
	assert_false(is_kin(&t, older_pid));
	assert_false(is_kin(&t, claimed_pid));
	t.session = HOST_SESSION_UNKNOWN;
	t.command.start_ticks--; /* so that a refresh does not learn the session again */
	refresh(&t);
	assert_int_equal(t.kin_count, 0);
	spawn_end(&claimed);
	spawn_end(&younger);
	spawn_end(&older);
	spawn_end(&s);
}

/* A command that does not lead its group shares it with processes that are not its own. */
static void test_foreign_group(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT), sibling = spawn_sh(SPAWN_WAIT);
	pid_t command = spawn_pid(&s), pid = spawn_pid(&sibling);
	AUTO(host_tree_clear) struct host_tree t = tree_of(command);

	(void)state;
	assert_int_equal(getpgid(command), getpgid(pid));
	refresh(&t);
	assert_int_equal(t.members_count, 1);
	spawn_end(&sibling);
	spawn_end(&s);
}

static void test_signal(void **state)
{
	struct spawn s = spawn_sh(PARENT_OF("sh -c '" SPAWN_WAIT "'"));
	struct process_ref command = spawn_ref(spawn_pid(&s)), child = spawn_ref(spawn_pid(&s));
	AUTO(host_tree_clear) struct host_tree t = tree_of(command.pid);
	size_t refused = 7;
	int fd, status = 0;

	(void)state;
	refresh(&t);
	assert_int_equal(t.members_count, 2);
	assert_int_equal(host_pidfd_open(&child, &fd, NULL), 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	/* One more that names this test's pid, of a process long gone: it must not be hit. */
	t.members = mem_resize(t.members, 3, sizeof(*t.members));
	t.members[2] = (struct process_ref){.pid = getpid(), .start_ticks = 1};
	t.members_count = 3;
	assert_int_equal(host_tree_signal(&t, SIGUSR1, &refused, NULL), 0);
	assert_int_equal(refused, 0);
	assert_int_equal(waitpid(command.pid, &status, 0), command.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	spawn_wait_gone(fd); /* its input is still open: the signal ended it */
	/* Again, with nobody left. */
	assert_int_equal(host_tree_signal(&t, SIGUSR1, &refused, NULL), 0);
	assert_int_equal(host_tree_signal(&t, 12345, &refused, NULL), 0);
	s.pid = 0;
	spawn_end(&s);
}

static void test_signal_error(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT);
	AUTO(host_tree_clear) struct host_tree t = tree_of(spawn_pid(&s));
	struct err e = {0};
	size_t refused = 7;

	(void)state;
	assert_int_equal(host_tree_signal(&t, 12345, &refused, &e), -EINVAL);
	assert_int_equal(refused, 7);
	assert_non_null(strstr(e.text, "cannot signal process"));
	spawn_end(&s);
}

/* Somebody without the right to signal the command asks for it. */
static int signal_is_refused(void)
{
	struct process_ref parent;
	struct host_tree t;
	size_t refused = 0;

	if (host_process_ref(getppid(), &parent, NULL) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	host_tree_init(&t, id, &parent);
	if (host_tree_signal(&t, SIGTERM, &refused, NULL) < 0 || refused != 1)
		return 2;
	if (host_tree_refresh(&t, NULL) < 0 || !host_tree_has(&t, parent.pid))
		return 3;
	host_tree_clear(&t);
	return 0;
}

static void test_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(spawn_check(signal_is_refused), 0);
}

/* The caller descends from the command, as a supervisor that was started in its environment. */
static int caller_is_no_member(void)
{
	struct process_ref parent;
	struct host_tree t;

	if (host_process_ref(getppid(), &parent, NULL) < 0)
		return 1;
	host_tree_init(&t, id, &parent);
	if (host_tree_refresh(&t, NULL) < 0 || !host_tree_has(&t, parent.pid))
		return 2;
	if (host_tree_has(&t, getpid()))
		return 3;
	host_tree_clear(&t);
	return 0;
}

static void test_caller(void **state)
{
	(void)state;
	assert_int_equal(spawn_check(caller_is_no_member), 0);
}

/* Starts a process that says when its environment cannot be read any more, like a set-uid one. */
static pid_t start_secretive(void)
{
	int said[2];
	char byte;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 0);
		if (write(said[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	return read(said[0], &byte, 1) == 1 ? pid : -1;
}

/* A command, and in the same session a process that nobody may look into. */
static int secretive_is_kin(void)
{
	struct spawn s;
	struct host_tree t;
	pid_t secretive;
	int result = 0;

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 1;
	/* exec makes the process readable for itself again, so only the shell is. */
	s = spawn_sh(SPAWN_WAIT);
	t = tree_of(spawn_pid(&s));
	secretive = start_secretive();
	if (secretive < 0)
		return 2;
	if (host_tree_refresh(&t, NULL) < 0 || host_tree_has(&t, secretive) ||
	    !host_tree_has(&t, s.pid))
		result = 3;
	if (!result && !is_kin(&t, secretive))
		result = 4;
	/* Of another session, it is none of ours. */
	host_tree_clear(&t);
	t = tree_of(s.pid);
	t.session = 1;
	t.command.start_ticks--; /* so that a refresh does not learn the session again */
	if (!result && (host_tree_refresh(&t, NULL) < 0 || is_kin(&t, secretive)))
		result = 5;
	host_tree_clear(&t);
	kill(secretive, SIGKILL);
	waitpid(secretive, NULL, 0);
	spawn_end(&s);
	return result;
}

static int secretive_in_session(void)
{
	return setsid() < 0 ? 1 : secretive_is_kin();
}

/* Who enters a pid namespace from outside has session 0 in it, and so has all that it starts. */
static int secretive_in_namespace(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	pid = fork();
	if (pid == 0) {
		if (mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(77);
		_exit(getsid(0) ? 6 : secretive_is_kin());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : 7;
}

static void test_secretive(void **state)
{
	(void)state;
	assert_int_equal(spawn_check(secretive_in_session), 0);
}

static void test_secretive_in_namespace(void **state)
{
	int result = spawn_check(secretive_in_namespace);

	(void)state;
	if (result == 77)
		skip();
	assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_alone), cmocka_unit_test(test_reused_pid),
		cmocka_unit_test(test_descent),       cmocka_unit_test(test_descending_pids),
		cmocka_unit_test(test_orphan_stays),  cmocka_unit_test(test_marker),
		cmocka_unit_test(test_pipeline),      cmocka_unit_test(test_no_kin),
		cmocka_unit_test(test_foreign_group), cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_error),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_caller),        cmocka_unit_test(test_several_roots),
		cmocka_unit_test(test_secretive),     cmocka_unit_test(test_secretive_in_namespace),
	};

	id_new(id);
	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
