/* Limits of this account, and what /proc shows it, for `canhazgpu doctor`; see examine.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/examine.h"
#include "host/process.h"

/* What a command needs is less than half of these. */
#define FILES_ENOUGH 64
#define PROCESSES_ENOUGH 64

/* The most of /proc/self/mountinfo that is read. */
#define MOUNTS_MAX ((size_t)1 << 20)

static const char *limit_text(rlim_t limit, char text[32])
{
	if (limit == RLIM_INFINITY)
		snprintf(text, 32, "unlimited");
	else
		snprintf(text, 32, "%" PRIu64, (uint64_t)limit);
	return text;
}

/* Adds one limit to the line of the check. */
static void examine_limit(struct findings *f, int resource, const char *what, rlim_t enough,
			  const char *advice)
{
	struct rlimit limit = {0};
	char text[32];

	if (getrlimit(resource, &limit) < 0)
		return;
	findings_extend(f, limit.rlim_cur < enough ? FINDING_WARNING : FINDING_OK,
			limit.rlim_cur < enough ? advice : NULL, "%s %s", what,
			limit_text(limit.rlim_cur, text));
}

/* 0, or the errno of starting one more process, as every run does. */
static int try_fork(void)
{
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

void host_examine_limits(struct findings *f)
{
	int code = try_fork();

	if (code)
		findings_add(f, "limits", FINDING_FAILED,
			     "end some processes, or raise the limit (ulimit -u, TasksMax= of the "
			     "unit, pids.max of the container)",
			     "no more processes can be started: %s", strerror(code));
	else
		findings_add(f, "limits", FINDING_OK, NULL, "processes can be started");
	examine_limit(f, RLIMIT_NOFILE, "open files", FILES_ENOUGH, "raise it with ulimit -n");
	examine_limit(f, RLIMIT_NPROC, "processes", PROCESSES_ENOUGH, "raise it with ulimit -u");
}

/* The number in a file of /proc/sys; -1: it cannot be read. */
static long long read_number(const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	long long value = -1;

	if (!file || fscanf(file, "%lld", &value) != 1)
		return -1;
	return value;
}

void host_examine_inotify(struct findings *f)
{
	AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const char *advice = NULL;
	int code = fd < 0 ? errno : 0;

	if (!code && inotify_add_watch(fd, "/", IN_ATTRIB) < 0)
		code = errno;
	if (code == EMFILE)
		advice = "raise fs.inotify.max_user_instances with sysctl, or end programs that "
			 "watch files";
	else if (code == ENOSPC)
		advice = "raise fs.inotify.max_user_watches with sysctl";
	if (code)
		findings_add(f, "inotify", FINDING_WARNING, advice,
			     "inotify cannot watch files (%s): waiting requests poll an SQLite "
			     "store every few seconds instead",
			     strerror(code));
	else
		findings_add(f, "inotify", FINDING_OK, NULL, "files can be watched");
	findings_extend(f, FINDING_OK, NULL, "per account %lld instances, %lld watches",
			read_number("/proc/sys/fs/inotify/max_user_instances"),
			read_number("/proc/sys/fs/inotify/max_user_watches"));
}

/* The value of an option in "rw,hidepid=2,gid=5 ..."; false: it is not among them. */
static bool find_option(const char *options, size_t length, const char *name, char *value,
			size_t size)
{
	size_t name_length = strlen(name);

	for (size_t at = 0; at < length; at += strcspn(options + at, ",") + 1) {
		size_t end = strcspn(options + at, ", \n");

		if (end > name_length && !strncmp(options + at, name, name_length)) {
			snprintf(value, size, "%.*s", (int)(end - name_length),
				 options + at + name_length);
			return true;
		}
	}
	return false;
}

/* One line: "36 35 0:20 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=2". */
static void read_mount(const char *line, size_t length, char *value, size_t size)
{
	const char *separator = memmem(line, length, " - proc ", 8);
	const char *point = line, *options;

	for (int field = 0; field < 4 && point; field++) {
		point = memchr(point, ' ', length - (size_t)(point - line));
		point = point ? point + 1 : NULL;
	}
	if (!separator || !point || strncmp(point, "/proc ", 6) != 0)
		return;
	*value = '\0';
	options = separator + 8;
	options = memchr(options, ' ', length - (size_t)(options - line));
	if (!options)
		return;
	options++;
	if (find_option(options, length - (size_t)(options - line), "hidepid=", value, size) &&
	    (!strcmp(value, "0") || !strcmp(value, "off")))
		*value = '\0';
}

void host_mountinfo_hidepid(const char *text, char *value, size_t size)
{
	*value = '\0';
	while (*text) {
		size_t length = strcspn(text, "\n");

		read_mount(text, length, value, size);
		text += length + (text[length] == '\n');
	}
}

static char *read_mounts(void)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	char *text = mem_alloc(MOUNTS_MAX + 1, 1);

	if (file)
		text[fread(text, 1, MOUNTS_MAX, file)] = '\0';
	return text;
}

void host_examine_processes(struct findings *f)
{
	AUTO_FREE char *mounts = read_mounts();
	struct process_info info;
	char hidepid[32];
	bool shown = host_process_stat(1, &info) == 0;

	host_mountinfo_hidepid(mounts, hidepid, sizeof(hidepid));
	if (host_process_stat(getpid(), &info) < 0) {
		findings_add(f, "processes", FINDING_FAILED, "mount proc on /proc",
			     "/proc does not even show this process, so nothing is known about "
			     "any other");
		return;
	}
	if (shown && !*hidepid)
		findings_add(f, "processes", FINDING_OK, NULL, "/proc shows those of all accounts");
	else
		findings_add(f, "processes", FINDING_WARNING,
			     "mount -o remount,hidepid=0 /proc, or add users to the group in its "
			     "gid= option",
			     "/proc %s those of other accounts%s%s%s: the user of a GPU without a "
			     "reservation is shown as unknown",
			     shown ? "may hide from others" : "hides", *hidepid ? " (hidepid=" : "",
			     hidepid, *hidepid ? ")" : "");
}
