/* Handles on processes that cannot slip to a later process of the same pid. Part of host/tree.h. */
#include "host/tree.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

int host_pidfd_open(const struct process_ref *ref, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (ref->pid <= 0)
		return err_set(e, ESRCH, "there is no process %d", (int)ref->pid);
	fd = (int)syscall(SYS_pidfd_open, ref->pid, 0);
	/* EINVAL, or ENOENT from newer kernels: a thread has the number now. */
	if (fd < 0 && errno != ESRCH && errno != EINVAL && errno != ENOENT)
		return err_sys(e, errno, "cannot open a handle on process %d", (int)ref->pid);
	/* Only now, with the handle open, the comparison settles whose handle it is. */
	if (fd < 0 || host_process_life(ref) == HOST_GONE)
		return err_set(e, ESRCH, "there is no process %d any more", (int)ref->pid);
	*ret_fd = fd;
	fd = -1;
	return 0;
}
