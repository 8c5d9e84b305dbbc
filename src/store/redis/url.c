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

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

static void login_clear(struct redis_login *l)
{
	free(l->user);
	free(l->password);
	free(l->password_file);
}

void redis_address_clear(struct redis_address *a)
{
	for (size_t i = 0; i < a->places_count; i++)
		free(a->places[i].host);
	free(a->places);
	free(a->primary);
	free(a->path);
	login_clear(&a->login);
	login_clear(&a->sentinel_login);
	free(a->ca_file);
	free(a->shown);
	free(a->server);
	*a = (struct redis_address){0};
}

static int bad_url(const char *url, const char *why, struct err *e)
{
	AUTO_FREE char *shown = url_without_password(url);

	return err_usage(e,
			 "store '%.200s': %s (like redis://localhost:6379/0, "
			 "unix:///run/redis/redis.sock?db=0, or "
			 "redis+sentinel://host1:26379,host2:26379/mymaster/0)",
			 shown, why);
}

/* "user:password", "user" or ":password". */
static int parse_login(const char *url, const char *text, size_t length, struct redis_address *a,
		       struct err *e)
{
	const char *colon = memchr(text, ':', length);
	size_t user = colon ? (size_t)(colon - text) : length;

	if (user) {
		a->login.user = url_decode(text, user);
		if (!a->login.user)
			return bad_url(url, "the user name has a % that is not %XX", e);
	}
	if (colon) {
		a->login.password = url_decode(colon + 1, length - user - 1);
		if (!a->login.password)
			return bad_url(url, "the password has a % that is not %XX", e);
	}
	return 0;
}

/* "host", "host:port", "[::1]:port". */
static int parse_host(const char *url, const char *text, size_t length, int default_port,
		      struct redis_place *ret_place, struct err *e)
{
	const char *end = text + length;
	const char *close = length && *text == '[' ? memchr(text, ']', length) : NULL;
	const char *colon =
		memchr(close ? close : text, ':', (size_t)(end - (close ? close : text)));
	AUTO_FREE char *port = NULL, *host = NULL;
	int64_t number = default_port;

	if (length && *text == '[' && (!close || (close + 1 < end && close + 1 != colon)))
		return bad_url(url, "an address in brackets is not closed", e);
	if (close)
		host = url_decode(text + 1, (size_t)(close - text - 1));
	else
		host = url_decode(text, (size_t)((colon ? colon : end) - text));
	if (!host || !*host)
		return bad_url(url, "the host is missing", e);
	/* To TLS that would mean any host of that domain. */
	if (*host == '.')
		return bad_url(url, "the host begins with a dot", e);
	port = colon ? url_decode(colon + 1, (size_t)(end - colon - 1)) : NULL;
	if (colon && (!port || parse_int(port, 1, 65535, &number, NULL) < 0))
		return bad_url(url, "the port is not a number from 1 to 65535", e);
	*ret_place = (struct redis_place){.host = mem_steal(&host), .port = (int)number};
	return 0;
}

/* The server, or each of the Sentinels, with commas between. */
static int parse_hosts(const char *url, const char *text, size_t length, bool sentinels,
		       struct redis_address *a, struct err *e)
{
	const char *end = text + length;

	for (;;) {
		const char *comma = sentinels ? memchr(text, ',', (size_t)(end - text)) : NULL;
		size_t one = (size_t)((comma ? comma : end) - text);
		struct redis_place place;
		int r = parse_host(url, text, one, sentinels ? SENTINEL_PORT : REDIS_PORT, &place,
				   e);

		if (r < 0)
			return r;
		a->places = mem_resize(a->places, a->places_count + 1, sizeof(*a->places));
		a->places[a->places_count++] = place;
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

static int parse_db(const char *url, const char *text, struct redis_address *a, struct err *e)
{
	int64_t number;

	if (!text || parse_int(text, 0, 65535, &number, NULL) < 0)
		return bad_url(url, "the database is not a number", e);
	a->db = (int)number;
	return 0;
}

/* Where a parameter that is a text goes; NULL if there is none of that name. */
static char **text_parameter(struct redis_address *a, const char *name)
{
	const struct {
		const char *name;
		char **place;
		bool allowed;
	} texts[] = {
		{"ca", &a->ca_file, a->tls},
		{"password-file", &a->login.password_file, true},
		{"sentinel-user", &a->sentinel_login.user, a->primary},
		{"sentinel-password", &a->sentinel_login.password, a->primary},
		{"sentinel-password-file", &a->sentinel_login.password_file, a->primary},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(texts[i].name, name) && texts[i].allowed)
			return texts[i].place;
	}
	return NULL;
}

static bool is_path_parameter(const char *name)
{
	return !strcmp(name, "ca") || !strcmp(name, "password-file") ||
	       !strcmp(name, "sentinel-password-file");
}

/* One "name=value" of the query. */
static int parse_parameter(const char *url, const char *text, size_t length,
			   struct redis_address *a, struct err *e)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	AUTO_FREE char *name = mem_printf("%.*s", (int)name_length, text);
	AUTO_FREE char *value = equals ? url_decode(equals + 1, length - name_length - 1) : NULL;
	char **place = text_parameter(a, name);

