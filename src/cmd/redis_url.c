/* The URL of a Redis store, the password included; see redis_url.h. */
#include "cmd/redis_url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"

#define REDIS_PORT 6379

static const char *const redis_keys[] = {
	"redis.host",     "redis.port",          "redis.db",      "redis.user",
	"redis.password", "redis.password-file", "redis.ca-file",
};

static bool is_sentinel(const char *url)
{
	return url_has_scheme(url, "redis+sentinel://") ||
	       url_has_scheme(url, "rediss+sentinel://");
}

static bool is_tls(const char *url)
{
	return url_has_scheme(url, "rediss://") || url_has_scheme(url, "rediss+sentinel://");
}

bool redis_url_is(const char *url)
{
	return is_sentinel(url) || is_tls(url) || url_has_scheme(url, "redis://") ||
	       url_has_scheme(url, "unix://");
}

enum setting_origin redis_url_origin(const struct settings *s)
{
	enum setting_origin strongest = ORIGIN_DEFAULT;

	for (size_t i = 0; i < ARRAY_SIZE(redis_keys); i++) {
		if (settings_origin(s, redis_keys[i]) > strongest)
			strongest = settings_origin(s, redis_keys[i]);
	}
	return strongest;
}

/* Whether a file cannot be read again, or not by a supervisor: a pipe of the shell, what this
   process alone has open. */
static bool is_for_once(const char *path)
{
	struct stat st;

	return !strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6) ||
	       (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

/*
 * What completes an address that names no login: "user:password@", "user@" with *ret_file, a
 * password file that the store reads whenever it connects, or "". The caller frees both.
 */
static int make_login(const struct settings *s, char **ret_login, char **ret_file, struct err *e)
{
	const char *user = settings_text(s, "redis.user");
	const char *file = settings_text(s, "redis.password-file");
	AUTO_FREE char *password = mem_strdup(settings_text(s, "redis.password"));
	AUTO_FREE char *user_part = url_encode(user ? user : ""), *password_part = NULL;

	if (password && file)
		return err_usage(e, "redis.password and redis.password-file are both set: remove "
				    "one");
	if (user && !password && !file)
		return err_usage(e, "redis.user is set, but has no password: set "
				    "redis.password-file");
	if (file && is_for_once(file)) {
		int r = file_read_password(file, "redis.password-file", &password, e);

		if (r < 0)
			return r;
		file = NULL;
	}
	*ret_file = file_absolute_path(file);
	password_part = url_encode(password ? password : "");
	if (password)
		*ret_login = mem_printf("%s:%s@", user_part, password_part);
	else
		*ret_login = user ? mem_printf("%s@", user_part) : mem_strdup("");
	return 0;
}

/* The server that the URL of a Redis store names: "host:port", the path of the socket, or the
   Sentinels with the name of the primary. */
static char *server_of(const char *url)
{
	const char *begin = strstr(url, "://") + 3, *at, *port;
	size_t length = strcspn(begin, "/?");

	at = memrchr(begin, '@', length);
	if (at) {
		length -= (size_t)(at + 1 - begin);
		begin = at + 1;
	}
	if (url_has_scheme(url, "unix://") || is_sentinel(url))
		return mem_printf("%.*s", (int)strcspn(begin, "?"), begin);
	port = memrchr(begin, ':', length);
	if (port && !memchr(port, ']', length - (size_t)(port - begin)))
		return mem_printf("%.*s", (int)length, begin);
	return mem_printf("%.*s:%d", (int)length, begin, REDIS_PORT);
}

/* True for the server that the settings mean: by its host and port, or by the URL of the store. */
static bool is_configured(const struct settings *s, const char *url)
{
	const char *host = settings_text(s, "redis.host"), *store = settings_text(s, "store");
	AUTO_FREE char *server = server_of(url), *by_host = NULL, *by_store = NULL;

	by_host = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
			     (int)settings_int(s, "redis.port"));
	if (store && redis_url_is(store))
		by_store = server_of(store);
	/* The default is localhost, where there may be no Redis, or somebody else's. */
	if ((settings_is_set(s, "redis.host") || settings_is_set(s, "redis.port")) &&
	    !strcmp(server, by_host))
		return true;
	return (by_store && !strcmp(server, by_store));
}

