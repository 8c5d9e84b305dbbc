/* Facts about processes and accounts: what /proc says, however odd; and looking commands up. */
#include "test.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/cgroup.h"
#include "host/command.h"
#include "host/interpreter.h"
#include "host/proc.h"
#include "spawn.h"

static void test_stat_parse(void **state)
{
	static const struct {
		const char *start;
		const char *name;
		int threads;
		char state;
	} cases[] = {
		{"42 (cat) R", "cat", 1, 'R'},
		{"42 (a) b (c) S", "a) b (c", 1, 'S'},
		{"42 (a) R 9 9 9) S", "a) R 9 9 9", 1, 'S'},
		{"42 (a\nb) S", "a\nb", 1, 'S'},
		{"42 () S", "", 1, 'S'},
		{"42 (gone) Z", "gone", 1, 'Z'},
		/* The first thread has ended, the others compute on. */
		{"42 (busy) Z", "busy", 3, 'S'},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process_info info;
		AUTO_FREE char *text =
			mem_printf("%s 1 2 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 %d 0 98765 1 2 3\n",
				   cases[i].start, cases[i].threads);

		assert_true(host_stat_parse(text, &info));
		assert_int_equal(info.pid, 42);
		assert_string_equal(info.name, cases[i].name);
		assert_int_equal(info.state, cases[i].state);
		assert_int_equal(info.ppid, 1);
		assert_int_equal(info.pgrp, 2);
		assert_int_equal(info.session, 3);
		assert_int_equal(info.start_ticks, 98765);
	}
}

static void test_timens_boot(void **state)
{
	static const struct {
		const char *text;
		int64_t shift_ns;
	} cases[] = {
		{"monotonic           0         0\nboottime            0         0\n", 0},
		{"monotonic          -7         0\nboottime        86400         0\n",
		 86400 * NS_PER_SECOND},
		{"boottime        -1000 500000000\n", -1000 * NS_PER_SECOND + NS_PER_SECOND / 2},
		{"monotonic           5         0\n", 0},
		{"boottime 5", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(host_timens_boot_ns(cases[i].text), cases[i].shift_ns);
}

static void test_stat_parse_refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"42",
		"42 (cat",
		"42 )cat( R 1 2 3",
		"42 (cat) R",
		"x (cat) R 1 2 3",
		"42 (cat) R 1 2 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process_info info;

		if (host_stat_parse(cases[i], &info))
			fail_msg("'%s' was taken", cases[i]);
	}
}

static void test_environ_find(void **state)
{
	static const char block[] = "A=1\0AB=2\0XID=bad\0EMPTY=\0ID\0ID=good\0ID=later";

	(void)state;
	assert_string_equal(host_environ_find(block, sizeof(block), "ID"), "good");
	assert_string_equal(host_environ_find(block, sizeof(block), "A"), "1");
	assert_string_equal(host_environ_find(block, sizeof(block), "EMPTY"), "");
	assert_null(host_environ_find(block, sizeof(block), "B"));
	assert_null(host_environ_find(block, 0, "A"));
}

static void test_self(void **state)
{
	struct process_info info;
	AUTO_FREE pid_t *pids = NULL;
	size_t count, seen = 0;

	(void)state;
	assert_int_equal(host_process_read(getpid(), &info, NULL), 0);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.ppid, getppid());
	assert_int_equal(info.pgrp, getpgrp());
	assert_int_equal(info.session, getsid(0));
	assert_int_equal(info.uid, getuid());
	assert_int_equal(info.state, 'R');
	assert_true(info.start_ticks > 0);
	assert_int_equal(host_process_list(&pids, &count, NULL), 0);
	for (size_t i = 0; i < count; i++)
		seen += pids[i] == getpid() || pids[i] == getppid();
	assert_true(seen == (getppid() > 0 ? 2 : 1));
}

