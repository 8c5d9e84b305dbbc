/* Opening files that the user names. */
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
