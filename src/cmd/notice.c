/* Texts that are not waited for; see notice.h. */
#include "cmd/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define REOPEN_FLAGS (O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)

/* Whether both are the same terminal, whatever they were opened as. */
static bool is_same_terminal(int a, int b)
{
	unsigned a_device = 0, b_device = 0;

	return ioctl(a, TIOCGDEV, &a_device) == 0 && ioctl(b, TIOCGDEV, &b_device) == 0 &&
	       a_device == b_device;
}

/*
 * Standard error, opened again: O_NONBLOCK on the descriptor itself would be seen by all who share
 * it, the command among them. The terminal of somebody else (after su) can be opened by the name
 * that every process has for its own. -1: neither.
 */
static int reopen(bool terminal)
{
	AUTO_CLOSE int fd = file_open_as_user("/proc/self/fd/2", REOPEN_FLAGS);

	if (fd >= 0 || !terminal)
		return mem_steal_fd(&fd);
	fd = file_open_as_user("/dev/tty", REOPEN_FLAGS);
	return fd >= 0 && is_same_terminal(fd, STDERR_FILENO) ? mem_steal_fd(&fd) : -1;
}

/* What nobody can ever read (it was closed, or its terminal is gone) is as good as written: to try
   again would be for nothing. */
static bool write_all(int fd, const char *text, size_t length)
{
	ssize_t n = write(fd, text, length);

	return n == (ssize_t)length || (n < 0 && (errno == EBADF || errno == EIO));
}

/* A pipe or terminal takes a short text without delay when poll says that it takes anything. */
static bool write_if_ready(const char *text, size_t length)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&fd, 1, 0) > 0 && write_all(STDERR_FILENO, text, length);
}

bool notice_write(const char *text)
{
	/* So much goes into a pipe as a whole or not at all. */
	size_t length = strnlen(text, PIPE_BUF);
	AUTO_CLOSE int fd = -1;
	struct stat file;
	bool terminal;

	if (fstat(STDERR_FILENO, &file) < 0)
		return true;
	if (S_ISSOCK(file.st_mode))
		return send(STDERR_FILENO, text, length, MSG_DONTWAIT) == (ssize_t)length;
	terminal = S_ISCHR(file.st_mode) && isatty(STDERR_FILENO);
	/* A file is written where all who share the descriptor have come to. */
	if (!terminal && !S_ISFIFO(file.st_mode))
		return write_all(STDERR_FILENO, text, length);
	fd = reopen(terminal);
	return fd >= 0 ? write_all(fd, text, length) : write_if_ready(text, length);
}

bool notice(const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	return length >= 0 && notice_write(text);
}
