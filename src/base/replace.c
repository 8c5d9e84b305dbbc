/* Writing a file that is there as a whole or not at all: file_replace of file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A pipe, a device: what is written there cannot be taken back. */
static int write_through(const char *path, const void *bytes, size_t size)
{
	AUTO_CLOSE int fd = file_open_as_user(path, O_WRONLY | O_NOCTTY);

	return fd < 0 ? -errno : write_all(fd, bytes, size);
}

/* So that the new name survives a power cut; a file system that cannot is no reason to fail. */
static void sync_directory_of(const char *path)
{
	AUTO_FREE char *directory = mem_strdup(path);
	char *slash = strrchr(directory, '/');
	AUTO_CLOSE int fd = -1;

	if (slash)
		slash[slash == directory] = '\0';
	fd = file_open_as_user(slash ? directory : ".", O_DIRECTORY);
	if (fd >= 0)
		(void)fsync(fd);
}

/* Into a temporary file, which then gets its name. */
static int write_temporary(const char *path, const void *bytes, size_t size)
{
	AUTO_FREE char *temporary = mem_printf("%s.XXXXXX", path);
	AUTO_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, size);
	if (r == 0 && (fsync(fd) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(temporary);
	else
		sync_directory_of(path);
	return r;
}

char *file_resolved_path(const char *path)
{
	char *real = realpath(path, NULL);
	const char *name = strrchr(path, '/');
	AUTO_FREE char *parent = name ? mem_printf("%.*s/", (int)(name - path), path) : NULL;
	AUTO_FREE char *directory = real ? NULL : realpath(parent ? parent : ".", NULL);

	if (real)
		return real;
	name = name ? name + 1 : path;
	return directory ? mem_printf("%s/%s", directory[1] ? directory : "", name)
			 : mem_strdup(path);
}

/*
 * Where a link leads, which stays one. The kernel is asked first, and the answer must be of the
 * same file: it refuses a link that somebody else has put into a sticky folder
 * (fs.protected_symlinks), which reading the link oneself does not.
 */
static int resolve(const char *path, char **ret_target, bool *ret_is_special)
{
	AUTO_FREE char *target = NULL;
	struct stat named, st;
	bool is_there = stat(path, &named) == 0;

	if (!is_there && errno != ENOENT)
		return -errno;
	target = file_resolved_path(path);
	if (is_there != (stat(target, &st) == 0) ||
	    (is_there && (st.st_dev != named.st_dev || st.st_ino != named.st_ino)))
		return -ELOOP;
	*ret_is_special = is_there && !S_ISREG(st.st_mode);
	*ret_target = mem_steal(&target);
	return 0;
}

int file_replace(const char *path, const void *bytes, size_t size, struct err *e)
{
	AUTO_FREE char *target = NULL;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigset_t ending, mask;
	bool is_special = false;
	int r = resolve(path, &target, &is_special);

	if (r < 0)
		return err_sys(e, -r, "cannot write '%s'", path);
	/* Ctrl-C waits, so that no temporary file is left; `ulimit -f` is an error like a full
	 * disk. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGQUIT);
	sigaddset(&ending, SIGTERM);
	sigaction(SIGXFSZ, &ignore, &before);
	if (is_special) {
		r = write_through(target, bytes, size);
	} else {
		sigprocmask(SIG_BLOCK, &ending, &mask);
		r = write_temporary(target, bytes, size);
		sigprocmask(SIG_SETMASK, &mask, NULL);
	}
	sigaction(SIGXFSZ, &before, NULL);
	return r < 0 ? err_sys(e, -r, "cannot write '%s'", path) : 0;
}
