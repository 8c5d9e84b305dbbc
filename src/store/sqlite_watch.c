/* Watching for commits of others: each touches the wake file, which inotify tells. */
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rights.h"
#include "store/sqlite_file.h"
#include "store/store_sqlite.h"

int sqlite_watch(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	uint32_t events = IN_ATTRIB | IN_MODIFY | IN_MOVE_SELF;
	bool installed;

	if (s->watch_fd >= 0)
		return s->watch_fd;
	/* Fails where an account has too many watches (128 by default), and without a pool. */
	s->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	installed = sqlite_file_is_installed(s->path);
	if (installed)
		rights_enter();
	if (s->watch_fd >= 0 && inotify_add_watch(s->watch_fd, s->wake_path, events) < 0)
		mem_auto_close(&s->watch_fd);
	if (installed)
		rights_leave();
	return s->watch_fd;
}

void sqlite_watch_drain(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool lost = false;
	ssize_t n;

	while (s->watch_fd >= 0 && (n = read(s->watch_fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(bytes + at);

			/* Moved or removed: what is made in its place is another file. */
			lost |= (event->mask & (IN_IGNORED | IN_MOVE_SELF)) != 0;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	if (lost)
		mem_auto_close(&s->watch_fd);
}
