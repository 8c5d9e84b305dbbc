/* What the processes behind the server do; see work.h. The texts come from source.c. */
#include "web/work.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "web/hosts_work.h"
#include "web/source.h"

/* How long to wait before watching is tried again where it is not possible: there is no pool yet,
 * or its server is away. */
#define WATCH_AGAIN_MS 2000
/* The Redis store finds out only when it is asked that its server is there again. */
#define WATCH_CHECK_MS 10000

bool work_write(int fd, const void *bytes, size_t length)
{
	const char *p = bytes;

	while (length) {
		ssize_t n = send(fd, p, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

static bool send_answer(int fd, struct source_texts *t, int code, const struct err *e)
{
	struct answer_head head = {.code = code, .fingerprint = t->fingerprint};

	if (code) {
		for (int i = 0; i < ANSWER_TEXTS; i++)
			str_clear(&t->texts[i]);
		str_add(&t->texts[ANSWER_PROBLEM], e->text);
	}
	for (int i = 0; i < ANSWER_TEXTS; i++)
		head.lengths[i] = (uint32_t)t->texts[i].length;
	if (!work_write(fd, &head, sizeof(head)))
		return false;
	for (int i = 0; i < ANSWER_TEXTS; i++) {
		if (!work_write(fd, t->texts[i].text, t->texts[i].length))
			return false;
	}
	return true;
}

static int answer(struct source *s, const struct question *q, struct source_texts *t, struct err *e)
{
	if (q->kind == ASK_REFRESH)
		return source_refresh(s, t, e);
	if (q->kind == ASK_REPORT)
		return source_report(s, q->days, USAGE_BY_USER, &t->texts[ANSWER_HISTORY], e);
	if (q->kind == ASK_REPORT_BY_DAY)
		return source_report(s, q->days, USAGE_BY_USER_DAY, &t->texts[ANSWER_HISTORY], e);
	if (q->kind == ASK_EVENTS)
		return source_events(s, q->days, &t->texts[ANSWER_HISTORY], e);
	return source_timeline(s, q->days, &t->texts[ANSWER_HISTORY], e);
}

static void work_on_questions(struct source *s, int fd)
{
	struct question q;

	while (recv(fd, &q, sizeof(q), MSG_WAITALL) == sizeof(q)) {
		struct source_texts t = {0};
		struct err e = {0};
		int r = answer(s, &q, &t, &e);
		bool sent = send_answer(fd, &t, r < 0 ? -r : 0, &e);

		source_texts_clear(&t);
		if (!sent)
			break;
	}
}

/* Sends a byte at each change. */
static void work_on_watch(struct source *s, int fd)
{
	int before = -1;

	for (;;) {
		int watch = source_watch(s);
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
				       {.fd = watch, .events = POLLIN}};

		/* What changed while the store was not watched is reported now. */
		if (watch >= 0 && before < 0)
			send(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		before = watch;
		if (poll(fds, 2, watch < 0 ? WATCH_AGAIN_MS : WATCH_CHECK_MS) <= 0)
			continue;
		if (fds[0].revents)
			return;
		if (source_watch_drain(s))
			send(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

void work(enum worker_kind kind, const struct web_config *config, int fd)
{
	struct source s = {.config = config};
	struct err e = {0};

	if (kind == WORKER_HOSTS)
		work_on_hosts(config, fd);
	if (source_open(&s, &e) < 0)
		_exit(EXIT_FAILURE);
	if (kind == WORKER_WATCH)
		work_on_watch(&s, fd);
	else
		work_on_questions(&s, fd);
	source_close(&s);
	_exit(EXIT_SUCCESS);
}