static void test_hostile_name(void **state)
{
	struct spawn s = {.in = -1, .out = -1};
	struct process_info info;
	int said[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a) b (c");
		if (write(said[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(said[0], &byte, 1), 1);
	assert_int_equal(host_process_read(s.pid, &info, NULL), 0);
	assert_string_equal(info.name, "a) b (c");
	assert_int_equal(info.ppid, getpid());
	assert_int_equal(info.uid, getuid());
	close(said[0]);
	close(said[1]);
	spawn_end(&s);
}

static void test_life(void **state)
{
	struct spawn s = spawn_sh(SPAWN_WAIT);
	struct process_ref ref = spawn_ref(spawn_pid(&s));
	struct process_ref reused = {.pid = ref.pid, .start_ticks = ref.start_ticks + 1};
	struct process_ref none = {0};
	struct process_info info;
	struct err e = {0};
	siginfo_t ended;
	int fd = -1;

	(void)state;
	assert_int_equal(host_process_life(&ref), HOST_ALIVE);
	assert_int_equal(host_process_life(&reused), HOST_GONE);
	assert_int_equal(host_process_life(&none), HOST_GONE);
	assert_int_equal(host_pidfd_open(&reused, &fd, NULL), -ESRCH);
	assert_int_equal(host_pidfd_open(&none, &fd, NULL), -ESRCH);
	assert_false(host_process_is_stopped(&ref));
	kill(s.pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)s.pid, &ended, WSTOPPED | WNOWAIT), 0);
	assert_true(host_process_is_stopped(&ref));
	assert_false(host_process_is_stopped(&reused));
	assert_int_equal(host_process_life(&ref), HOST_ALIVE);
	kill(s.pid, SIGKILL);
	/* Wait for its end but leave it a zombie. */
	assert_int_equal(waitid(P_PID, (id_t)s.pid, &ended, WEXITED | WNOWAIT), 0);
	assert_int_equal(host_process_read(s.pid, &info, NULL), 0);
	assert_int_equal(info.state, 'Z');
	assert_int_equal(host_process_life(&ref), HOST_GONE);
	assert_int_equal(host_process_ref(s.pid, &ref, &e), -ESRCH);
	assert_int_equal(host_pidfd_open(&ref, &fd, NULL), -ESRCH);
	spawn_end(&s);
	assert_int_equal(host_process_read(s.pid, &info, &e), -ESRCH);
	assert_int_equal(host_process_life(&ref), HOST_GONE);
	assert_int_equal(host_pidfd_open(&ref, &fd, NULL), -ESRCH);
	assert_int_equal(fd, -1);
}

/* A process of another account may not be signalled, and lives all the same. */
static int foreign_is_alive(void)
{
	struct process_ref parent;

	if (host_process_ref(getppid(), &parent, NULL) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (kill(parent.pid, 0) == 0 || errno != EPERM)
		return 2;
	return host_process_life(&parent) == HOST_ALIVE ? 0 : 3;
}

static void test_foreign_life(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(spawn_check(foreign_is_alive), 0);
}

/* Where /proc hides other accounts' processes, they are taken neither for dead nor for the same. */
static int hidden_is_told_apart(void)
{
	struct process_ref parent, gone = {0};
	pid_t child;

	if (host_process_ref(getppid(), &parent, NULL) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") < 0 || (child = fork()) < 0)
		return 77;
	if (child == 0)
		_exit(0);
	if (host_process_ref(child, &gone, NULL) < 0)
		gone.pid = child; /* it was quick */
	waitpid(child, NULL, 0);
	if (setresgid(65534, 65534, 65534) < 0 || setgroups(0, NULL) < 0 ||
	    setresuid(65534, 65534, 65534) < 0 || access("/proc/1", F_OK) == 0)
		return 77;
	if (host_process_life(&gone) != HOST_GONE)
		return 1;
	return host_process_life(&parent) == HOST_HIDDEN ? 0 : 2;
}

static void test_hidden_life(void **state)
{
	int result;

	(void)state;
	if (geteuid() != 0)
		skip();
	result = spawn_check(hidden_is_told_apart);
	if (result == 77)
		skip();
	assert_int_equal(result, 0);
}

/* How another account's process has ended: the kernel says "0" to those who may not know. */
static int end_is_not_guessed(int code)
{
	struct process_ref ref;
	struct pollfd ended = {.events = POLLIN};
	int gate[2], status = -1, result = 0;
	pid_t child;

	if (pipe2(gate, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return 1;
	if (child == 0) {
		char byte;

		close(gate[1]);
		_exit(setresuid(65533, 65533, 65533) < 0 || read(gate[0], &byte, 1) ? 99 : code);
	}
	close(gate[0]);
	if (host_process_ref(child, &ref, NULL) < 0 || host_pidfd_open(&ref, &ended.fd, NULL) < 0)
		return 2;
	close(gate[1]);
	poll(&ended, 1, -1);
	/* No parent has asked yet. */
	if (seteuid(65534) < 0 || host_pidfd_status(ended.fd, &ref, &status))
		result = 3;
	if (seteuid(0) < 0 || !host_pidfd_status(ended.fd, &ref, &status) ||
	    status != W_EXITCODE(code, 0))
		result = 4;
	waitpid(child, NULL, 0);
	if (host_pidfd_status(ended.fd, &ref, &status) && status != W_EXITCODE(code, 0))
		result = 5;
	return result;
}

static int ends_are_not_guessed(void)
{
	int failed = end_is_not_guessed(3);

	return failed ? failed : end_is_not_guessed(0);
}

static void test_foreign_end(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(spawn_check(ends_are_not_guessed), 0);
}

/* An account of a directory service can be in hundreds of groups. */
static int signals_are_read_behind_groups(void)
{
	gid_t groups[1000];

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] = (gid_t)(1234500000 + i);
	if (setgroups(ARRAY_SIZE(groups), groups) < 0)
		return 77;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	return host_process_ignores(getpid(), SIGINT) && !host_process_ignores(getpid(), SIGTERM)
		       ? 0
		       : 1;
}

static void test_ignored_signals(void **state)
{
	int result;

	(void)state;
	result = spawn_check(signals_are_read_behind_groups);
	if (result == 77)
		skip();
	assert_int_equal(result, 0);
}

static void test_arguments_and_variables(void **state)
{
	static const char expected[] = "sh\0-c\0echo $$; read x";
	struct spawn s = spawn_as(SPAWN_WAIT, "NAME=a value", SPAWN_PLAIN, 0);
	pid_t pid = spawn_pid(&s);
	size_t length = 0;
	AUTO_FREE char *arguments = host_process_arguments(pid, &length);
	AUTO_FREE char *value = host_process_variable(pid, "NAME");
	AUTO_FREE char *missing = host_process_variable(pid, "NAM");

	(void)state;
	assert_non_null(arguments);
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(arguments, expected, sizeof(expected));
	assert_int_equal(arguments[length], '\0');
	assert_string_equal(value, "a value");
	assert_null(missing);
	spawn_end(&s);
	assert_null(host_process_arguments(pid, &length));
	assert_null(host_process_container(pid));
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT "0123456789ab"

static void test_container(void **state)
{
	static const struct {
		const char *text;
		const char *id;
	} cases[] = {
		{"0::/\n", NULL},
		{"", NULL},
		{"0::/user.slice/user-1000.slice/session-3.scope\n", NULL},
		{"0::/system.slice/docker.service\n", NULL},
		{"0::/system.slice/docker-" HEX ".scope\n", SHORT},
		{"12:memory:/docker/" HEX "\n11:cpu:/docker/" HEX "\n", SHORT},
		{"12:pids:/user.slice\n1:name=systemd:/docker/" HEX "\n0::/\n", SHORT},
		{"0::/docker/" HEX "/init.scope", SHORT},
		{"0::/../docker-" HEX ".scope\n", SHORT},
		{"0::/machine.slice/libpod-" HEX ".scope/container\n", SHORT},
		{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" HEX
		 ".scope\n",
		 SHORT},
		{"0::/libpod_parent/libpod-" HEX "\n", SHORT},
		/* It watches the container from outside. */
		{"0::/machine.slice/libpod-conmon-" HEX ".scope\n", NULL},
		{"0::/kubepods.slice/kubepods-pod1.slice/crio-conmon-" HEX ".scope\n", NULL},
		{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/"
		 "cri-containerd-" HEX ".scope\n",
		 SHORT},
		{"0::/kubepods.slice/kubepods-pod1.slice/crio-" HEX ".scope\n", SHORT},
		{"9:cpu:/kubepods/besteffort/pod5b5c2a1e-0000-4000-8000-000000000000/" HEX "\n",
		 SHORT},
		{"9:cpu:/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" HEX
		 "\n",
		 SHORT},
		{"0::/docker/" HEX "/docker/"
		 "ff" HEX "\n",
		 SHORT},
		{"0::/system.slice/docker-" HEX ".scope (deleted)\n", SHORT},
		{"0::/lxc.payload.build-box/system.slice/ssh.service\n", "build-box"},
		{"5:cpu:/lxc/web1/user.slice\n", "web1"},
		{"5:cpu:/lxc.payload/web2\n", "web2"},
		{"0::/lxc.monitor.build-box\n", NULL},
		{"0::/lxc.payload.\n", NULL},
		{"0::/docker/0123456789abcdef\n", NULL},
		{"0::/docker/g" HEX "\n", NULL},
		{"0::/docker/ab" HEX "\n", NULL},
		{"no colons at all\n", NULL},
		{"1:only one /docker/" HEX "\n", NULL},
		{"::::::\n\n\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *id = host_cgroup_container(cases[i].text);

		if ((id == NULL) != (cases[i].id == NULL) || (id && strcmp(id, cases[i].id) != 0))
			fail_msg("%s: '%s'", cases[i].text, id ? id : "-");
	}
}

static void test_container_by_id(void **state)
{
	static const struct {
		const char *text;
		bool inside;
	} cases[] = {
		{"12:memory:/docker/" HEX "\n11:cpu:/docker/" HEX "\n", true},
		{"0::/machine.slice/libpod-" HEX ".scope/container\n", true},
		/* Deep inside another container. */
		{"0::/lxc.payload.box/docker/ff" HEX "/docker-" HEX ".scope\n", true},
		{"0::/machine.slice/libpod-conmon-" HEX ".scope\n", false},
		{"0::/a/libpod-conmon-" HEX ".scope\n1:cpu:/docker/" HEX "\n", true},
		{"0::/conmon/docker/" HEX "\n", true},
		{"0::/docker/0123456789abcdef\n", false},
		{"0::/\n", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (host_cgroup_has(cases[i].text, HEX) != cases[i].inside)
			fail_msg("%s", cases[i].text);
	}
	assert_false(host_cgroup_has("0::/\n", ""));
}

static void test_names(void **state)
{
	uid_t nobody = 3999999999u;
	AUTO_FREE char *root = host_account_name(0);
	AUTO_FREE char *number = NULL;
	AUTO_FREE char *expected = NULL;
	AUTO_FREE char *host = host_name();
	AUTO_FREE char *boot = host_boot_id();
	const struct passwd *entry = getpwuid(0);

	(void)state;
	assert_string_equal(root, entry ? entry->pw_name : "uid 0");
	while (getpwuid(nobody))
		nobody--;
	number = host_account_name(nobody);
	expected = mem_printf("uid %u", (unsigned)nobody);
	assert_string_equal(number, expected);
	assert_true(*host);
	assert_non_null(boot);
	assert_int_equal(strlen(boot), ID_SIZE - 1);
}

/* A directory with a command, a file that is none, and a directory; the current one while it is
 * used. */
static void make_files(char directory[32])
{
	strcpy(directory, "/tmp/test_host.XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	close(open("good", O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	close(open("plain", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(mkdir("first", 0755), 0);
	close(open("first/good", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(open("first/later", O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	assert_int_equal(mkdir("first/folder", 0755), 0);
}

static void remove_files(const char *directory)
{
	unlink("first/good");
	unlink("first/later");
	rmdir("first/folder");
	rmdir("first");
	unlink("good");
	unlink("plain");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void test_command_find(void **state)
{
	static const struct {
		const char *path; /* value of PATH; NULL: not set */
		const char *name;
		int exit_status;
		const char *expected; /* path or message */
	} cases[] = {
		{"first:.", "good", 0, "./good"},
		{"first:", "good", 0, "./good"},
		{"", "good", 0, "./good"},
		{":first", "good", 0, "./good"},
		{"first::/nowhere", "good", 0, "./good"},
		{"/nowhere:first", "later", 0, "first/later"},
		{"first", "good", 126, "good: Permission denied"},
		{"first", "folder", 126, "folder: Is a directory"},
		{"first", "python3x", 127, "python3x: command not found"},
		{"good", "later", 127, "later: command not found"},
		{NULL, "sh", 0, "/bin/sh"},
		{"/nowhere", "sh", 127, "sh: command not found"},
		{"/nowhere", "./good", 0, "./good"},
		{"/nowhere", "first/later", 0, "first/later"},
		{"first", "./plain", 126, "./plain: Permission denied"},
		{"first", "./first", 126, "./first: Is a directory"},
		{"first", "./later", 127, "./later: No such file or directory"},
		{"first", "good/later", 127, "good/later: Not a directory"},
		{"first", "", 127, "'': command not found"},
	};
	AUTO_FREE char *saved = mem_strdup(getenv("PATH"));
	char directory[32];

	(void)state;
	make_files(directory);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *path = NULL;
		struct err e = {0};

		if (cases[i].path)
			setenv("PATH", cases[i].path, 1);
		else
			unsetenv("PATH");
		if (host_command_find(cases[i].name, &path, &e) == 0)
			snprintf(e.text, sizeof(e.text), "%s", path);
		if (e.exit_status != cases[i].exit_status)
			fail_msg("'%s' in '%s': %d %s", cases[i].name, cases[i].path, e.exit_status,
				 e.text);
		/* The default path is the system's own affair. */
		if (cases[i].path)
			assert_string_equal(e.text, cases[i].expected);
	}
	if (saved)
		setenv("PATH", saved, 1);
	remove_files(directory);
}

/* Where a process's control group is found: the ways in which version 2 is mounted. */
static void test_cgroup_path(void **state)
{
	static const char unified[] =
		"22 1 0:20 / /sys rw - sysfs sysfs rw\n"
		"30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
	static const char hybrid[] =
		"31 30 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
		"32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
	static const char bound[] = "30 22 0:26 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
	static const struct {
		const char *cgroup, *mountinfo, *expected;
	} cases[] = {
		{"0::/user.slice/app.scope\n", unified, "/sys/fs/cgroup/user.slice/app.scope"},
		{"0::/\n", unified, "/sys/fs/cgroup"},
		{"8:pids:/a\n0::/b\n", hybrid, "/sys/fs/cgroup/unified/b"},
		{"0::/docker/1/x\n", bound, "/sys/fs/cgroup/x"},
		{"0::/docker/1\n", bound, "/sys/fs/cgroup"},
		{"0::/elsewhere\n", bound, NULL},
		{"0::/../outside\n", unified, NULL},
		{"8:pids:/a\n", unified, NULL},
		{"0::/a\n", "31 30 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw\n", NULL},
		{"", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *path = host_cgroup_path(cases[i].cgroup, cases[i].mountinfo);

		if (cases[i].expected)
			assert_string_equal(path, cases[i].expected);
		else
			assert_null(path);
	}
}

static void write_executable(const char *name, const char *text, size_t length)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static void test_interpreters(void **state)
{
	static const struct {
		const char *text; /* of the script */
		int exit_status;
		const char *message; /* "" none */
	} cases[] = {
		{"#!/bin/sh\n", 0, ""},
		{"#!/bin/sh -e\n", 0, ""},
		{"#! \t/bin/sh \t\n", 0, ""},
		{"#!/bin/sh", 0, ""},
		{"#!\n", 0, ""},
		{"#!", 0, ""},
		{"", 0, ""},
		{"echo no first line\n", 0, ""},
		{"#!/bin/sh\r\n", 127,
		 "./x: its interpreter '/bin/sh\r' does not exist (its lines end with CR LF)"},
		{"#!/no/such/python -u\n", 127,
		 "./x: its interpreter '/no/such/python' does not exist"},
		{"#!/bin/sh/python\n", 127, "./x: its interpreter '/bin/sh/python' does not exist"},
		{"#!./plain\n", 126, "./x: its interpreter './plain' cannot be executed"},
		{"#!first\n", 126, "./x: its interpreter 'first' cannot be executed"},
		{"#!good\n", 0, ""},
		{"#!sh\n", 127, "./x: its interpreter 'sh' does not exist"},
		{"#!./my-script\n", 127, "./my-script: its interpreter '/gone' does not exist"},
		{"#!./x\n", 126, "./x: too many interpreters"},
		{"#!/usr/bin/env sh\n", 0, ""},
		{"#!/usr/bin/env nosuchpython\n", 127,
		 "./x: its interpreter, looked up by env: nosuchpython: command not found"},
		{"#!/usr/bin/env sh\r\n", 127,
		 "./x: its interpreter, looked up by env: sh\r: command not found "
		 "(its lines end with CR LF)"},
		{"#!/usr/bin/env sh -e\n", 127,
		 "./x: its interpreter, looked up by env: sh -e: command not found"},
		{"#!/usr/bin/env -S sh -e\n", 0, ""},
		{"#!/usr/bin/env -Snosuch -u\n", 127,
		 "./x: its interpreter, looked up by env: nosuch: command not found"},
		{"#!/usr/bin/env -S A=1 nosuch\n", 0, ""},
		{"#!/usr/bin/env -S PATH=/opt nosuch\n", 0, ""},
		{"#!/usr/bin/env -i nosuch\n", 0, ""},
		{"#!/usr/bin/env -S -u A nosuch\n", 0, ""},
		{"#!/usr/bin/env -S '$NOSUCH'\n", 0, ""},
		{"#!/usr/bin/env\n", 0, ""},
		{"#!/usr/bin/env my-script\n", 127,
		 "./my-script: its interpreter '/gone' does not exist"},
	};
	AUTO_FREE char *saved = mem_strdup(getenv("PATH"));
	char directory[32];

	(void)state;
	make_files(directory);
	write_executable("my-script", "#!/gone\n", 8);
	setenv("PATH", "/usr/bin:/bin:.", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};

		write_executable("x", cases[i].text, strlen(cases[i].text));
		host_interpreter_check("./x", &e);
		if (e.exit_status != cases[i].exit_status || strcmp(e.text, cases[i].message) != 0)
			fail_msg("%s: %d '%s'", cases[i].text, e.exit_status, e.text);
	}
	setenv("PATH", saved ? saved : "", 1);
	unlink("x");
	unlink("my-script");
	remove_files(directory);
}

/* A program's loader: this test's own is there, and is not when its name is another. */
static void test_loader(void **state)
{
	static char program[1 << 16];
	struct err e = {0};
	char directory[32];
	ssize_t n;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	n = read(fd, program, sizeof(program));
	close(fd);
	assert_true(n > 4096);
	make_files(directory);
	write_executable("x", program, (size_t)n);
	assert_int_equal(host_interpreter_check("./x", &e), 0);
	for (char *p = program; (p = memmem(p, (size_t)(program + n - p), "/ld-", 4)); p++)
		memcpy(p, "/no-", 4);
	write_executable("x", program, (size_t)n);
	assert_int_equal(host_interpreter_check("./x", &e), -ENOENT);
	assert_int_equal(e.exit_status, 127);
	assert_non_null(strstr(e.text, "./x: its loader '/lib"));
	/* Cut anywhere, it is no error and no crash. */
	for (ssize_t length = 0; length < 2048; length++) {
		write_executable("x", program, (size_t)length);
		host_interpreter_check("./x", &e);
	}
	unlink("x");
	remove_files(directory);
}

/* Of root's groups this is certain; of an account that nobody knows nothing is. */
static void test_groups_of_an_account(void **state)
{
	const char *const names[] = {"root", "no-such-group-anywhere"};
	enum host_member members[2];
	uid_t unknown = 64999;

	(void)state;
	host_account_groups(0, names, 2, members);
	assert_int_equal(members[0], HOST_MEMBER);
	assert_int_equal(members[1], HOST_NO_MEMBER);
	while (getpwuid(unknown))
		unknown--;
	host_account_groups(unknown, names, 2, members);
	assert_int_equal(members[0], HOST_MEMBER_UNKNOWN);
	assert_int_equal(members[1], HOST_MEMBER_UNKNOWN);
	assert_true(host_group_exists("root"));
	assert_false(host_group_exists("no-such-group-anywhere"));
}

/* A uid inside of other pids is nobody's, one that a user namespace translates is. */
static void test_inside(void **state)
{
	static const struct {
		int flags;
		bool inside;
	} rows[] = {{0, false}, {CLONE_NEWPID, true}, {CLONE_NEWPID | CLONE_NEWUSER, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int said[2], held[2];
		pid_t outer, inner = 0;

		assert_int_equal(pipe2(said, O_CLOEXEC), 0);
		assert_int_equal(pipe2(held, O_CLOEXEC), 0);
		outer = fork();
		if (outer == 0) {
			bool separate = !rows[i].flags || unshare(rows[i].flags) == 0;
			pid_t child = separate ? fork() : -1;
			char byte;

			close(held[1]);
			if (child != 0)
				(void)!write(said[1], &child, sizeof(child));
			(void)!read(held[0], &byte, 1);
			_exit(0);
		}
		close(said[1]);
		assert_int_equal(read(said[0], &inner, sizeof(inner)), sizeof(inner));
		if (inner > 0)
			assert_int_equal(host_process_is_inside(inner), rows[i].inside);
		else
			print_message("# no such namespaces here: %d\n", rows[i].flags);
		close(held[1]);
		close(held[0]);
		close(said[0]);
		waitpid(outer, NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroup_path),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_stat_parse),
		cmocka_unit_test(test_stat_parse_refuses),
		cmocka_unit_test(test_timens_boot),
		cmocka_unit_test(test_environ_find),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_foreign_life),
		cmocka_unit_test(test_hidden_life),
		cmocka_unit_test(test_foreign_end),
		cmocka_unit_test(test_ignored_signals),
		cmocka_unit_test(test_arguments_and_variables),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_container_by_id),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_groups_of_an_account),
		cmocka_unit_test(test_command_find),
		cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_loader),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