/* True where what is sent does not leave this host. */
static bool is_local(const char *url)
{
	AUTO_FREE char *server = server_of(url);
	size_t host = strcspn(server, ":");

	/* Sentinels on this host may name a server on another. */
	if (is_sentinel(url))
		return false;
	return url_has_scheme(url, "unix://") || !strncmp(server, "localhost:", 10) ||
	       !strncmp(server, "[::1]:", 6) ||
	       (!strncmp(server, "127.", 4) && strspn(server, "0123456789.") == host);
}

static bool has_parameter(const char *url, const char *name)
{
	AUTO_FREE char *first = mem_printf("?%s=", name), *later = mem_printf("&%s=", name);

	return strstr(url, first) || strstr(url, later);
}

static void add_parameter(struct str *url, const char *name, const char *value)
{
	AUTO_FREE char *text = url_encode(value);

	str_addf(url, "%c%s=%s", strchr(url->text, '?') ? '&' : '?', name, text);
}

/*
 * The login for an address that names none; nothing for one that does, and is complete. With
 * `beside`, only the server of the settings gets it: no other one needs to know that password. With
 * redis.ca-file TLS is wanted, so the password does not go over the network without.
 */
static int login_for(const struct settings *s, const char *url, bool beside, char **ret_login,
		     char **ret_file, struct err *e)
{
	const char *rest = strstr(url, "://") + 3;
	bool complete =
		memchr(rest, '@', strcspn(rest, "/?")) || has_parameter(url, "password-file");
	int r;

	if (complete || (beside && !is_configured(s, url))) {
		*ret_login = mem_strdup("");
		*ret_file = NULL;
		return 0;
	}
	r = make_login(s, ret_login, ret_file, e);
	if (r < 0)
		return r;
	if ((**ret_login || *ret_file) && settings_text(s, "redis.ca-file") && !is_tls(url) &&
	    !is_local(url)) {
		free(mem_steal(ret_login));
		free(mem_steal(ret_file));
		return err_usage(e,
				 "redis.ca-file is set, but '%.200s' does not use TLS: the "
				 "password would be sent in clear (use %s)",
				 url, is_sentinel(url) ? "rediss+sentinel://" : "rediss://");
	}
	return 0;
}

int redis_url_complete(const struct settings *s, const char *url, bool beside, char **ret_url,
		       struct err *e)
{
	const char *rest = strstr(url, "://") + 3;
	AUTO_FREE char *login = NULL, *file = NULL, *ca = NULL;
	struct str out = {0};
	int r = login_for(s, url, beside, &login, &file, e);

	if (r < 0)
		return r;
	str_addf(&out, "%.*s%s%s", (int)(rest - url), url, login, rest);
	if (file)
		add_parameter(&out, "password-file", file);
	ca = file_absolute_path(settings_text(s, "redis.ca-file"));
	if (ca && is_tls(url) && !has_parameter(url, "ca"))
		add_parameter(&out, "ca", ca);
	*ret_url = str_steal(&out);
	return 0;
}

int redis_url_from(const struct settings *s, char **ret_url, struct err *e)
{
	const char *host = settings_text(s, "redis.host");
	AUTO_FREE char *name = url_encode(host), *url = NULL;
	bool is_ipv6 = strchr(host, ':') != NULL;

	/* With authorities TLS is wanted. */
	url = mem_printf("%s://%s%s%s:%d/%d",
			 settings_text(s, "redis.ca-file") ? "rediss" : "redis", is_ipv6 ? "[" : "",
			 is_ipv6 ? host : name, is_ipv6 ? "]" : "",
			 (int)settings_int(s, "redis.port"), (int)settings_int(s, "redis.db"));
	return redis_url_complete(s, url, false, ret_url, e);
}
