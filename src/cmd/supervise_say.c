/* A word from the supervisor on the standard error of its command. */
#include "cmd/supervise_say.h"

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

void supervise_say(const struct process_ref *command, const char *format, ...)
{
	char path[64], line[1200];
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *safe = NULL, *full = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	safe = text_printable(line);
	full = mem_printf("canhazgpu: %s\n", safe);
	/* A log file was left open for this, see launch.c; the rest is opened anew through /proc.
	 */
	fd = say_to_log();
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)command->pid);
		fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && host_process_life(command) != HOST_ALIVE)
			return;
	}
	if (fd < 0 || write(fd, full, strlen(full)) < 0)
		return;
}
