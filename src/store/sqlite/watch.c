/*
 * Watching for commits of others: each touches the wake file, which inotify reports. The kernel
 * lets an account have 128 inotify instances, and so many watches in all (an editor may use them
 * up); where there are no more, nothing is watched, and the caller's timer has to do.
 */
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "store/sqlite/file.h"
#include "store/sqlite/sqlite.h"

int sqlite_watch(struct store *base)
{
	const uint32_t events = IN_ATTRIB | IN_MODIFY | IN_MOVE_SELF;
	struct sqlite_store *s = sqlite_of(base);
	bool installed;

	if (s->watch_fd >= 0)
		return s->watch_fd;
	installed = sqlite_file_is_installed(s->path);
	if (installed)
		privilege_raise();
	s->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (s->watch_fd >= 0 && inotify_add_watch(s->watch_fd, s->wake_path, events) < 0)
		mem_auto_close(&s->watch_fd);
	if (installed)
		privilege_lower();
	return s->watch_fd;
}

void sqlite_unwatch(struct store *base)
{
	mem_auto_close(&sqlite_of(base)->watch_fd);
}

/* Whether the events say that the wake file was moved or removed: what is made in its place is
   another file. */
static bool wake_file_was_lost(const char *bytes, ssize_t count)
{
	bool lost = false;

	for (ssize_t at = 0; at < count;) {
		const struct inotify_event *event = (const void *)(bytes + at);

		lost |= (event->mask & (IN_IGNORED | IN_MOVE_SELF)) != 0;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return lost;
}

bool sqlite_watch_drain(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false, lost = false;
	ssize_t n;

	while (s->watch_fd >= 0 && (n = read(s->watch_fd, bytes, sizeof(bytes))) > 0) {
		lost |= wake_file_was_lost(bytes, n);
		any = true;
	}
	if (lost)
		mem_auto_close(&s->watch_fd);
	return any;
}
