/* A string that grows. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void str_reserve(struct str *s, size_t more)
{
	size_t need = s->length + more + 1;
	size_t capacity = s->capacity ? s->capacity : 64;

	if (need <= s->capacity)
		return;
	while (capacity < need)
		capacity *= 2;
	s->text = mem_resize(s->text, capacity, 1);
	s->capacity = capacity;
}

void str_add_bytes(struct str *s, const void *bytes, size_t length)
{
	str_reserve(s, length);
	if (length)
		memcpy(s->text + s->length, bytes, length);
	s->length += length;
	s->text[s->length] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void str_addf(struct str *s, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n > 0) {
		str_reserve(s, (size_t)n);
		vsnprintf(s->text + s->length, (size_t)n + 1, format, again);
		s->length += (size_t)n;
	}
	va_end(again);
}

void str_add_shell_word(struct str *s, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_";

	if (*word && !word[strspn(word, plain)]) {
		str_add(s, word);
		return;
	}
	str_add(s, "'");
	for (const char *quote; (quote = strchr(word, '\'')); word = quote + 1) {
		str_add_bytes(s, word, (size_t)(quote - word));
		str_add(s, "'\\''");
	}
	str_add(s, word);
	str_add(s, "'");
}

const char *str_text(const struct str *s)
{
	return s->text ? s->text : "";
}

char *str_steal(struct str *s)
{
	char *text = s->text ? s->text : mem_strdup("");

	*s = (struct str){0};
	return text;
}

void str_clear(struct str *s)
{
	free(s->text);
	*s = (struct str){0};
}

char *str_join_ids(const int *ids, size_t count, const char *separator)
{
	struct str out = {0};

	for (size_t i = 0; i < count; i++)
		str_addf(&out, "%s%d", i ? separator : "", ids[i]);
	return str_steal(&out);
}

char *str_from_ids(const int *ids, size_t count)
{
	AUTO_FREE char *joined = str_join_ids(ids, count, ", ");

	return mem_printf("[%s]", joined);
}

char *str_join_ranges(const int *ids, size_t count)
{
	struct str out = {0};

	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && ids[next] == ids[next - 1] + 1;)
			next++;
		str_addf(&out, "%s%d", i ? "," : "", ids[i]);
		if (next - i > 1)
			str_addf(&out, "-%d", ids[next - 1]);
	}
	return str_steal(&out);
}

const char *str_plural(size_t count)
{
	return count == 1 ? "" : "s";
}