	if (!strcmp(name, "db") && a->path)
		return parse_db(url, value, a, e);
	if (place && value && *value && (*value == '/' || !is_path_parameter(name))) {
		mem_replace(place, value);
		return 0;
	}
	if (!strcmp(name, "timeout") && value && parse_duration(value, &a->call_ns, NULL) == 0) {
		a->connect_ns = a->call_ns;
		return 0;
	}
	return bad_url(url,
		       "only timeout=5s, password-file=/path, db=N (of a socket), ca=/path (with "
		       "TLS), and sentinel-user, sentinel-password, sentinel-password-file=/path "
		       "(with Sentinel) may follow the ?",
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

/* The name of the primary, and the database: "/mymaster/0". */
static int parse_primary(const char *url, const char *text, size_t length, struct redis_address *a,
			 struct err *e)
{
	const char *slash = length > 1 ? memchr(text + 1, '/', length - 1) : NULL;
	size_t end = slash ? (size_t)(slash - text) : length;
	AUTO_FREE char *db = NULL;

	a->primary = end > 1 ? url_decode(text + 1, end - 1) : NULL;
	if (!a->primary)
		return bad_url(url, "the name of the primary is missing", e);
	if (!slash || end + 1 == length)
		return 0;
	db = url_decode(slash + 1, length - end - 1);
	return parse_db(url, db, a, e);
}

/* What follows host or login: "/0" for a server, the path of a socket. */
static int parse_path(const char *url, const char *text, size_t length, struct redis_address *a,
		      struct err *e)
{
	AUTO_FREE char *path = url_decode(text, length);

	if (a->places_count)
		return length > 1 ? parse_db(url, path ? path + 1 : NULL, a, e) : 0;
	if (!path || length < 2)
		return bad_url(url, "the path of the socket is missing", e);
	a->path = mem_steal(&path);
	return 0;
}

/* A login has a user only with a password, and that from one source. */
static int check_login(const char *url, const struct redis_login *l, struct err *e)
{
	if (l->password && l->password_file)
		return bad_url(url, "it has a password and a password file", e);
	if (l->user && !l->password && !l->password_file)
		return bad_url(url, "a user needs a password: user:password@", e);
	return 0;
}

static void add_place(struct str *out, const struct redis_place *place)
{
	bool is_ipv6 = strchr(place->host, ':') != NULL;

	str_addf(out, "%s%s%s%s:%d", out->length ? "," : "", is_ipv6 ? "[" : "", place->host,
		 is_ipv6 ? "]" : "", place->port);
}

/* The names for people. */
static void make_names(struct redis_address *a)
{
	AUTO(str_clear) struct str places = {0};
	AUTO_FREE char *user = a->login.user ? url_encode(a->login.user) : NULL;
	const char *name = user ? user : "", *at = user ? "@" : "";
	const char *scheme = a->tls ? "rediss" : "redis";

	if (a->path) {
		a->server = mem_strdup(a->path);
		a->shown = mem_printf("unix://%s%s%s?db=%d", name, at, a->path, a->db);
		return;
	}
	for (size_t i = 0; i < a->places_count; i++)
		add_place(&places, &a->places[i]);
	if (a->primary) {
		AUTO_FREE char *primary = url_encode(a->primary);

		a->server = mem_printf("%s (of Sentinel %s)", a->primary, str_text(&places));
		a->shown = mem_printf("%s+sentinel://%s%s%s/%s/%d", scheme, name, at,
				      str_text(&places), primary, a->db);
		return;
	}
	a->server = mem_strdup(str_text(&places));
	a->shown = mem_printf("%s://%s%s%s/%d", scheme, name, at, a->server, a->db);
}

int redis_address_parse(const char *url, struct redis_address *ret_address, struct err *e)
{
	AUTO(redis_address_clear)
	struct redis_address a = {.connect_ns = CONNECT_LIMIT_NS, .call_ns = CALL_LIMIT_NS};
	const char *rest = strstr(url, "://");
	bool sentinels =
		url_has_scheme(url, "redis+sentinel:") || url_has_scheme(url, "rediss+sentinel:");
	size_t authority, login = 0, path;
	int r = 0;

	if (!rest)
		return bad_url(url, "'//' is missing after the colon", e);
	a.tls = !strncmp(url, "rediss", 6);
	rest += 3;
	authority = strcspn(rest, "/?");
	for (size_t i = 0; i < authority; i++) {
		if (rest[i] == '@')
			login = i + 1;
	}
	if (login)
		r = parse_login(url, rest, login - 1, &a, e);
	if (r == 0 && !url_has_scheme(url, "unix:"))
		r = parse_hosts(url, rest + login, authority - login, sentinels, &a, e);
	else if (r == 0 && authority > login)
		r = bad_url(url, "a socket needs its full path", e);
	rest += authority;
	path = strcspn(rest, "?");
	if (r == 0)
		r = sentinels ? parse_primary(url, rest, path, &a, e)
			      : parse_path(url, rest, path, &a, e);
	if (r == 0 && rest[path])
		r = parse_query(url, rest + path + 1, &a, e);
	if (r == 0)
		r = check_login(url, &a.login, e);
	if (r == 0)
		r = check_login(url, &a.sentinel_login, e);
	if (r < 0)
		return r;
	make_names(&a);
	*ret_address = a;
	a = (struct redis_address){0};
	return 0;
}
