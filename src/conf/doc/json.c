/*
 * JSON. jansson decides what is valid (it refuses every invalid text, duplicate keys too) but tells
 * no places; so the text that it accepted is walked once more, by a reader that can trust it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/doc/reader.h"

static void skip_space(struct doc_reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

/* The four hexadecimal digits at p. */
static unsigned hex4(const char *p)
{
	char digits[5] = "";

	memcpy(digits, p, strnlen(p, 4));
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Reads what stands behind a backslash; a pair of surrogates is one character. */
static void add_escape(struct doc_reader *r, struct str *s)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char *known = *r->p ? strchr(letters, *r->p) : NULL;
	unsigned code_point;

	if (*r->p != 'u') {
		str_add_bytes(s, known ? &meanings[known - letters] : r->p, 1);
		r->p++;
		return;
	}
	code_point = hex4(r->p + 1);
	r->p += 5;
	if (code_point >= 0xd800 && code_point < 0xdc00) {
		code_point = 0x10000 + ((code_point - 0xd800) << 10) + (hex4(r->p + 2) - 0xdc00);
		r->p += 6;
	}
	doc_add_utf8(s, code_point);
}

/* The string whose opening quote is at r->p. */
static char *read_string(struct doc_reader *r)
{
	struct str s = {0};

	for (r->p++; *r->p && *r->p != '"';) {
		size_t plain = strcspn(r->p, "\"\\");

		str_add_bytes(&s, r->p, plain);
		r->p += plain;
		if (*r->p == '\\') {
			r->p++;
			add_escape(r, &s);
		}
	}
	r->p += *r->p == '"';
	return str_steal(&s);
}

static int read_value(struct doc_reader *r, int depth, struct doc_node **ret_node);

/* One member of an object: "key": value. */
static int read_member(struct doc_reader *r, int depth, struct doc_node **ret_node)
{
	AUTO_FREE char *key = NULL;
	int line, column, result;

	doc_place(r, r->p, &line, &column);
	key = read_string(r);
	skip_space(r);
	r->p += *r->p == ':';
	result = read_value(r, depth, ret_node);
	if (result)
		return result;
	(*ret_node)->key = mem_steal(&key);
	(*ret_node)->key_line = line;
	(*ret_node)->key_column = column;
	return 0;
}

/* Fills an object or array whose opening bracket is at r->p. */
static int read_children(struct doc_reader *r, int depth, struct doc_node *parent)
{
	char close = parent->kind == DOC_MAPPING ? '}' : ']';

	if (depth >= DOC_DEPTH_MAX)
		return doc_fail(r, r->p, "nested deeper than %d levels", DOC_DEPTH_MAX);
	for (r->p++; skip_space(r), *r->p && *r->p != close;) {
		struct doc_node *child = NULL;
		int result = close == '}' ? read_member(r, depth + 1, &child)
					  : read_value(r, depth + 1, &child);

		if (result)
			return result;
		doc_add(parent, child);
		skip_space(r);
		r->p += *r->p == ',';
	}
	r->p += *r->p == close;
	return 0;
}

/* true, false, null or a number. Whole numbers lose "-0"; jansson made sure that they fit. */
static char *read_word(struct doc_reader *r, enum doc_kind *ret_kind)
{
	size_t length = strcspn(r->p, " \t\r\n,]}");
	AUTO_FREE char *word = mem_printf("%.*s", (int)length, r->p);

	r->p += length;
	if (*word == 'n') {
		*ret_kind = DOC_NULL;
		return NULL;
	}
	if (*word == 't' || *word == 'f')
		*ret_kind = DOC_BOOL;
	else if (strpbrk(word, ".eE"))
		*ret_kind = DOC_FLOAT;
	else
		*ret_kind = DOC_INT;
	if (*ret_kind == DOC_INT)
		return mem_printf("%lld", strtoll(word, NULL, 10));
	return mem_steal(&word);
}

static int read_value(struct doc_reader *r, int depth, struct doc_node **ret_node)
{
	AUTO(doc_freep) struct doc_node *node = NULL;
	int result;

	skip_space(r);
	result = doc_node_at(r, DOC_STRING, r->p, &node);
	if (result)
		return result;
	if (*r->p == '"') {
		node->text = read_string(r);
	} else if (*r->p == '{' || *r->p == '[') {
		node->kind = *r->p == '{' ? DOC_MAPPING : DOC_SEQUENCE;
		if ((result = read_children(r, depth, node)))
			return result;
	} else {
		node->text = read_word(r, &node->kind);
	}
	*ret_node = mem_steal(&node);
	return 0;
}

int doc_read_json(struct doc_reader *r, struct doc_node **ret_root)
{
	json_error_t error;
	json_t *valid =
		json_loadb(r->text, (size_t)(r->end - r->text), JSON_REJECT_DUPLICATES, &error);

	if (!valid)
		return doc_error(r->name, error.line > 0 ? error.line : 1,
				 error.column > 0 ? error.column : 1, r->e, "%s", error.text);
	json_decref(valid);
	skip_space(r);
	if (*r->p != '{')
		return doc_fail(r, r->p, "the document must be an object: {...}");
	return read_value(r, 0, ret_root);
}
