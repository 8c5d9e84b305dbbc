/* The document tree: nodes, places, errors, and what is checked before any reader begins. */
#include "conf/doc/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "conf/doc/reader.h"

struct doc_node *doc_free(struct doc_node *node)
{
	if (!node)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		doc_free(node->children[i]);
	free(node->children);
	free(node->text);
	free(node->key);
	free(node);
	return NULL;
}

void doc_freep(struct doc_node **node)
{
	doc_free(*node);
}

struct doc_node *doc_find(const struct doc_node *mapping, const char *key)
{
	for (size_t i = 0; i < mapping->count; i++) {
		if (!strcmp(mapping->children[i]->key, key))
			return mapping->children[i];
	}
	return NULL;
}

void doc_add(struct doc_node *parent, struct doc_node *child)
{
	parent->children =
		mem_resize(parent->children, parent->count + 1, sizeof(*parent->children));
	parent->children[parent->count++] = child;
}

/* Keys and values may hold newlines and worse: the message is made printable as a whole. */
__attribute__((format(printf, 5, 0))) static int
doc_verror(const char *name, int line, int column, struct err *e, const char *format, va_list args)
{
	char raw[sizeof(((struct err *)0)->text)];
	AUTO_FREE char *text = NULL;

	vsnprintf(raw, sizeof(raw), format, args);
	text = text_printable(raw);
	return err_usage(e, "%s:%d:%d: %s", name, line, column, text);
}

int doc_error(const char *name, int line, int column, struct err *e, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = doc_verror(name, line, column, e, format, args);
	va_end(args);
	return r;
}

void doc_place(struct doc_reader *r, const char *at, int *ret_line, int *ret_column)
{
	if (at < r->counted) {
		r->counted = r->text;
		r->line = r->column = 1;
	}
	for (; r->counted < at; r->counted++) {
		if (*r->counted == '\n') {
			r->line++;
			r->column = 1;
		} else if (((unsigned char)r->counted[1] & 0xc0) != 0x80) {
			r->column++;
		}
	}
	*ret_line = r->line;
	*ret_column = r->column;
}

int doc_fail(struct doc_reader *r, const char *at, const char *format, ...)
{
	int line, column, result;
	va_list args;

	doc_place(r, at, &line, &column);
	va_start(args, format);
	result = doc_verror(r->name, line, column, r->e, format, args);
	va_end(args);
	return result;
}

int doc_node_new(struct doc_reader *r, enum doc_kind kind, int line, int column,
		 struct doc_node **ret_node)
{
	struct doc_node *node;

	if (++r->nodes > DOC_NODES_MAX)
		return doc_error(r->name, line, column, r->e, "more than %d values", DOC_NODES_MAX);
	node = mem_alloc(1, sizeof(*node));
	node->kind = kind;
	node->line = line;
	node->column = column;
	*ret_node = node;
	return 0;
}

int doc_node_at(struct doc_reader *r, enum doc_kind kind, const char *at,
		struct doc_node **ret_node)
{
	int line, column;

	doc_place(r, at, &line, &column);
	return doc_node_new(r, kind, line, column, ret_node);
}

void doc_add_utf8(struct str *s, unsigned code_point)
{
	char bytes[4];
	size_t n = 0;

	if (code_point < 0x80) {
		bytes[n++] = (char)code_point;
	} else if (code_point < 0x800) {
		bytes[n++] = (char)(0xc0 | code_point >> 6);
	} else {
		if (code_point < 0x10000) {
			bytes[n++] = (char)(0xe0 | code_point >> 12);
		} else {
			bytes[n++] = (char)(0xf0 | code_point >> 18);
			bytes[n++] = (char)(0x80 | (code_point >> 12 & 0x3f));
		}
		bytes[n++] = (char)(0x80 | (code_point >> 6 & 0x3f));
	}
	if (code_point >= 0x80)
		bytes[n++] = (char)(0x80 | (code_point & 0x3f));
	str_add_bytes(s, bytes, n);
}

enum doc_format doc_format_of(const char *path)
{
	const char *ending = strrchr(path, '.');

	if (ending && !strcasecmp(ending, ".json"))
		return DOC_JSON;
	if (ending && !strcasecmp(ending, ".toml"))
		return DOC_TOML;
	return DOC_YAML;
}

/* Refuses what no text file holds, so that the readers meet only valid UTF-8 without NUL. */
static int check_encoding(struct doc_reader *r)
{
	size_t length = (size_t)(r->end - r->text);
	const unsigned char *bytes = (const unsigned char *)r->text;
	const char *p = r->text;

	if (length >= 2 &&
	    ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff)))
		return doc_fail(r, p, "the file is UTF-16, save it as UTF-8");
	while (p < r->end) {
		unsigned code_point;
		size_t n = text_decode(p, (size_t)(r->end - p), &code_point);

		if (n == 0)
			return doc_fail(r, p, "byte 0x%02x is not valid UTF-8", (unsigned char)*p);
		if (code_point == 0)
			return doc_fail(r, p, "a NUL byte: this is not a text file");
		p += n;
	}
	return 0;
}

static int parse(struct doc_reader *r, enum doc_format format, struct doc_node **ret_root)
{
	int result = check_encoding(r);

	if (result)
		return result;
	switch (format) {
	case DOC_JSON:
		return doc_read_json(r, ret_root);
	case DOC_TOML:
		return doc_read_toml(r, ret_root);
	case DOC_YAML:
		break;
	}
	return doc_read_yaml(r, ret_root);
}

int doc_parse(const char *name, enum doc_format format, const char *text, size_t length,
	      struct doc_node **ret_root, struct err *e)
{
	AUTO_FREE char *copy = mem_alloc(length + 1, 1);
	struct doc_reader r = {.name = name, .text = copy, .line = 1, .column = 1, .e = e};

	if (length > DOC_BYTES_MAX)
		return err_usage(e, "%s: larger than %d KiB", name, DOC_BYTES_MAX / 1024);
	/* Editors on other systems put a byte order mark in front. */
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		length -= 3;
	}
	if (length)
		memcpy(copy, text, length);
	r.end = copy + length;
	r.p = r.counted = r.text;
	return parse(&r, format, ret_root);
}
