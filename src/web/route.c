/* What each path answers; see route.h. */
#include "web/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "web/access.h"
#include "web/page.h"
#include "web/query.h"

/* The one file of the page that is below /api/. */
#define OPENAPI "openapi.json"

void route_init(struct server *s)
{
	size_t count = 0;

	while (page_files[count].name)
		count++;
	s->pages = mem_alloc(count, sizeof(*s->pages));
	for (size_t i = 0; i < count; i++) {
		const struct page_file *f = &page_files[i];

		s->pages[i][0] = document_new_static(f->plain, (size_t)(f->plain_end - f->plain),
						     f->type, f->tag, NULL);
		s->pages[i][1] = document_new_static(f->gzip, (size_t)(f->gzip_end - f->gzip),
						     f->type, f->tag, "gzip");
	}
}

void route_clear(struct server *s)
{
	for (size_t i = 0; page_files[i].name; i++) {
		document_free(s->pages[i][0]);
		document_free(s->pages[i][1]);
	}
	free(s->pages);
}

/* The page for a client that had the token in the address: a cookie has it from now on. */
static enum MHD_Result answer_with_cookie(struct request *r, const struct page_file *f)
{
	struct MHD_Response *response = response_new(f->plain, (size_t)(f->plain_end - f->plain),
						     MHD_RESPMEM_PERSISTENT, f->type, CACHE_NEVER);
	enum MHD_Result result;

	access_set_cookie(r->server->config, response);
	result = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* A file of the page. */
static enum MHD_Result page_answer(struct request *r, const char *path, bool with_cookie)
{
	const char *name = strcmp(path, "/") == 0               ? "index.html"
			   : strcmp(path, "/api/" OPENAPI) == 0 ? OPENAPI
			   : strcmp(path, "/" OPENAPI) == 0     ? ""
								: path + 1;
	const char *encodings = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
							    MHD_HTTP_HEADER_ACCEPT_ENCODING);

	for (size_t i = 0; *path == '/' && page_files[i].name; i++) {
		if (strcmp(page_files[i].name, name) != 0)
			continue;
		if (with_cookie)
			return answer_with_cookie(r, &page_files[i]);
		return document_answer(
			r->server->pages[i][encodings && query_takes_gzip(encodings)],
			r->connection);
	}
	return response_error(r->connection, MHD_HTTP_NOT_FOUND,
			      "there is nothing at this address");
}

/* An event stream; HEAD gets its headers alone. */
static enum MHD_Result events_answer(struct request *r, bool head)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!head)
		return streams_open(&r->server->streams, r->connection);
	response = response_new("", 0, MHD_RESPMEM_PERSISTENT, "text/event-stream", CACHE_NEVER);
	result = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* What is there of each host, and what of this one alone. */
static const struct {
	const char *path;
	int text;
} documents[] = {
	{"/api/status", ANSWER_STATUS},
	{"/api/queue", ANSWER_QUEUE},
	{"/api/host", ANSWER_HOST},
};
static const struct {
	const char *path;
	int kind, days;
} histories[] = {
	{"/api/report", ASK_REPORT, 30},
	{"/api/timeline", ASK_TIMELINE, 1},
	{"/api/events/log", ASK_EVENTS, 1},
};

static enum MHD_Result answer(struct request *r, const char *path, const char *query, bool head,
			      bool with_cookie)
{
	AUTO_FREE char *name = NULL;
	struct err e = {0};
	int host = HOST_HERE;

	if (!strncmp(path, "/api/", 5) && query_value(query, "host", &name, &e) < 0)
		return response_error(r->connection, MHD_HTTP_BAD_REQUEST, "%s", e.text);
	if (name && *name)
		host = hosts_find(r->server, name);
	if (host == HOST_UNKNOWN)
		return response_error(r->connection, MHD_HTTP_NOT_FOUND,
				      "this server knows no other host of that name (see "
				      "/api/hosts)");
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		if (!strcmp(path, documents[i].path))
			return host < 0 ? refresh_answer(r, documents[i].text)
					: hosts_answer(r, host, documents[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(histories); i++) {
		if (strcmp(path, histories[i].path) != 0)
			continue;
		if (host >= 0)
			return response_error(r->connection, MHD_HTTP_NOT_FOUND,
					      "the past of another host is known to its own "
					      "server alone");
		return history_answer(r, query, histories[i].kind, histories[i].days);
	}
	if (!strcmp(path, "/api/hosts"))
		return hosts_answer_list(r);
	if (!strcmp(path, "/metrics"))
		return hosts_answer_metrics(r);
	if (!strcmp(path, "/api/events"))
		return events_answer(r, head);
	return page_answer(r, path, with_cookie);
}

enum MHD_Result route(struct request *r, const char *method)
{
	struct server *s = r->server;
	bool head = !strcmp(method, MHD_HTTP_METHOD_HEAD);
	AUTO_FREE char *path = mem_strdup(r->target);
	enum access_token token;
	const char *query;

	query_split(path, &query);
	/* Nothing may begin to wait any more. */
	if (s->stopping)
		return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "the server is shutting down");
	if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return response_error(r->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				      "only GET and HEAD: nothing can be changed here");
	if (!access_host(s->config, s->loopback, r->connection))
		return response_error(
			r->connection, MHD_HTTP_FORBIDDEN,
			"this server does not answer to that host name: its "
			"administrator can add it with --allow-host (web.allow-host)");
	token = access_token(s->config, r->connection, query);
	/* Also without the token, for a monitor that restarts the server: it learns no more than
	   whether it works. */
	if (!strcmp(path, "/healthz"))
		return refresh_health(r, token != ACCESS_REFUSED);
	if (token == ACCESS_REFUSED)
		return response_error(
			r->connection, MHD_HTTP_UNAUTHORIZED,
			"this server requires a token: send 'Authorization: Bearer TOKEN', or "
			"open the page once with ?token=TOKEN");
	return answer(r, path, query, head, token == ACCESS_GRANTED_BY_QUERY);
}
