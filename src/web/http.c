/*
 * Connections and requests: libmicrohttpd with its epoll descriptor in our loop. What a path means
 * is in route.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "web/connection.h"
#include "web/query.h"
#include "web/route.h"
#include "web/server.h"

/* A client that takes nothing of an answer for so long is gone. */
#define SEND_SECONDS 30

/* Bodies are read, so that the answer can be, but mean nothing. */
#define BODY_MAX ((size_t)65536)
/* What a connection may keep in memory: target and headers of a request. */
#define MEMORY_MAX ((size_t)24 * 1024)
#define HEADERS_MAX ((size_t)8 * 1024)

#define CONNECTIONS_MAX 10000
/* Descriptors that are not connections. */
#define OTHER_FILES 64

/* ---- requests ---- */

/* The first line is there. What this returns is *request_context from now on. */
static void *on_target(void *argument, const char *target, struct MHD_Connection *connection)
{
	size_t length = strnlen(target, TARGET_MAX);
	struct request *r = mem_alloc(1, sizeof(*r) + length + 1);

	r->server = argument;
	r->connection = connection;
	r->too_long = target[length] != '\0';
	memcpy(r->target, target, length);
	return r;
}

static void stop_waiting(struct request *r)
{
	if (r->waiting)
		TAILQ_REMOVE(&r->server->waiting, r, entry);
	r->waiting = false;
}

static void on_end(void *argument, struct MHD_Connection *connection, void **request_context,
		   enum MHD_RequestTerminationCode why)
{
	struct connection *c = connection_find(connection);
	struct request *r = *request_context;

	if (r) {
		stop_waiting(r);
		free(r);
	}
	*request_context = NULL;
	if (c && why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		connection_arm(argument, c);
}

static enum MHD_Result add_size(void *argument, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	size_t *size = argument;

	(void)kind;
	*size += strlen(key) + (value ? strlen(value) : 0) + 4;
	return MHD_YES;
}

/* The headers are there: is the request one that we read to its end? */
static enum MHD_Result check_headers(struct request *r, bool *ret_good)
{
	const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	size_t size = 0;

	*ret_good = false;
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_size, &size);
	if (r->too_long)
		return response_error(r->connection, MHD_HTTP_URI_TOO_LONG,
				      "the URL is longer than %d bytes", TARGET_MAX);
	if (size > HEADERS_MAX)
		return response_error(r->connection, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
				      "the headers are larger than %zu bytes", HEADERS_MAX);
	if (length && strtoull(length, NULL, 10) > BODY_MAX)
		return response_error(r->connection, MHD_HTTP_CONTENT_TOO_LARGE,
				      "requests must not have a body");
	*ret_good = true;
	return MHD_YES;
}

static enum MHD_Result on_request(void *argument, struct MHD_Connection *connection,
				  const char *url, const char *method, const char *version,
				  const char *body, size_t *body_size, void **request_context)
{
	struct request *r = *request_context;
	struct connection *c = connection_find(connection);
	bool good = true;

	(void)url;
	(void)version;
	(void)body;
	if (!r)
		return MHD_NO;
	if (!r->headers_seen) {
		enum MHD_Result result = check_headers(r, &good);

		r->headers_seen = true;
		if (!good && c)
			connection_disarm(argument, c);
		return result;
	}
	if (*body_size) {
		r->body += *body_size;
		*body_size = 0;
		return r->body > BODY_MAX ? MHD_NO : MHD_YES;
	}
	if (c)
		connection_disarm(argument, c);
	return route(r, method);
}

enum MHD_Result http_wait(struct request *r, struct need need, int64_t limit_ns)
{
	r->need = need;
	r->begun_ns = clock_monotonic_ns();
	r->deadline_ns = r->begun_ns + limit_ns;
	r->waiting = true;
	TAILQ_INSERT_TAIL(&r->server->waiting, r, entry);
	MHD_suspend_connection(r->connection);
	return MHD_YES;
}

static void wake(struct request *r)
{
	stop_waiting(r);
	r->waited = true;
	r->server->woken = true;
	MHD_resume_connection(r->connection);
}

void http_wake(struct server *s, struct need need, int64_t begun_ns)
{
	struct request *r, *next;

	for (r = TAILQ_FIRST(&s->waiting); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->need.kind == need.kind && r->need.days == need.days &&
		    r->begun_ns <= begun_ns)
			wake(r);
	}
}

bool http_is_awaited(const struct server *s, int kind)
{
	const struct request *r;

	for (r = TAILQ_FIRST(&s->waiting); r; r = TAILQ_NEXT(r, entry)) {
		if (r->need.kind == kind)
			return true;
	}
	return false;
}

int64_t wake_expired(struct server *s, int64_t now_ns)
{
	struct request *r, *next;
	int64_t first_ns = INT64_MAX;

	for (r = TAILQ_FIRST(&s->waiting); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->deadline_ns <= now_ns)
			wake(r);
		else if (r->deadline_ns < first_ns)
			first_ns = r->deadline_ns;
	}
	return first_ns;
}

/* ---- start and stop ---- */

/* As many connections as there may be descriptors. */
static unsigned connections_max(void)
{
	struct rlimit files = {0};

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur > CONNECTIONS_MAX + OTHER_FILES)
		return CONNECTIONS_MAX;
	return files.rlim_cur > 2 * OTHER_FILES ? (unsigned)files.rlim_cur - OTHER_FILES
						: OTHER_FILES;
}

int http_start(struct server *s, struct err *e)
{
	const union MHD_DaemonInfo *info;

	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, connection_accept, s,
		on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
		on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_NOTIFY_CONNECTION,
		connection_notify, s, MHD_OPTION_CONNECTION_LIMIT, connections_max(),
		MHD_OPTION_CONNECTION_TIMEOUT, SEND_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		MEMORY_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_END);
	info = s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return err_set(e, EIO, "cannot start the HTTP server");
	s->events_fd = info->epoll_fd;
	return 0;
}

void http_stop(struct server *s)
{
	struct request *r;

	if (!s->daemon)
		return;
	streams_close(&s->streams);
	while ((r = TAILQ_FIRST(&s->waiting)))
		wake(r);
	/* Those that were asleep get a chance to end their answers. */
	for (int i = 0; i < 20; i++)
		MHD_run(s->daemon);
	MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
}
