/* Lines from the supervisor on the standard error of its command; see say.h. */
#include "supervise/say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "host/process.h"
#include "supervise/supervisor.h"

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_rdev == b->st_rdev;
}

/* A handle of what a process has as its standard error, for looking at it only; -1: none. */
static int stderr_of(const struct process_ref *process, struct stat *ret_file)
{
	AUTO_CLOSE int found = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)process->pid);
	found = open(path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, ret_file) < 0 || host_process_life(process) != HOST_ALIVE)
		return -1;
	return mem_steal_fd(&found);
}

/* What the process sees as a terminal, by its name. */
static void note_terminal(struct say_target *t, const struct process_ref *command)
{
	char link[64];
	ssize_t length;

	if (!S_ISCHR(t->file.st_mode))
		return;
	snprintf(link, sizeof(link), "/proc/%d/fd/2", (int)command->pid);
	length = readlink(link, t->path, sizeof(t->path));
	t->path[length > 0 && (size_t)length < sizeof(t->path) ? length : 0] = '\0';
}

void say_target_init(struct say_target *t, const struct process_ref *command)
{
	AUTO_CLOSE int found = -1;
	struct stat own;

	*t = (struct say_target){.socket_fd = -1};
	found = stderr_of(command, &t->file);
	if (found >= 0)
		note_terminal(t, command);
	/* launch.c leaves a socket on our own standard error. */
	if (fstat(STDERR_FILENO, &own) == 0 && S_ISSOCK(own.st_mode))
		t->socket_fd = STDERR_FILENO;
}

void say_target_check(struct say_target *t, const struct process_ref *command)
{
	AUTO_CLOSE int found = -1;
	struct stat file;

	if (t->socket_fd < 0)
		return;
	found = stderr_of(command, &file);
	if (found < 0 || !is_same_file(&file, &t->file))
		say_target_clear(t);
}

void say_target_clear(struct say_target *t)
{
	AUTO_CLOSE int null_fd = -1;

	if (t->socket_fd < 0)
		return;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null_fd, STDERR_FILENO);
	t->socket_fd = -1;
}

/* The log file on our own standard error, if there is one; else -1. */
static int say_to_log(void)
{
	struct stat log;

	if (fstat(STDERR_FILENO, &log) < 0 || !S_ISREG(log.st_mode))
		return -1;
	return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

/* Opens what was found for a line at its end. Neither does it become our terminal, nor is it waited
   for. */
static int open_for_line(int found)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/*
 * What a process has as its standard error, opened again; -1: nothing that can be written. Where
 * root watches the processes of somebody else, it must be a file of theirs, or a pipe: they can put
 * there what they themselves may only read.
 */
static int say_to_process(const struct process_ref *process, const struct stat *expected)
{
	AUTO_CLOSE int found = -1;
	struct process_info info;
	struct stat file;

	found = stderr_of(process, &file);
	if (found < 0 || host_process_read(process->pid, &info, NULL) < 0 ||
	    (expected && !is_same_file(&file, expected)))
		return -1;
	if (getuid() == 0 && info.uid != 0 && file.st_uid != info.uid && !S_ISFIFO(file.st_mode))
		return -1;
	return open_for_line(found);
}

/* The terminal that the command had: its name may belong to another one by now, or in the command's
   mount namespace alone. So it is compared before it is opened, which for some devices is more than
   a look. */
static int say_to_terminal(const struct say_target *t)
{
	AUTO_CLOSE int found = -1;
	struct stat file;

	if (!*t->path)
		return -1;
	found = open(t->path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &file) < 0 || !is_same_file(&file, &t->file) ||
	    file.st_uid != getuid())
		return -1;
	return open_for_line(found);
}

/* Where the line can be written now; -1: nowhere. The caller closes it. */
static int say_open(const struct supervisor *s)
{
	int fd = say_to_log();

	if (fd < 0)
		fd = say_to_process(s->command, NULL);
	if (fd < 0)
		fd = say_to_terminal(&s->target);
	for (size_t i = 0; fd < 0 && i < s->tree.members_count; i++)
		fd = say_to_process(&s->tree.members[i], &s->target.file);
	return fd;
}

void supervise_say(const struct supervisor *s, const char *format, ...)
{
	char line[1200];
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *safe = NULL, *full = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	safe = text_printable(line);
	full = mem_printf("canhazgpu: %s\n", safe);
	if (s->target.socket_fd >= 0 &&
	    send(s->target.socket_fd, full, strlen(full), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	fd = say_open(s);
	if (fd < 0 || write(fd, full, strlen(full)) < 0)
		return;
}
