/* Telling the caller's own account something at once; see self.h. */
#include "tell/self.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "host/leave.h"
#include "tell/deliver.h"
#include "tell/news.h"
#include "tell/program.h"
#include "view/events.h"

/* The process that tells. Nothing of the caller's is open in it, and it has no rights but the
   account's. */
__attribute__((noreturn)) static void teller(const struct event *event, const char *more,
					     const char *channel,
					     const struct tell_options *options)
{
	const struct mark wish = {.text = (char *)(uintptr_t)channel};
	struct tell_notes notes = {.items = NULL};

	host_leave(-1);
	if (privilege_drop(NULL) < 0)
		_exit(EXIT_FAILURE);
	tell_news_add(&notes, event, &wish);
	notes.items[0].asked = true;
	notes.items[0].more = mem_strdup(more);
	notes.items[0].json = view_event_json_line(event);
	tell_program_adopt();
	tell_deliver(options, getuid(), &notes);
	_exit(EXIT_SUCCESS);
}

void tell_self(const struct event *event, const char *more, const char *channel,
	       const char *sendmail)
{
	const struct tell_options options = {.sendmail = sendmail};
	pid_t child = fork();

	if (child == 0) {
		pid_t grandchild;

		setsid();
		grandchild = tell_fork();
		if (grandchild == 0)
			teller(event, more, channel, &options);
		_exit(EXIT_SUCCESS);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}
