/* The small texts of a request; see query.h. */
#include "web/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"

void query_split(char *target, const char **ret_query)
{
	char *mark = strchr(target, '?');

	*ret_query = "";
	if (mark) {
		*mark = '\0';
		*ret_query = mark + 1;
	}
}

/* One "name=value" of length bytes, decoded; NULL where it cannot be. */
static char *decode(const char *text, size_t length)
{
	AUTO_FREE char *spaced = mem_alloc(length + 1, 1);

	for (size_t i = 0; i < length; i++)
		spaced[i] = text[i] == '+' ? ' ' : text[i];
	return url_decode(spaced, length);
}

int query_value(const char *query, const char *name, char **ret_value, struct err *e)
{
	AUTO_FREE char *value = NULL;

	for (const char *p = query; *p;) {
		size_t length = strcspn(p, "&"), key_length = strcspn(p, "=&");
		AUTO_FREE char *key = decode(p, key_length);
		bool ours = key && !strcmp(key, name);

		if (ours && value)
			return err_set(e, EINVAL, "parameter '%s' is given twice", name);
		if (ours && key_length < length)
			value = decode(p + key_length + 1, length - key_length - 1);
		else if (ours)
			value = mem_strdup("");
		if (ours && !value)
			return err_set(e, EINVAL, "parameter '%s' is not readable", name);
		p += length + (p[length] == '&');
	}
	*ret_value = mem_steal(&value);
	return 0;
}

int query_int(const char *query, const char *name, int min, int max, int fallback, int *ret_value,
	      struct err *e)
{
	AUTO_FREE char *value = NULL;
	int64_t number = fallback;
	int r = query_value(query, name, &value, e);

	if (r < 0)
		return r;
	/* Digits alone: no sign, nothing around them. */
	if (value &&
	    (value[strspn(value, "0123456789")] || parse_int(value, min, max, &number, NULL) < 0))
		return err_set(e, EINVAL, "'%s' must be a whole number from %d to %d", name, min,
			       max);
	*ret_value = (int)number;
	return 0;
}

/* The next element of a list with commas: its beginning and length without blanks; NULL at the end.
 */
static const char *next_element(const char **p, size_t *ret_length)
{
	const char *begin;

	*p += strspn(*p, " \t,");
	begin = *p;
	if (!*begin)
		return NULL;
	*p += strcspn(*p, ",");
	*ret_length = (size_t)(*p - begin);
	while (*ret_length && strchr(" \t", begin[*ret_length - 1]))
		(*ret_length)--;
	return begin;
}

bool query_tag_matches(const char *list, const char *tag)
{
	const char *element;
	size_t length;

	while ((element = next_element(&list, &length))) {
		if (length == 1 && *element == '*')
			return true;
		/* A weak tag will do: it is about not sending the same again. */
		if (length > 2 && !strncmp(element, "W/", 2)) {
			element += 2;
			length -= 2;
		}
		if (length == strlen(tag) && !memcmp(element, tag, length))
			return true;
	}
	return false;
}

bool query_takes_gzip(const char *list)
{
	const char *element;
	size_t length;

	while ((element = next_element(&list, &length))) {
		size_t name = strcspn(element, " \t;,");
		const char *q = memmem(element, length, "q=", 2);

		if (!(name == 4 && !strncasecmp(element, "gzip", 4)) &&
		    !(name == 1 && *element == '*'))
			continue;
		/* q=0, q=0.000: not wanted. */
		return !q || strspn(q + 2, "0.") < strcspn(q + 2, " \t;,");
	}
	return false;
}

char *query_cookie(const char *header, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = header; *p;) {
		size_t pair;

		p += strspn(p, " \t;");
		pair = strcspn(p, ";");
		if (pair > length && p[length] == '=' && !memcmp(p, name, length))
			return url_decode(p + length + 1, pair - length - 1);
		p += pair;
	}
	return NULL;
}

bool query_host_in(const char *host, const char *list)
{
	/* "[::1]:8080" has colons in its name, "gpu1:8080" has not. */
	size_t name = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *element;
	size_t length;

	if (*host == '[' && name > strlen(host))
		return false;
	if (host[name] &&
	    (host[name] != ':' || host[name + 1 + strspn(host + name + 1, "0123456789")]))
		return false;
	while (name && (element = next_element(&list, &length))) {
		if (length == name && !strncasecmp(element, host, name))
			return true;
	}
	return false;
}
