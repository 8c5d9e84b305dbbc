/* Files that the user names, and the standard handles that a caller has closed. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "base/mem.h"

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

char *file_absolute_path(const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (!path || *path == '/')
		return mem_strdup(path);
	cwd = getcwd(NULL, 0);
	return cwd ? mem_printf("%s/%s", cwd, path) : mem_strdup(path);
}

void file_occupy_standard_handles(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null",
				    (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	}
}
