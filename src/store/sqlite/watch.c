/*
 * Watching for commits of others: each touches the wake file, which inotify tells. The kernel lets
 * an account have 128 inotify instances, and so many watches in all (an editor may use them up);
 * where there are no more, dnotify tells, by a signal that is blocked and read from a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "store/sqlite/file.h"
#include "store/sqlite/sqlite.h"

/* A real-time signal that nobody else here uses. */
#define WAKE_SIGNAL (SIGRTMIN + 5)

static void wake_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, WAKE_SIGNAL);
}

static int watch_by_inotify(struct sqlite_store *s)
{
	uint32_t events = IN_ATTRIB | IN_MODIFY | IN_MOVE_SELF;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0 && inotify_add_watch(fd, s->wake_path, events) < 0)
		mem_auto_close(&fd);
	return fd;
}

/* Watches the directory of the wake file, whose other files tell nothing more often. */
static int watch_by_dnotify(struct sqlite_store *s)
{
	AUTO_FREE char *directory = mem_strdup(s->wake_path);
	sigset_t set;
	int fd;

	strrchr(directory, '/')[directory == strrchr(directory, '/') ? 1 : 0] = '\0';
	wake_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->wake_directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->wake_directory_fd < 0 || fcntl(s->wake_directory_fd, F_SETSIG, WAKE_SIGNAL) < 0 ||
	    fcntl(s->wake_directory_fd, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT) < 0)
		return -1;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd;
}

int sqlite_watch(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	bool installed;

	if (s->watch_fd >= 0)
		return s->watch_fd;
	installed = sqlite_file_is_installed(s->path);
	if (installed)
		privilege_raise();
	s->watch_fd = watch_by_inotify(s);
	if (s->watch_fd < 0 && (errno == EMFILE || errno == ENOSPC))
		s->watch_fd = watch_by_dnotify(s);
	if (installed)
		privilege_lower();
	if (s->watch_fd < 0)
		sqlite_unwatch(base);
	return s->watch_fd;
}

void sqlite_unwatch(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	const struct timespec now = {0};
	sigset_t set;

	mem_auto_close(&s->watch_fd);
	if (s->wake_directory_fd < 0)
		return;
	mem_auto_close(&s->wake_directory_fd);
	/* One that is left over would end the process that unblocks it. */
	wake_set(&set);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Whether the events say that the wake file was moved or removed: what is made in its place is
   another file. */
static bool tells_of_loss(const char *bytes, ssize_t count)
{
	bool lost = false;

	for (ssize_t at = 0; at < count;) {
		const struct inotify_event *event = (const void *)(bytes + at);

		lost |= (event->mask & (IN_IGNORED | IN_MOVE_SELF)) != 0;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return lost;
}

void sqlite_watch_drain(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool lost = false;
	ssize_t n;

	while (s->watch_fd >= 0 && (n = read(s->watch_fd, bytes, sizeof(bytes))) > 0)
		lost |= s->wake_directory_fd < 0 && tells_of_loss(bytes, n);
	if (lost)
		mem_auto_close(&s->watch_fd);
}
