/* Scanning processes that hang in the kernel; see scanners.h. */
#include "gpu/scanners.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/proc.h"
#include "host/process.h"

#define NAME "canhazgpu-scanners"

/* More never run at once, unless their callers do not wait for each other. */
#define LISTED_MAX 64

/* The list is locked for microseconds. Whoever is stopped in between only costs the others this. */
#define LOCK_LIMIT_NS (50 * NS_PER_MS)

struct list {
	int fd; /* -1: there is none */
	struct scanner scanners[LISTED_MAX];
	size_t count;
};

bool scanner_hangs(const char *status)
{
	struct process_info info = {0};
	const char *state = strstr(status, "\nState:\t");

	info.state = state ? state[strlen("\nState:\t")] : 'Z';
	return !host_state_is_gone(info.state) && host_status_has_signal(status, "SigPnd", SIGKILL);
}

bool scanners_are_too_many(const struct scanner *hanging, size_t count, uid_t uid)
{
	size_t own = 0;

	for (size_t i = 0; i < count; i++)
		own += hanging[i].uid == uid;
	return count >= SCANNERS_HANGING_MAX ||
	       (uid != 0 && own >= SCANNERS_HANGING_OF_ACCOUNT_MAX);
}

static bool lock(int fd)
{
	int64_t deadline_ns = clock_monotonic_ns() + LOCK_LIMIT_NS;
	const struct timespec pause = {.tv_nsec = NS_PER_MS};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_monotonic_ns() > deadline_ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Of each pid namespace: the processes of another one cannot be told from those that are gone. The
   caller frees it. */
static char *list_name(void)
{
	AUTO_FREE char *namespace = host_pid_namespace();
	const char *number = namespace ? namespace + strcspn(namespace, "0123456789") : "";

	return mem_printf(NAME "%s%.*s", *number ? "-" : "", (int)strspn(number, "0123456789"),
			  number);
}

/* Locks the list, and reads it without those that are gone. */
static void list_open(struct list *l, const struct share_directory *d)
{
	AUTO_FREE char *name = list_name();
	char text[LISTED_MAX * 64];
	char *next = text, *line;
	ssize_t n;

	l->count = 0;
	l->fd = share_file_open(d, name);
	if (l->fd >= 0 && !lock(l->fd))
		mem_auto_close(&l->fd);
	n = l->fd < 0 ? 0 : pread(l->fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&next, "\n")) && l->count < LISTED_MAX) {
		struct scanner *s = &l->scanners[l->count];
		int pid;
		unsigned uid;

		if (sscanf(line, "%d %" SCNu64 " %u", &pid, &s->process.start_ticks, &uid) != 3)
			continue;
		s->process.pid = pid;
		s->uid = (uid_t)uid;
		l->count += host_process_life(&s->process) != HOST_GONE;
	}
}

static void list_write(const struct list *l)
{
	AUTO(str_clear) struct str text = {0};

	for (size_t i = 0; i < l->count; i++)
		str_addf(&text, "%d %" PRIu64 " %u\n", (int)l->scanners[i].process.pid,
			 l->scanners[i].process.start_ticks, (unsigned)l->scanners[i].uid);
	if (l->fd >= 0 && ftruncate(l->fd, 0) == 0)
		(void)!pwrite(l->fd, str_text(&text), text.length, 0);
}

int scanners_check(const struct share_directory *d, const char *vendor, struct err *e)
{
	struct scanner hanging[LISTED_MAX];
	struct list l;
	size_t count = 0;

	if (d->fd < 0)
		return 0;
	list_open(&l, d);
	for (size_t i = 0; i < l.count; i++) {
		AUTO_FREE char *status = NULL;
		size_t length;

		if (host_proc_read_all(l.scanners[i].process.pid, "status", HOST_STATUS_MAX,
				       &status, &length) == 0 &&
		    scanner_hangs(status))
			hanging[count++] = l.scanners[i];
	}
	mem_auto_close(&l.fd);
	if (!scanners_are_too_many(hanging, count, getuid()))
		return 0;
	return err_set(e, EBUSY,
		       "the %s driver hangs: %zu earlier queries are stuck in it (pid %d)", vendor,
		       count, (int)hanging[0].process.pid);
}

void scanners_add(const struct share_directory *d, pid_t pid)
{
	struct list l;
	struct scanner *new = l.scanners;

	if (d->fd < 0)
		return;
	list_open(&l, d);
	if (l.fd >= 0 && l.count < LISTED_MAX) {
		new = &l.scanners[l.count];
		new->uid = getuid();
		if (host_process_ref(pid, &new->process, NULL) == 0) {
			l.count++;
			list_write(&l);
		}
	}
	mem_auto_close(&l.fd);
}

void scanners_remove(const struct share_directory *d, pid_t pid)
{
	struct list l;

	if (d->fd < 0)
		return;
	list_open(&l, d);
	for (size_t i = 0; i < l.count; i++) {
		if (l.scanners[i].process.pid == pid)
			l.scanners[i--] = l.scanners[--l.count];
	}
	if (l.fd >= 0)
		list_write(&l);
	mem_auto_close(&l.fd);
}
