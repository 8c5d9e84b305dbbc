/* Opening files that the user names, and the standard handles that a caller has closed. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <unistd.h>

int file_open_as_user(const char *path, int flags)
{
	int own_group = setfsgid(getgid());
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int code = errno;

	setfsgid((gid_t)own_group);
	errno = code;
	return fd;
}

FILE *file_stream_as_user(const char *path)
{
	int fd = file_open_as_user(path, 0);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

void file_occupy_standard_handles(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null",
				    (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	}
}
