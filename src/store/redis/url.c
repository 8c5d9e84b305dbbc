/* URLs of Redis stores; see url.h. Called by redis.c. */
#include "store/redis/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/url.h"

#define CONNECT_LIMIT_NS (2 * NS_PER_SECOND)
#define CALL_LIMIT_NS (5 * NS_PER_SECOND)

void redis_address_clear(struct redis_address *a)
{
	free(a->host);
	free(a->path);
	free(a->user);
	free(a->password);
	free(a->ca_file);
	free(a->shown);
	free(a->server);
	*a = (struct redis_address){0};
}

static int bad_url(const char *url, const char *why, struct err *e)
{
	AUTO_FREE char *shown = url_without_password(url);

	return err_usage(e,
			 "store '%.200s': %s (like redis://localhost:6379/0, or "
			 "unix:///run/redis/redis.sock?db=0)",
			 shown, why);
}

/* "user:password", "user" or ":password". */
static int parse_login(const char *url, const char *text, size_t length, struct redis_address *a,
		       struct err *e)
{
	const char *colon = memchr(text, ':', length);
	size_t user = colon ? (size_t)(colon - text) : length;

	if (user) {
		a->user = url_decode(text, user);
		if (!a->user)
			return bad_url(url, "the user name has a % that is not %XX", e);
	}
	if (colon) {
		a->password = url_decode(colon + 1, length - user - 1);
		if (!a->password)
			return bad_url(url, "the password has a % that is not %XX", e);
	}
	if (a->user && !a->password)
		return bad_url(url, "a user needs a password: user:password@", e);
	return 0;
}

/* "host", "host:port", "[::1]:port". */
static int parse_host(const char *url, const char *text, size_t length, struct redis_address *a,
		      struct err *e)
{
	const char *end = text + length;
	const char *close = *text == '[' ? memchr(text, ']', length) : NULL;
	const char *colon =
		memchr(close ? close : text, ':', (size_t)(end - (close ? close : text)));
	AUTO_FREE char *port = NULL;
	int64_t number;

	if (*text == '[' && (!close || (close + 1 < end && close + 1 != colon)))
		return bad_url(url, "an address in brackets is not closed", e);
	if (close)
		a->host = url_decode(text + 1, (size_t)(close - text - 1));
	else
		a->host = url_decode(text, (size_t)((colon ? colon : end) - text));
	if (!a->host || !*a->host)
		return bad_url(url, "the host is missing", e);
	/* To TLS that would mean any host of that domain. */
	if (*a->host == '.')
		return bad_url(url, "the host begins with a dot", e);
	a->port = 6379;
	if (!colon)
		return 0;
	port = url_decode(colon + 1, (size_t)(end - colon - 1));
	if (!port || parse_int(port, 1, 65535, &number, NULL) < 0)
		return bad_url(url, "the port is not a number from 1 to 65535", e);
	a->port = (int)number;
	return 0;
}

static int parse_db(const char *url, const char *text, struct redis_address *a, struct err *e)
{
	int64_t number;

	if (!text || parse_int(text, 0, 65535, &number, NULL) < 0)
		return bad_url(url, "the database is not a number", e);
	a->db = (int)number;
	return 0;
}

/* One "name=value" of the query. */
static int parse_parameter(const char *url, const char *text, size_t length,
			   struct redis_address *a, struct err *e)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	AUTO_FREE char *value = equals ? url_decode(equals + 1, length - name - 1) : NULL;

	if (name == 2 && !memcmp(text, "db", 2) && a->path)
		return parse_db(url, value, a, e);
	if (name == 2 && !memcmp(text, "ca", 2) && a->tls && value && *value == '/') {
		mem_replace(&a->ca_file, value);
		return 0;
	}
	if (name == 7 && !memcmp(text, "timeout", 7) && value &&
	    parse_duration(value, &a->call_ns, NULL) == 0) {
		a->connect_ns = a->call_ns;
		return 0;
	}
	return bad_url(url,
		       a->tls ? "only ca=/path/to/file and timeout=5s may follow the ?"
			      : "only db=N (of a socket) and timeout=5s may follow the ?",
		       e);
}

static int parse_query(const char *url, const char *text, struct redis_address *a, struct err *e)
{
	int r = 0;

	while (r == 0 && *text) {
		size_t length = strcspn(text, "&");

		r = parse_parameter(url, text, length, a, e);
		text += length + (text[length] == '&');
	}
	return r;
}

/* What follows host or login: "/0" for a server, the path of a socket. */
static int parse_path(const char *url, const char *text, size_t length, struct redis_address *a,
		      struct err *e)
{
	AUTO_FREE char *path = url_decode(text, length);

	if (a->host)
		return length > 1 ? parse_db(url, path ? path + 1 : NULL, a, e) : 0;
	if (!path || length < 2)
		return bad_url(url, "the path of the socket is missing", e);
	a->path = mem_steal(&path);
	return 0;
}

/* The names for people. */
static void make_names(struct redis_address *a)
{
	struct str url = {0};
	AUTO_FREE char *user = a->user ? url_encode(a->user) : NULL;
	const char *open = "", *close = "";

	if (a->path) {
		a->server = mem_strdup(a->path);
		str_addf(&url, "unix://%s%s%s?db=%d", user ? user : "", user ? "@" : "", a->path,
			 a->db);
		a->shown = str_steal(&url);
		return;
	}
	if (strchr(a->host, ':')) {
		open = "[";
		close = "]";
	}
	a->server = mem_printf("%s%s%s:%d", open, a->host, close, a->port);
	str_addf(&url, "%s://%s%s%s/%d", a->tls ? "rediss" : "redis", user ? user : "",
		 user ? "@" : "", a->server, a->db);
	a->shown = str_steal(&url);
}

int redis_address_parse(const char *url, struct redis_address *ret_address, struct err *e)
{
	AUTO(redis_address_clear)
	struct redis_address a = {.connect_ns = CONNECT_LIMIT_NS, .call_ns = CALL_LIMIT_NS};
	const char *rest = strstr(url, "://");
	size_t authority, login = 0, path;
	int r = 0;

	if (!rest)
		return bad_url(url, "'//' is missing after the colon", e);
	a.tls = !strncmp(url, "rediss:", 7);
	rest += 3;
	authority = strcspn(rest, "/?");
	for (size_t i = 0; i < authority; i++) {
		if (rest[i] == '@')
			login = i + 1;
	}
	if (login)
		r = parse_login(url, rest, login - 1, &a, e);
	if (r == 0 && strncmp(url, "unix:", 5) != 0)
		r = parse_host(url, rest + login, authority - login, &a, e);
	else if (r == 0 && authority > login)
		r = bad_url(url, "a socket needs its full path", e);
	rest += authority;
	path = strcspn(rest, "?");
	if (r == 0)
		r = parse_path(url, rest, path, &a, e);
	if (r == 0 && rest[path])
		r = parse_query(url, rest + path + 1, &a, e);
	if (r < 0)
		return r;
	make_names(&a);
	*ret_address = a;
	a = (struct redis_address){0};
	return 0;
}
