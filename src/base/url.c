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

char *url_without_password(const char *url)
{
	const char *begin = url ? strstr(url, "://") : NULL, *at, *colon;

	/* The last @ of all: a password may hold one, or a slash, that was not encoded. To hide a
	   little too much of a strange path does no harm. */
	at = begin ? strrchr(begin, '@') : NULL;
	colon = at ? memchr(begin + 3, ':', (size_t)(at - begin - 3)) : NULL;
	if (!colon)
		return mem_strdup(url);
	return mem_printf("%.*s%s", (int)(colon - url), url, at);
}
