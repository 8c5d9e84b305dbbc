/* Files that the user names, and the standard handles that a caller has closed. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

/* Longer ones are no passwords, but a wrong file. */
#define PASSWORD_MAX 1024

int file_read_password(const char *path, const char *setting, char **ret_password, struct err *e)
{
	char text[PASSWORD_MAX + 2] = "";
	AUTO_FCLOSE FILE *file = file_stream_as_user(path);
	int code = errno;

	if (!file || !fgets(text, sizeof(text), file))
		return err_set(e, file ? ENODATA : code,
			       "cannot read the password in '%s' (%s): %s", path, setting,
			       file ? "it is empty" : strerror(code));
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || strlen(text) > PASSWORD_MAX)
		return err_usage(e, "'%s' (%s) must hold a password of 1 to %d bytes", path,
				 setting, PASSWORD_MAX);
	*ret_password = mem_strdup(text);
	explicit_bzero(text, sizeof(text));
	return 0;
}

char *file_absolute_path(const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (!path || *path == '/')
		return mem_strdup(path);
	cwd = getcwd(NULL, 0);
	return cwd ? mem_printf("%s/%s", cwd, path) : mem_strdup(path);
}

/* Where the kernel has no close_range (before 5.9), or a container's filter refuses it. */
static void close_listed(int first, int last)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *entry;
	struct rlimit limit = {.rlim_cur = 1024};

	while (list && (entry = readdir(list))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name != '.' && fd >= first && fd <= last && fd != dirfd(list))
			close(fd);
	}
	if (list) {
		closedir(list);
		return;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = first; fd <= last && (rlim_t)fd < limit.rlim_cur; fd++)
		close(fd);
}

static void close_from(int first, int last)
{
	if (first <= last && syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0) < 0)
		close_listed(first, last);
}

bool file_has_close_range(void)
{
	/* No descriptor has that number. */
	return syscall(SYS_close_range, (unsigned)INT_MAX, (unsigned)INT_MAX, 0) == 0;
}

void file_close_all_but(int kept)
{
	if (kept <= STDERR_FILENO) {
		close_from(STDERR_FILENO + 1, INT_MAX);
		return;
	}
	close_from(STDERR_FILENO + 1, kept - 1);
	close_from(kept + 1, INT_MAX);
}

void file_occupy_standard_handles(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null",
				    (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	}
}
