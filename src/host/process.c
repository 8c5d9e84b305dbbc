/* Facts about one process, or the list of all: host/process.h. Called by pool, gpu and cmd. */
#include "host/process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/proc.h"

/* How much of a command line is read. */
#define ARGUMENTS_MAX ((size_t)64 << 10)

/* Fills e for a failure to read /proc/<pid>. */
static int read_failed(pid_t pid, int code, struct err *e)
{
	if (code == ESRCH)
		return err_set(e, ESRCH, "there is no process %d", (int)pid);
	return err_sys(e, code, "cannot read /proc/%d", (int)pid);
}

int host_process_read(pid_t pid, struct process_info *ret_info, struct err *e)
{
	struct process_info info;
	char text[2048]; /* "Uid:" is among the first lines */
	ssize_t r;

	r = host_process_stat(pid, &info);
	if (r < 0)
		return read_failed(pid, (int)-r, e);
	r = host_proc_read(pid, "status", text, sizeof(text));
	if (r < 0)
		return read_failed(pid, (int)-r, e);
	if (!host_status_uid(text, &info.uid))
		return read_failed(pid, ESRCH, e);
	*ret_info = info;
	return 0;
}

enum host_life host_process_life(const struct process_ref *ref)
{
	struct process_info info;
	int r;

	if (ref->pid <= 0)
		return HOST_GONE;
	r = host_process_stat(ref->pid, &info);
	if (r == 0)
		return info.start_ticks == ref->start_ticks && !host_state_is_gone(info.state)
			       ? HOST_ALIVE
			       : HOST_GONE;
	/* /proc may be mounted so that it hides other accounts' processes. The kernel still shows
	   that there is one, but not since when: it may be another one by now. */
	if (r != -ESRCH || kill(ref->pid, 0) == 0 || errno == EPERM)
		return HOST_HIDDEN;
	return HOST_GONE;
}

bool host_process_is_stopped(const struct process_ref *ref)
{
	struct process_info info;

	return ref->pid > 0 && host_process_stat(ref->pid, &info) == 0 &&
	       info.start_ticks == ref->start_ticks && info.state == 'T';
}

bool host_process_ignores(pid_t pid, int signal)
{
	AUTO_FREE char *text = NULL;
	size_t length;

	return host_proc_read_all(pid, "status", HOST_STATUS_MAX, &text, &length) == 0 &&
	       host_status_has_signal(text, "SigIgn", signal);
}

int64_t host_start_time_ns(uint64_t start_ticks)
{
	int64_t per_second = sysconf(_SC_CLK_TCK);
	int64_t start_ns = clock_now_ns() - host_boot_ns() +
			   (int64_t)start_ticks * (NS_PER_SECOND / per_second);

	return start_ns / NS_PER_SECOND * NS_PER_SECOND;
}

int host_process_ref(pid_t pid, struct process_ref *ret_ref, struct err *e)
{
	struct process_info info;
	int r = host_process_stat(pid, &info);

	if (r < 0)
		return read_failed(pid, -r, e);
	if (host_state_is_gone(info.state))
		return read_failed(pid, ESRCH, e);
	*ret_ref = (struct process_ref){.pid = pid, .start_ticks = info.start_ticks};
	return 0;
}

char *host_process_arguments(pid_t pid, size_t *ret_length)
{
	char *text;

	if (host_proc_read_all(pid, "cmdline", ARGUMENTS_MAX, &text, ret_length) < 0)
		return NULL;
	return text;
}

char *host_process_variable(pid_t pid, const char *name)
{
	AUTO_FREE char *block = NULL;
	size_t length;

	if (host_proc_read_all(pid, "environ", HOST_ENVIRON_MAX, &block, &length) < 0)
		return NULL;
	return mem_strdup(host_environ_find(block, length, name));
}

char *host_process_container(pid_t pid)
{
	AUTO_FREE char *text = NULL;
	size_t length;

	if (host_proc_read_all(pid, "cgroup", (size_t)64 << 10, &text, &length) < 0)
		return NULL;
	return host_cgroup_container(text);
}

/* Whether a process has the caller's namespace of that kind; unknown is yes. */
static bool shares_namespace(pid_t pid, const char *kind)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/ns/%s", (int)pid, kind);
	AUTO_FREE char *own = mem_printf("/proc/self/ns/%s", kind);
	struct stat theirs, ours;

	return stat(path, &theirs) < 0 || stat(own, &ours) < 0 || theirs.st_ino == ours.st_ino;
}

bool host_process_is_inside(pid_t pid)
{
	return !shares_namespace(pid, "pid") && shares_namespace(pid, "user");
}

bool host_process_is_in_container(pid_t pid, const char *id)
{
	AUTO_FREE char *text = NULL;
	size_t length;

	return host_proc_read_all(pid, "cgroup", (size_t)64 << 10, &text, &length) == 0 &&
	       host_cgroup_has(text, id);
}

/* The number that a directory of /proc is named by; 0 for the other entries. */
static pid_t entry_pid(const struct dirent *entry)
{
	char *end;
	long pid;

	if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
		return 0;
	pid = strtol(entry->d_name, &end, 10);
	return *end == '\0' && pid <= INT32_MAX ? (pid_t)pid : 0;
}

int host_process_list(pid_t **ret_pids, size_t *ret_count, struct err *e)
{
	DIR *proc = opendir("/proc");
	pid_t *pids = NULL;
	size_t count = 0, capacity = 0;
	const struct dirent *entry;

	if (!proc)
		return err_sys(e, errno, "cannot open /proc");
	while ((entry = readdir(proc))) {
		pid_t pid = entry_pid(entry);

		if (!pid)
			continue;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			pids = mem_resize(pids, capacity, sizeof(*pids));
		}
		pids[count++] = pid;
	}
	closedir(proc);
	*ret_pids = pids;
	*ret_count = count;
	return 0;
}
