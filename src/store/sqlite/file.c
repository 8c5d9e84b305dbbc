/* The files around a database: creation with the right modes, and what to say when that fails. */
#include "store/sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"

#define INSTALLED_NAME "canhazgpu.db"

/* The directory part of an absolute path; the caller frees it. */
static char *parent_of(const char *path)
{
	char *parent = mem_strdup(path);
	char *slash = strrchr(parent, '/');

	slash[slash == parent ? 1 : 0] = '\0';
	return parent;
}

mode_t sqlite_file_mode(const char *path)
{
	AUTO_FREE char *parent = parent_of(path);
	struct stat dir;

	if (stat(parent, &dir) == 0 && (dir.st_mode & S_ISGID) && (dir.st_mode & S_IWGRP))
		return 0660;
	return 0600;
}

/* The one file that is a pool there: the directory also has its journal and others that SQLite
   trusts. */
static bool has_installed_name(const char *path)
{
	return !strcmp(strrchr(path, '/') + 1, INSTALLED_NAME);
}

bool sqlite_file_is_installed(const char *path)
{
	AUTO_FREE char *parent = parent_of(path);

	return has_installed_name(path) && privilege_applies_to(parent);
}

char *sqlite_file_path(const char *path)
{
	AUTO_FREE char *parent = parent_of(path);
	char *directory = privilege_is_held() ? realpath(parent, NULL) : NULL;
	char *fixed = directory && privilege_applies_to(directory)
			      ? mem_printf("%s/%s", directory, strrchr(path, '/') + 1)
			      : mem_strdup(path);

	free(directory);
	return fixed;
}

int sqlite_file_refused(const char *what, const char *path, int code, struct err *e)
{
	AUTO_FREE char *parent = parent_of(path);
	AUTO_FREE char *why = NULL;
	struct stat file;

	if (code == EROFS)
		return err_set(e, code, "cannot %s %s: the file system is read-only", what, path);
	if (code == ENOSPC)
		return err_set(e, code, "cannot %s %s: the disk is full", what, path);
	if (code == EDQUOT)
		return err_set(e, code, "cannot %s %s: the disk quota is used up", what, path);
	if (code == EFBIG)
		return err_set(
			e, code,
			"cannot %s %s: the file would exceed the size limit of this process (ulimit -f)",
			what, path);
	if (code != EACCES && code != EPERM)
		return err_sys(e, code, "cannot %s %s", what, path);
	if (privilege_applies_to(parent) && !has_installed_name(path))
		return err_set(e, code,
			       "cannot %s %s: permission denied: the only pool in that directory "
			       "is " INSTALLED_NAME,
			       what, path);
	if (stat(path, &file) == 0 || stat(parent, &file) == 0)
		why = privilege_problem(file.st_gid);
	return err_set(e, code, "cannot %s %s: permission denied: %s", what, path,
		       why ? why
			   : "ask the administrator for access, or use a pool of your own with "
			     "--store");
}

int sqlite_file_create(const char *path, mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode);

	if (fd < 0)
		return errno == EEXIST ? 0 : sqlite_file_refused("create", path, errno, e);
	if (fchmod(fd, mode) < 0)
		return err_sys(e, errno, "cannot set the mode of %s", path);
	return 0;
}

int sqlite_file_make_parents(const char *path, struct err *e)
{
	AUTO_FREE char *parent = parent_of(path);
	int r;

	if (mkdir(parent, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return sqlite_file_refused("create", parent, errno, e);
	r = sqlite_file_make_parents(parent, e);
	if (r < 0)
		return r;
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return sqlite_file_refused("create", parent, errno, e);
	return 0;
}

int sqlite_file_open_gate(const char *path, mode_t mode, int *ret_fd, struct err *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY), r;

	if (fd < 0 && errno == ENOENT) {
		r = sqlite_file_create(path, mode, e);
		if (r < 0)
			return r;
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	}
	if (fd < 0)
		return sqlite_file_refused("open", path, errno, e);
	*ret_fd = fd;
	return 0;
}

void sqlite_file_touch(const char *path, mode_t mode)
{
	if (utimensat(AT_FDCWD, path, NULL, 0) < 0 && errno == ENOENT)
		sqlite_file_create(path, mode, NULL);
}
