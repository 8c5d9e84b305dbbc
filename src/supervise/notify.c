/*
 * `run --notify`: what the supervisor tells the account of the run. It is not the command's parent,
 * and nothing stands between the command and its terminal. So how the command has ended is known
 * where the kernel keeps it (host_pidfd_status), and what it has said last where its errors go to a
 * regular file.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/tree.h"
#include "supervise/supervisor.h"
#include "tell/self.h"

#define TAIL_BYTES 2048
#define TAIL_LINES 10

/* How long the command's parent has to ask how it has ended, which makes it known to others. */
#define STATUS_LIMIT_NS (2 * NS_PER_SECOND)
#define STATUS_TICK_NS (10 * NS_PER_MS)

static void tell(const struct supervisor *s, enum event_kind kind, const char *text,
		 const char *more, const char *details)
{
	const struct reservation *mine = s->orders.reservation;
	const struct event event = {
		.time_ns = clock_now_ns(),
		.kind = kind,
		.account = mine->account,
		.user = mine->user,
		.uid = mine->uid,
		.gpus = mine->gpus,
		.gpus_count = mine->gpus_count,
		.reservation_id = s->orders.reservation->id,
		.reason = (char *)(uintptr_t)text,
		.details = (char *)(uintptr_t)details,
	};

	tell_self(&event, more, s->orders.notify, s->orders.sendmail);
}

static const char *what(const struct supervisor *s)
{
	return s->orders.notify_what ? s->orders.notify_what : "the command";
}

/* "GPUs 0-2". The caller frees it. */
static char *gpus_text(const struct supervisor *s)
{
	const struct reservation *r = s->orders.reservation;
	AUTO_FREE char *ranges = str_join_ranges(r->gpus, r->gpus_count);

	return mem_printf("GPU%s %s", str_plural(r->gpus_count), ranges);
}

/* The log file on our own standard error, which launch.c has left open. */
static int64_t log_size(void)
{
	struct stat log;

	return fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode) ? log.st_size : -1;
}

void supervise_notify_begin(struct supervisor *s)
{
	s->notify_ns = INT64_MAX;
	if (!s->orders.notify)
		return;
	s->log_begin = log_size();
	if (s->deadline_ns != INT64_MAX && s->orders.timeout_ns > SUPERVISE_NOTIFY_BEFORE_NS)
		s->notify_ns = s->deadline_ns - SUPERVISE_NOTIFY_BEFORE_NS;
}

void supervise_notify_start(const struct supervisor *s)
{
	AUTO_FREE char *text = NULL, *gpus = gpus_text(s);

	if (!s->orders.notify || !s->orders.notify_waited)
		return;
	text = mem_printf("'%s' has got %s and starts", what(s), gpus);
	tell(s, EVENT_GRANTED, text, NULL, NULL);
}

void supervise_notify_limit(struct supervisor *s)
{
	AUTO_FREE char *text = NULL, *gpus = gpus_text(s);

	s->notify_ns = INT64_MAX;
	if (s->command_fd < 0)
		return;
	text = mem_printf("'%s' on %s reaches its time limit in %d minutes", what(s), gpus,
			  (int)(SUPERVISE_NOTIFY_BEFORE_NS / (60 * NS_PER_SECOND)));
	tell(s, EVENT_EXPIRING, text, NULL, NULL);
}

void supervise_notify_status(struct supervisor *s)
{
	if (!s->orders.notify || s->orders.adopted)
		return;
	s->status_known = host_pidfd_status(s->command_fd, s->command, &s->status);
	s->status_fd = mem_steal_fd(&s->command_fd);
}

/* The GPUs have been released: there is time. */
static void await_status(struct supervisor *s)
{
	const struct timespec pause = {.tv_nsec = STATUS_TICK_NS};
	int64_t deadline_ns = clock_monotonic_ns() + STATUS_LIMIT_NS;

	while (!s->status_known && s->status_fd >= 0 && clock_monotonic_ns() < deadline_ns) {
		nanosleep(&pause, NULL);
		s->status_known = host_pidfd_status(s->status_fd, s->command, &s->status);
	}
	mem_auto_close(&s->status_fd);
}

/* The end of what the run has added to the log file, in whole lines. NULL: nothing, or it is no
   file. The caller frees it. */
static char *log_tail(const struct supervisor *s)
{
	int64_t end = log_size(), begin = end - TAIL_BYTES;
	char bytes[TAIL_BYTES + 1];
	AUTO_CLOSE int fd = -1;
	char *first = bytes;
	ssize_t n;

	if (s->log_begin < 0 || end <= s->log_begin)
		return NULL;
	fd = file_open_as_user("/proc/self/fd/2", 0);
	if (begin < s->log_begin)
		begin = s->log_begin;
	n = fd >= 0 ? pread(fd, bytes, TAIL_BYTES, begin) : 0;
	if (n <= 0)
		return NULL;
	while (n && bytes[n - 1] == '\n')
		n--;
	bytes[n] = '\0';
	if (begin > s->log_begin && strchr(bytes, '\n'))
		first = strchr(bytes, '\n') + 1;
	for (size_t lines = 0, at = strlen(first); at > 0; at--) {
		if (first[at - 1] == '\n' && ++lines == TAIL_LINES) {
			first += at;
			break;
		}
	}
	return mem_strdup(first);
}

/* How it has ended, as the middle of a sentence. */
static char *outcome(const struct supervisor *s)
{
	const char *name;

	if (!s->status_known)
		return mem_strdup("has ended (exit status unknown)");
	if (WIFEXITED(s->status))
		return WEXITSTATUS(s->status) ? mem_printf("has failed with exit status %d",
							   WEXITSTATUS(s->status))
					      : mem_strdup("has ended with exit status 0");
	name = sigabbrev_np(WTERMSIG(s->status));
	return mem_printf("was ended by SIG%s", name ? name : "?");
}

void supervise_notify_end(struct supervisor *s, int64_t ended_ns)
{
	AUTO_FREE char *tail = NULL, *details = NULL, *how = NULL, *gpus = gpus_text(s);
	AUTO(str_clear) struct str text = {0};
	char time[CLOCK_DURATION_SIZE];

	if (!s->orders.notify)
		return;
	await_status(s);
	how = outcome(s);
	if (s->status_known && s->status != 0)
		tail = log_tail(s);
	str_addf(&text, "'%s' on %s %s%s after %s", what(s), gpus, how,
		 s->stopped ? ", stopped by its supervisor," : "",
		 clock_duration(ended_ns - s->began_ns, time));
	if (s->status_known && WIFEXITED(s->status))
		details = mem_printf("{\"exit_status\":%d}", WEXITSTATUS(s->status));
	else if (s->status_known)
		details = mem_printf("{\"signal\":%d}", WTERMSIG(s->status));
	tell(s, EVENT_RELEASED, str_text(&text), tail, details);
}
