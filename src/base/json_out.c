/* JSON, piece by piece; see json_out.h. */
#include "base/json_out.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static void add_line(struct json_out *o)
{
	static const char spaces[] = "                                ";
	size_t columns = (size_t)o->depth * (size_t)o->indent;

	if (!o->indent)
		return;
	str_add_bytes(o->to, "\n", 1);
	while (columns) {
		size_t n = columns < sizeof(spaces) - 1 ? columns : sizeof(spaces) - 1;

		str_add_bytes(o->to, spaces, n);
		columns -= n;
	}
}

static void add_escaped(struct json_out *o, const char *at, size_t n, unsigned code)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = code && code < 0x80 ? strchr(plain, (int)code) : NULL;

	if (found)
		str_addf(o->to, "\\%c", letters[found - plain]);
	else if (code >= 0x20 && !o->ascii)
		str_add_bytes(o->to, at, n);
	else if (code > 0xffff)
		str_addf(o->to, "\\u%04X\\u%04X", 0xd800 + ((code - 0x10000) >> 10),
			 0xdc00 + ((code - 0x10000) & 0x3ff));
	else
		str_addf(o->to, "\\u%04X", code);
}

/* Invalid bytes become U+FFFD, as in text_utf8. */
static void add_quoted(struct json_out *o, const char *text)
{
	str_add_bytes(o->to, "\"", 1);
	while (*text) {
		size_t plain = 0, n;
		unsigned code;

		while ((unsigned char)text[plain] >= 0x20 && (unsigned char)text[plain] < 0x80 &&
		       text[plain] != '"' && text[plain] != '\\')
			plain++;
		str_add_bytes(o->to, text, plain);
		text += plain;
		if (!*text)
			break;
		n = text_decode(text, strlen(text), &code);
		if (n)
			add_escaped(o, text, n, code);
		else
			add_escaped(o, "\xef\xbf\xbd", 3, 0xfffd);
		text += n ? n : 1;
	}
	str_add_bytes(o->to, "\"", 1);
}

/* What stands before a value. */
static void begin(struct json_out *o, const char *name)
{
	if (o->has_any)
		str_add_bytes(o->to, ",", 1);
	if (o->depth)
		add_line(o);
	o->has_any = true;
	if (!name)
		return;
	add_quoted(o, name);
	str_add(o->to, o->indent ? ": " : ":");
}

void json_out_open(struct json_out *o, const char *name, const char *bracket)
{
	begin(o, name);
	str_add(o->to, bracket);
	o->depth++;
	o->has_any = false;
}

void json_out_close(struct json_out *o, const char *bracket)
{
	o->depth--;
	if (o->has_any)
		add_line(o);
	str_add(o->to, bracket);
	o->has_any = true;
}

void json_out_text(struct json_out *o, const char *name, const char *text)
{
	begin(o, name);
	if (text)
		add_quoted(o, text);
	else
		str_add(o->to, "null");
}

void json_out_int(struct json_out *o, const char *name, int64_t value)
{
	begin(o, name);
	str_addf(o->to, "%" PRId64, value);
}

void json_out_null(struct json_out *o, const char *name)
{
	json_out_text(o, name, NULL);
}

void json_out_bool(struct json_out *o, const char *name, bool value)
{
	begin(o, name);
	str_add(o->to, value ? "true" : "false");
}

void json_out_value(struct json_out *o, const char *name, const char *json)
{
	begin(o, name);
	while (*json) {
		size_t length = strcspn(json, "\n");

		str_add_bytes(o->to, json, length);
		json += length;
		if (*json) {
			add_line(o);
			json++;
		}
	}
}
