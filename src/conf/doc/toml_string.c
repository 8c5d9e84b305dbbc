/* TOML: the four kinds of strings, keys, and the space between things. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/doc/toml.h"

void toml_skip_space(struct doc_reader *r)
{
	r->p += strspn(r->p, " \t");
}

bool toml_skip_newline(struct doc_reader *r)
{
	if (*r->p == '\n')
		r->p++;
	else if (r->p[0] == '\r' && r->p[1] == '\n')
		r->p += 2;
	else
		return false;
	return true;
}

/* Control characters other than tab are allowed nowhere. Newlines are the caller's business. */
static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

int toml_skip_comment(struct doc_reader *r)
{
	if (*r->p != '#')
		return 0;
	while (!is_control(*r->p))
		r->p++;
	if (r->p == r->end || *r->p == '\n' || (r->p[0] == '\r' && r->p[1] == '\n'))
		return 0;
	return doc_fail(r, r->p, "a control character (0x%02x) in a comment", *r->p);
}

/* \uXXXX and \UXXXXXXXX: r->p is behind the letter. */
static int read_code_point(struct doc_reader *r, int digits, struct str *s)
{
	const char *start = r->p - 2;
	unsigned code_point = 0;

	for (int i = 0; i < digits; i++, r->p++) {
		int c = tolower((unsigned char)*r->p);

		if (!isxdigit(c))
			return doc_fail(r, start, "\\%c needs %d hexadecimal digits", start[1],
					digits);
		code_point = code_point << 4 | (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
		return doc_fail(r, start, "\\%c%.*s is not a character", start[1], digits,
				start + 2);
	if (code_point == 0)
		return doc_fail(r, start, "a NUL character is not allowed");
	doc_add_utf8(s, code_point);
	return 0;
}

/* In """...""": a backslash at the end of a line swallows it and all space that follows. */
static bool skip_line_end(struct doc_reader *r)
{
	const char *start = r->p;

	toml_skip_space(r);
	if (!toml_skip_newline(r)) {
		r->p = start;
		return false;
	}
	do
		toml_skip_space(r);
	while (toml_skip_newline(r));
	return true;
}

/* r->p is behind the backslash. */
static int read_escape(struct doc_reader *r, bool multiline, struct str *s)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	const char *known = *r->p ? strchr(letters, *r->p) : NULL;

	if (multiline && skip_line_end(r))
		return 0;
	if (known) {
		str_add_bytes(s, &meanings[known - letters], 1);
		r->p++;
		return 0;
	}
	if (*r->p != 'u' && *r->p != 'U')
		return doc_fail(r, r->p - 1, "unknown escape (use \\\\ for a backslash)");
	r->p++;
	return read_code_point(r, r->p[-1] == 'u' ? 4 : 8, s);
}

/* How many times the character c is repeated here, counted up to 5: three close, two more are text.
 */
static size_t count_quotes(const char *p, char c)
{
	size_t n = 0;

	while (n < 5 && p[n] == c)
		n++;
	return n;
}

/* One step inside a string. True in *ret_end when the closing quotes were read. */
static int read_string_step(struct doc_reader *r, char quote, bool multiline, struct str *s,
			    bool *ret_end)
{
	if (*r->p == quote) {
		size_t n = multiline ? count_quotes(r->p, quote) : 3;

		*ret_end = n >= 3;
		str_add_bytes(s, r->p, n >= 3 ? n - 3 : n);
		r->p += multiline ? n : 1;
		return 0;
	}
	if (*r->p == '\\' && quote == '"') {
		r->p++;
		return read_escape(r, multiline, s);
	}
	if (multiline && toml_skip_newline(r)) {
		str_add(s, "\n");
		return 0;
	}
	if (is_control(*r->p))
		return doc_fail(r, r->p, "a control character (0x%02x) in a string", *r->p);
	str_add_bytes(s, r->p++, 1);
	return 0;
}

int toml_read_string(struct doc_reader *r, char **ret_text)
{
	const char *start = r->p;
	char quote = *start;
	bool multiline = start[1] == quote && start[2] == quote;
	AUTO(str_clear) struct str s = {0};
	bool end = false;

	r->p += multiline ? 3 : 1;
	if (multiline)
		(void)toml_skip_newline(r);
	while (!end) {
		int result;

		if (r->p == r->end || (!multiline && (*r->p == '\n' || *r->p == '\r')))
			return doc_fail(r, start, "the string is not closed");
		result = read_string_step(r, quote, multiline, &s, &end);
		if (result)
			return result;
	}
	*ret_text = str_steal(&s);
	return 0;
}

void toml_key_clear(struct toml_key *key)
{
	for (size_t i = 0; i < key->count; i++)
		free(key->parts[i]);
	key->count = 0;
}

/* One part of a key: bare, or in quotes (never three: a key stays on its line). */
static int read_key_part(struct doc_reader *r, char **ret_part)
{
	size_t length = 0;

	if (*r->p == '"' || *r->p == '\'') {
		if (r->p[1] == *r->p && r->p[2] == *r->p)
			return doc_fail(r, r->p, "a key cannot span several lines");
		return toml_read_string(r, ret_part);
	}
	while (isalnum((unsigned char)r->p[length]) || r->p[length] == '_' || r->p[length] == '-')
		length++;
	if (length == 0)
		return doc_fail(r, r->p, "expected a key");
	*ret_part = mem_printf("%.*s", (int)length, r->p);
	r->p += length;
	return 0;
}

int toml_read_key(struct doc_reader *r, struct toml_key *ret_key)
{
	for (;;) {
		int result;

		toml_skip_space(r);
		if (ret_key->count == DOC_DEPTH_MAX)
			return doc_fail(r, r->p, "a key of more than %d parts", DOC_DEPTH_MAX);
		ret_key->at[ret_key->count] = r->p;
		doc_place(r, r->p, &ret_key->line[ret_key->count],
			  &ret_key->column[ret_key->count]);
		result = read_key_part(r, &ret_key->parts[ret_key->count]);
		if (result)
			return result;
		ret_key->count++;
		toml_skip_space(r);
		if (*r->p != '.')
			return 0;
		r->p++;
	}
}
