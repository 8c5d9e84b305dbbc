/*
 * Handles on processes that cannot slip to a later process of the same pid. Part of host/tree.h.
 *
 * Linux before 5.3 has no pidfd_open, and old filters of containers refuse it (EPERM, ENOSYS).
 * There a process of our own looks for the other one's end, and a signal is sent by pid.
 */
#include "host/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "host/identity.h"
#include "host/proc.h"

/* How often the end of a process is looked for without a pidfd. */
#define WATCH_MS 20

static bool is_refused_call(int code)
{
	return code == ENOSYS || code == EPERM;
}

bool host_has_pidfd(void)
{
	static int known = -1;
	AUTO_CLOSE int fd = -1;

	if (known < 0) {
		fd = pidfd_of(getpid());
		known = fd >= 0;
	}
	return known;
}

/* Until the process has ended, or nobody has the other end any more. */
__attribute__((noreturn)) static void watch(const struct process_ref *ref, int out)
{
	struct pollfd end = {.fd = out};

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	file_close_all_but(out);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd == out ? -1 : fd);
	while (host_process_life(ref) != HOST_GONE && poll(&end, 1, WATCH_MS) <= 0)
		continue;
	(void)!write(out, "", 1);
	_exit(EXIT_SUCCESS);
}

/* A pipe that becomes readable when the process has ended. The watching process is nobody's child
   here, so that nobody has to reap it. */
static int open_watched(const struct process_ref *ref)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0)
			watch(ref, ends[1]);
		_exit(grandchild > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(ends[1]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (child > 0)
		return ends[0];
	close(ends[0]);
	errno = EAGAIN;
	return -1;
}

int host_pidfd_open(const struct process_ref *ref, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (ref->pid <= 0)
		return err_set(e, ESRCH, "there is no process %d", (int)ref->pid);
	fd = pidfd_of(ref->pid);
	if (fd < 0 && is_refused_call(errno))
		fd = open_watched(ref);
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

/* Whether the process is that account's. Asked with the handle open, so that it is of that one. */
static int check_owner(const struct process_ref *ref, uid_t uid, struct err *e)
{
	struct process_info info;
	int r = host_process_read(ref->pid, &info, e);

	if (r == 0 && (info.start_ticks != ref->start_ticks || host_state_is_gone(info.state)))
		return err_set(e, ESRCH, "there is no process %d any more", (int)ref->pid);
	if (r == 0 && host_uid_outside(info.uid) != uid)
		return err_set(e, EPERM, "process %d is another account's by now", (int)ref->pid);
	return r;
}

/* uid: of the account that it must be of; NULL: any. */
static int send_signal(const struct process_ref *ref, const uid_t *uid, int signal, struct err *e)
{
	AUTO_CLOSE int fd = ref->pid > 0 ? pidfd_of(ref->pid) : -1;
	int code = fd < 0 ? errno : 0, r;

	if (ref->pid <= 0 || host_process_life(ref) == HOST_GONE)
		return err_set(e, ESRCH, "there is no process %d any more", (int)ref->pid);
	r = uid ? check_owner(ref, *uid, e) : 0;
	if (r < 0)
		return r;
	if (fd >= 0 && pidfd_signal(fd, signal) < 0)
		code = errno;
	/* The check was a moment ago: no closer is possible without a handle. */
	if (is_refused_call(code))
		code = kill(ref->pid, signal) < 0 ? errno : 0;
	return code ? err_sys(e, code, "cannot signal process %d", (int)ref->pid) : 0;
}

int host_process_signal(const struct process_ref *ref, int signal, struct err *e)
{
	return send_signal(ref, NULL, signal, e);
}

int host_process_signal_of(const struct process_ref *ref, uid_t uid, int signal, struct err *e)
{
	return send_signal(ref, &uid, signal, e);
}

/* The beginning of struct pidfd_info of <linux/pidfd.h>, which is younger than the kernels that we
   are built on. */
struct pidfd_info_start {
	uint64_t mask, cgroup_id;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};
#define INFO_EXIT (UINT64_C(1) << 3)
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_start)

/* The kernel keeps it for the handle when the parent has asked. */
static bool status_kept(int fd, int *ret_status)
{
	struct pidfd_info_start info = {.mask = INFO_EXIT};

	if (ioctl(fd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
		return false;
	*ret_status = info.exit_code;
	return true;
}

/* The last field of /proc/<pid>/stat, while the parent has not asked. Who may not trace the process
   (it was set-user-id) reads 0 there, as of one that has succeeded. */
static bool status_of_zombie(const struct process_ref *ref, int *ret_status)
{
	AUTO_FREE char *link = mem_printf("/proc/%d/ns/user", (int)ref->pid);
	char text[2048], target[64];
	struct process_info info;
	const char *last;

	if (host_proc_read(ref->pid, "stat", text, sizeof(text)) <= 0 ||
	    !host_stat_parse(text, &info) ||
	    host_ticks_of_host(info.start_ticks) != ref->start_ticks ||
	    !host_state_is_gone(info.state))
		return false;
	last = strrchr(text, ' ');
	*ret_status = last ? atoi(last) : 0;
	/* This link can be read by the same who are told the status. */
	return *ret_status || (last && readlink(link, target, sizeof(target)) > 0);
}

bool host_pidfd_status(int fd, const struct process_ref *ref, int *ret_status)
{
	return status_kept(fd, ret_status) || status_of_zombie(ref, ret_status) ||
	       status_kept(fd, ret_status);
}
