/* Messages of a supervisor to the user; see say.h. */
#include "supervise/say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "host/process.h"

/* The log file on our own standard error, if there is one; else -1. */
static int say_to_log(void)
{
	struct stat log;

	if (fstat(STDERR_FILENO, &log) < 0 || !S_ISREG(log.st_mode))
		return -1;
	return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

/*
 * The standard error of the command, opened a second time; -1: nothing that can be written. Where
 * root watches the processes of another account, it must be a file of theirs, or a pipe: they can
 * put there what they themselves may only read.
 */
static int say_to_command(const struct process_ref *command)
{
	AUTO_CLOSE int found = -1;
	struct process_info info;
	struct stat file;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)command->pid);
	found = open(path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &file) < 0 ||
	    host_process_read(command->pid, &info, NULL) < 0 ||
	    host_process_life(command) != HOST_ALIVE)
		return -1;
	if (getuid() == 0 && info.uid != 0 && file.st_uid != info.uid && !S_ISFIFO(file.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

void supervise_say(const struct process_ref *command, const char *format, ...)
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
	/* A log file was left open for this, see launch.c; anything else is opened through /proc.
	 */
	fd = say_to_log();
	if (fd < 0)
		fd = say_to_command(command);
	if (fd < 0 || write(fd, full, strlen(full)) < 0)
		return;
}
