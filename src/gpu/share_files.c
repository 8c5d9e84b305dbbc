/* The files of shared scans; see share_files.h. */
#include "gpu/share_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/privilege.h"

/* A scan of 1,024 GPUs with their processes is below a MiB. */
#define TEXT_MAX ((off_t)4 << 20)

#define EXPIRE_SECONDS (24 * 3600)

void share_directory_open(struct share_directory *d, const char *path)
{
	struct stat st;

	*d = (struct share_directory){.fd = -1};
	if (!path)
		return;
	d->is_groups = privilege_shares(path, &d->group);
	if (d->is_groups)
		privilege_raise();
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->is_groups)
		privilege_lower();
	if (d->fd < 0)
		return;
	/* In the group's directory files belong to whoever made them: others must not reach them.
	 */
	if (fstat(d->fd, &st) < 0 ||
	    (d->is_groups ? st.st_uid != 0 || st.st_gid != d->group || (st.st_mode & S_IRWXO)
			  : st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))))
		mem_auto_close(&d->fd);
}

void share_directory_close(struct share_directory *d)
{
	mem_auto_close(&d->fd);
}

static bool is_trusted(const struct share_directory *d, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
		return false;
	if (d->is_groups)
		return st->st_gid == d->group && !(st->st_mode & S_IRWXO);
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Not blocked by a FIFO that somebody has put there, and through no link. */
static int open_file(const struct share_directory *d, const char *name, int flags)
{
	mode_t mode = d->is_groups ? 0660 : 0600, mask;
	int fd;

	if (d->fd < 0)
		return -1;
	if (d->is_groups)
		privilege_raise();
	mask = umask(0);
	fd = openat(d->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, mode);
	umask(mask);
	if (d->is_groups)
		privilege_lower();
	return fd;
}

int share_file_open(const struct share_directory *d, const char *name)
{
	AUTO_CLOSE int fd = open_file(d, name, O_RDWR | O_CREAT);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(d, &st))
		return -1;
	return mem_steal_fd(&fd);
}

/* Whether that name still leads to a file that was opened. */
static bool is_current(const struct share_directory *d, const char *name, int fd)
{
	struct stat named, opened;
	int r;

	if (d->is_groups)
		privilege_raise();
	r = fstatat(d->fd, name, &named, AT_SYMLINK_NOFOLLOW);
	if (d->is_groups)
		privilege_lower();
	return r == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
	       named.st_ino == opened.st_ino;
}

bool share_file_retire(const struct share_directory *d, const char *name, int fd)
{
	int r;

	if (!is_current(d, name, fd))
		return true;
	if (d->is_groups)
		privilege_raise();
	r = unlinkat(d->fd, name, 0);
	if (d->is_groups)
		privilege_lower();
	return r == 0 || errno == ENOENT;
}

/* All of the file, or as much as is there; NULL where it cannot be read. */
static char *read_text(int fd, off_t size)
{
	AUTO_FREE char *text = mem_alloc((size_t)size + 1, 1);
	ssize_t n, length = 0;

	while (length < size && (n = read(fd, text + length, (size_t)(size - length))) != 0) {
		if (n < 0 && errno != EINTR)
			return NULL;
		length += n > 0 ? n : 0;
	}
	return mem_steal(&text);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_size == b->st_size;
}

char *share_file_read(const struct share_directory *d, const char *name, struct stat *seen)
{
	AUTO_CLOSE int fd = open_file(d, name, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(d, &st) || st.st_size > TEXT_MAX ||
	    is_same_file(&st, seen))
		return NULL;
	*seen = st;
	return read_text(fd, st.st_size);
}

static bool write_all(int fd, const char *text)
{
	size_t length = strlen(text), done = 0;

	while (done < length) {
		ssize_t n = write(fd, text + done, length - done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

void share_file_replace(const struct share_directory *d, const char *name, const char *text)
{
	/* Of this process: one whose lock was taken from it writes as well. */
	AUTO_FREE char *temporary = mem_printf("%s.%d.new", name, (int)getpid());
	AUTO_CLOSE int fd = -1;
	bool written;

	if (d->fd < 0)
		return;
	if (d->is_groups)
		privilege_raise();
	/* What a writer that died has left. */
	unlinkat(d->fd, temporary, 0);
	fd = open_file(d, temporary, O_WRONLY | O_CREAT | O_EXCL);
	written = fd >= 0 && write_all(fd, text);
	if (!written || renameat(d->fd, temporary, d->fd, name) < 0)
		unlinkat(d->fd, temporary, 0);
	if (d->is_groups)
		privilege_lower();
}

static void expire_all(const struct share_directory *d, const char *prefix)
{
	time_t now = (time_t)(clock_now_ns() / NS_PER_SECOND);
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (fd >= 0 && !list)
		close(fd);
	while (list && (entry = readdir(list))) {
		if (!strncmp(entry->d_name, prefix, strlen(prefix)) &&
		    fstatat(d->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now - st.st_mtim.tv_sec > EXPIRE_SECONDS)
			unlinkat(d->fd, entry->d_name, 0);
	}
	if (list)
		closedir(list);
}

void share_files_expire(const struct share_directory *d, const char *prefix)
{
	if (d->fd < 0)
		return;
	if (d->is_groups)
		privilege_raise();
	expire_all(d, prefix);
	if (d->is_groups)
		privilege_lower();
}
