/*
 * Processes for the tests of src/host: shells that say their pid, then wait on a pipe until they
 * are told to end. No sleeps: a pid that was read belongs to a process that runs.
 */
#ifndef TESTS_UNIT_SPAWN_H
#define TESTS_UNIT_SPAWN_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/tree.h"

/* Says its pid and waits for the end of its input. */
#define SPAWN_WAIT "echo $$; read x"

struct spawn {
	pid_t pid;   /* the child */
	int in, out; /* its standard input and output, our ends */
};

enum spawn_how {
	SPAWN_PLAIN,
	SPAWN_GROUP,  /* in the process group that is named; 0: leads a new one */
	SPAWN_ORPHAN, /* in a session of its own and not our child: its pid field is 0 */
};

/* Starts `sh -c script` with this variable as its whole environment (NULL: none). */
static inline struct spawn spawn_as(const char *script, const char *variable, enum spawn_how how,
				    pid_t group)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	char *const envp[] = {(char *)variable, NULL};
	struct spawn s = {0};
	int to[2], from[2];

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		if (how == SPAWN_GROUP && setpgid(0, group) < 0)
			_exit(126);
		if (how == SPAWN_ORPHAN && (setsid() < 0 || fork() != 0))
			_exit(0);
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	s.in = to[1];
	s.out = from[0];
	if (how == SPAWN_ORPHAN) {
		assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
		s.pid = 0;
	}
	return s;
}

static inline struct spawn spawn_sh(const char *script)
{
	return spawn_as(script, NULL, SPAWN_PLAIN, 0);
}

/* The next pid that the process, or one of its children, says. */
static inline pid_t spawn_pid(const struct spawn *s)
{
	char line[32];
	size_t length = 0;

	while (length < sizeof(line) - 1 && read(s->out, &line[length], 1) == 1)
		if (line[length++] == '\n')
			break;
	line[length] = '\0';
	assert_true(atoi(line) > 0);
	return atoi(line);
}

static inline struct process_ref spawn_ref(pid_t pid)
{
	struct process_ref ref = {0};

	assert_int_equal(host_process_ref(pid, &ref, NULL), 0);
	return ref;
}

/* Ends the child, by force if need be, and waits for it. */
static inline void spawn_end(struct spawn *s)
{
	close(s->in);
	close(s->out);
	if (s->pid) {
		kill(s->pid, SIGKILL);
		assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	}
}

/* Waits until a process that may not be our child has ended. */
static inline void spawn_wait_gone(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 60000), 1);
	close(pidfd);
}

/* Runs a check in a child of its own, where it may change its uid or session; 0 is success. */
static inline int spawn_check(int (*check)(void))
{
	pid_t child = fork();
	int status = -1;

	assert_true(child >= 0);
	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#endif
