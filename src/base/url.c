/* Percent encoding, and URLs without their password; see url.h. */
#include "base/url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Not by the locale: a URL has the same bytes everywhere. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

bool url_has_scheme(const char *url, const char *scheme)
{
	return !strncmp(url, scheme, strlen(scheme)) && url[strlen(scheme)];
}

const char *url_file_path(const char *url)
{
	static const char *const schemes[] = {"sqlite:"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (url_has_scheme(url, schemes[i]))
			return url + strlen(schemes[i]);
	}
	return NULL;
}

char *url_encode(const char *text)
{
	struct str out = {0};

	for (const char *p = text; *p; p++) {
		if (is_plain(*p))
			str_add_bytes(&out, p, 1);
		else
			str_addf(&out, "%%%02X", (unsigned)(unsigned char)*p);
	}
	return str_steal(&out);
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *url_decode(const char *text, size_t length)
{
	AUTO(str_clear) struct str out = {0};

	for (size_t i = 0; i < length; i++) {
		char byte = text[i];

		if (byte == '%') {
			int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text[i + 2]) : -1;

			if (low < 0 || (!high && !low))
				return NULL;
			byte = (char)(high * 16 + low);
			i += 2;
		}
		str_add_bytes(&out, &byte, 1);
	}
	return str_steal(&out);
}

/* True for what may stand behind the colon of a host: "6379", "6379/0", "6379/0?timeout=5s". */
static bool is_port(const char *text, bool sentinel)
{
	size_t digits = strspn(text, "0123456789");

	text += digits;
	/* The name of a primary follows, and what else is to be found there has no password. */
	if (sentinel && *text == '/')
		return digits > 0;
	if (*text == '/')
		text += 1 + strspn(text + 1, "0123456789");
	return digits && (!*text || *text == '?');
}

/* An address without a login: a colon that no port stands behind was meant to be one. Sentinels
   have commas between. */
static char *without_strange_port(const char *url, const char *begin)
{
	bool sentinel = strstr(url, "+sentinel:") != NULL;
	size_t authority = strcspn(begin, sentinel ? ",/?" : "/?");
	const char *bracket = *begin == '[' ? memchr(begin, ']', authority) : NULL;
	const char *host = bracket ? bracket : begin;
	const char *colon = memchr(host, ':', authority - (size_t)(host - begin));

	if (sentinel && begin[authority] == ',' &&
	    (!colon || strspn(colon + 1, "0123456789") == authority - (size_t)(colon + 1 - begin)))
		return without_strange_port(url, begin + authority + 1);
	if (!colon || (colon > begin && is_port(colon + 1, sentinel)))
		return mem_strdup(url);
	return mem_printf("%.*s:...", (int)(colon - url), url);
}

/* The same for passwords among the parameters. */
static char *without_parameters(char *url)
{
	static const char name[] = "password=";
	size_t done = 0;
	char *value;

	while ((value = strstr(url + done, name))) {
		char *out;

		value += strlen(name);
		done = (size_t)(value - url);
		out = mem_printf("%.*s...%s", (int)done, url, value + strcspn(value, "&"));
		free(url);
		url = out;
	}
	return url;
}

static char *without_login(const char *url)
{
	const char *begin = strchr(url, ':'), *at, *colon;

	/* A file has no password. */
	if (!begin || url_file_path(url))
		return mem_strdup(url);
	begin += strncmp(begin, "://", 3) ? 1 : 3;
	/* The last @ of all: a password may hold one, or a slash, that was not encoded. To hide a
	   little too much of a strange path does no harm. */
	at = strrchr(begin, '@');
	if (!at)
		return without_strange_port(url, begin);
	colon = memchr(begin, ':', (size_t)(at - begin));
	if (!colon)
		return mem_strdup(url);
	return mem_printf("%.*s%s", (int)(colon - url), url, at);
}

char *url_without_password(const char *url)
{
	return url ? without_parameters(without_login(url)) : NULL;
}
