/* Lines for the host's log; see log.h. Not by syslog(3), which waits for a log that has no room. */
#include "tell/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define LOG_SOCKET "/dev/log"

void tell_log(const char *format, ...)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = LOG_SOCKET};
	AUTO_FREE char *safe = NULL, *line = NULL;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	safe = text_printable(text);
	line = mem_printf("<%d>canhazgpu[%d]: %s", LOG_DAEMON | LOG_NOTICE, (int)getpid(), safe);
	if (fd >= 0)
		(void)!sendto(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&address, sizeof(address));
}
