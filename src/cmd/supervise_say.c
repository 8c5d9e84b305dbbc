/* A word from the supervisor on the standard error of its command. */
#include "cmd/supervise_say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "host/process.h"

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
	snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)command->pid);
	/* Opened anew through /proc: at the end of a file, and without becoming our terminal. */
	fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || host_process_life(command) != HOST_ALIVE)
		return;
	if (write(fd, full, strlen(full)) < 0)
		return;
}
