/* Getting hold of a configuration file without ever waiting for it. */
#include "conf/doc/doc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Linux's fixed number of /dev/null, the one device that makes sense: "no configuration file". */
#define DEV_NULL makedev(1, 3)

/* Refuses what would block (FIFO, terminal), never end (/dev/zero) or is no text (directory). */
static int check_type(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s: is a directory, not a configuration file", path);
	if (S_ISCHR(st.st_mode) && st.st_rdev == DEV_NULL)
		return 0;
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: is not a regular file", path);
	if (st.st_size > DOC_BYTES_MAX)
		return err_set(e, EFBIG, "%s: larger than %d KiB", path, DOC_BYTES_MAX / 1024);
	return 0;
}

/* Reads at most DOC_BYTES_MAX + 1 bytes: one more than doc_parse takes, so that it notices. */
static int read_all(int fd, const char *path, char *bytes, size_t *ret_length, struct err *e)
{
	size_t length = 0;

	while (length <= DOC_BYTES_MAX) {
		ssize_t n = read(fd, bytes + length, DOC_BYTES_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "%s", path);
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

static int load(const char *path, struct doc_node **ret_root, struct err *e)
{
	AUTO_CLOSE int fd = file_open_as_user(path, O_NOCTTY | O_NONBLOCK);
	AUTO_FREE char *bytes = NULL;
	size_t length = 0;
	int r;

	if (fd < 0)
		return err_sys(e, errno, "cannot read the configuration file '%s'", path);
	if ((r = check_type(fd, path, e)))
		return r;
	bytes = mem_alloc(DOC_BYTES_MAX + 1, 1);
	if ((r = read_all(fd, path, bytes, &length, e)))
		return r;
	return doc_parse(path, doc_format_of(path), bytes, length, ret_root, e);
}

int doc_load(const char *path, struct doc_node **ret_root, struct err *e)
{
	int r = load(path, ret_root, e);

	if (r)
		(void)err_exit_status(e, EXIT_STATUS_USAGE);
	return r;
}
