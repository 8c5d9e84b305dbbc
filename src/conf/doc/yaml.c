/*
 * YAML, by libyaml's events: they carry places, and an alias is an event of its own, so that none
 * is ever expanded. Which plain words are numbers is the core schema of YAML 1.2: yes, no, on and
 * off are text, as in JSON and TOML.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/lazy/lazy.h"
#include "base/mem.h"
#include "conf/doc/reader.h"

struct yaml {
	yaml_parser_t parser;
	struct doc_reader *r;
};

static void yaml_clear(struct yaml *y)
{
	yaml_parser_delete(&y->parser);
}

static int fail_at(struct yaml *y, const yaml_mark_t *mark, const char *message)
{
	return doc_error(y->r->name, (int)mark->line + 1, (int)mark->column + 1, y->r->e, "%s",
			 message);
}

/* How many spaces are before the tab that indents a line (from 0 on); -1: none does. libyaml's own
   words for that name no tab. */
static int tab_column(const struct yaml *y, size_t line)
{
	const char *at = y->r->text;
	int spaces = 0;

	for (; line; line--, at++) {
		at = memchr(at, '\n', (size_t)(y->r->end - at));
		if (!at)
			return -1;
	}
	for (; at < y->r->end && *at == ' '; at++)
		spaces++;
	return at < y->r->end && *at == '\t' ? spaces : -1;
}

/* The error that libyaml reports. */
static int fail_syntax(struct yaml *y)
{
	const yaml_parser_t *p = &y->parser;
	const char *problem = p->problem ? p->problem : "invalid YAML";
	size_t length = (size_t)(y->r->end - y->r->text);
	int tab = p->error == YAML_READER_ERROR ? -1 : tab_column(y, p->problem_mark.line);

	/* Characters that YAML does not allow have an offset instead of a mark. */
	if (p->error == YAML_READER_ERROR)
		return doc_fail(y->r,
				y->r->text +
					(p->problem_offset < length ? p->problem_offset : length),
				"%s", problem);
	if (tab >= 0)
		return doc_error(y->r->name, (int)p->problem_mark.line + 1, tab + 1, y->r->e,
				 "a tab cannot indent a line of YAML: use spaces");
	if (!p->context)
		return fail_at(y, &p->problem_mark, problem);
	return doc_error(y->r->name, (int)p->problem_mark.line + 1, (int)p->problem_mark.column + 1,
			 y->r->e, "%s (%s from line %d)", problem, p->context,
			 (int)p->context_mark.line + 1);
}

static int next_event(struct yaml *y, yaml_event_t *event)
{
	if (!yaml_parser_parse(&y->parser, event)) {
		*event = (yaml_event_t){0};
		return fail_syntax(y);
	}
	return 0;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
	return !strcmp(text, a) || !strcmp(text, b) || !strcmp(text, c);
}

/* [-+]? (digits | 0o octal | 0x hexadecimal): the base, 0 if text is no whole number. */
static int int_base(const char *text)
{
	const char *digits = text + (*text == '-' || *text == '+');

	if (*digits && !digits[strspn(digits, "0123456789")])
		return 10;
	if (!strncmp(text, "0o", 2) && text[2] && !text[2 + strspn(text + 2, "01234567")])
		return 8;
	if (!strncmp(text, "0x", 2) && text[2] &&
	    !text[2 + strspn(text + 2, "0123456789abcdefABCDEF")])
		return 16;
	return 0;
}

/* [-+]? ( \. digits | digits ( \. digits? )? ) ( [eE] [-+]? digits )?, and the words for inf, nan.
 */
static bool is_float(const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	size_t digits;

	if (is_one_of(p, ".inf", ".Inf", ".INF") || is_one_of(text, ".nan", ".NaN", ".NAN"))
		return true;
	digits = strspn(p, "0123456789");
	p += digits;
	if (*p == '.') {
		size_t fraction = strspn(++p, "0123456789");

		digits += fraction;
		p += fraction;
	}
	if (digits == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		if (!isdigit((unsigned char)*p))
			return false;
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

/* Decides what an unquoted word is. */
static int resolve_plain(struct yaml *y, const yaml_event_t *event, const char *text,
			 struct doc_node *node)
{
	const char *digits = text + (*text == '-' || *text == '+');
	int base = int_base(text);
	long long value;

	if (!*text || !strcmp(text, "~") || is_one_of(text, "null", "Null", "NULL")) {
		node->kind = DOC_NULL;
		return 0;
	}
	if (is_one_of(text, "true", "True", "TRUE") || is_one_of(text, "false", "False", "FALSE")) {
		node->kind = DOC_BOOL;
		node->text = mem_strdup(tolower((unsigned char)*text) == 't' ? "true" : "false");
		return 0;
	}
	if (!base) {
		node->kind = is_float(text) ? DOC_FLOAT : DOC_STRING;
		node->text = mem_strdup(text);
		return 0;
	}
	/* YAML 1.1 reads 010 as eight, YAML 1.2 as ten. */
	if (base == 10 && digits[0] == '0' && digits[1])
		return fail_at(y, &event->start_mark,
			       "a number with leading zeros: leave them out, or quote it as text");
	errno = 0;
	value = strtoll(base == 8 ? text + 2 : text, NULL, base);
	if (errno)
		return fail_at(y, &event->start_mark, "the number is too large");
	node->kind = DOC_INT;
	node->text = mem_printf("%lld", value);
	return 0;
}

static int read_scalar(struct yaml *y, const yaml_event_t *event, struct doc_node *node)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;

	if (strlen(text) != event->data.scalar.length)
		return fail_at(y, &event->start_mark, "a NUL character in text");
	if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
		return fail_at(y, &event->start_mark, "tags are not supported");
	if (!tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return resolve_plain(y, event, text, node);
	node->kind = DOC_STRING;
	node->text = mem_strdup(text);
	return 0;
}

static int read_node(struct yaml *y, const yaml_event_t *event, int depth,
		     struct doc_node **ret_node);

/* Reads the key that begins with event, and its value. */
static int read_member(struct yaml *y, const yaml_event_t *event, int depth,
		       struct doc_node *mapping)
{
	AUTO(doc_freep) struct doc_node *child = NULL;
	AUTO(yaml_event_delete) yaml_event_t value = {0};
	const char *key = (const char *)event->data.scalar.value;
	int result;

	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(y, &event->start_mark, "aliases are not supported");
	if (event->type != YAML_SCALAR_EVENT)
		return fail_at(y, &event->start_mark, "a key must be a word");
	if (strlen(key) != event->data.scalar.length)
		return fail_at(y, &event->start_mark, "a NUL character in a key");
	if (doc_find(mapping, key))
		return doc_error(y->r->name, (int)event->start_mark.line + 1,
				 (int)event->start_mark.column + 1, y->r->e,
				 "key '%.60s' appears twice (first on line %d)", key,
				 doc_find(mapping, key)->key_line);
	if ((result = next_event(y, &value)) || (result = read_node(y, &value, depth, &child)))
		return result;
	child->key = mem_strdup(key);
	child->key_line = (int)event->start_mark.line + 1;
	child->key_column = (int)event->start_mark.column + 1;
	doc_add(mapping, mem_steal(&child));
	return 0;
}

/* Reads up to the end of the sequence or mapping that has just begun. */
static int read_children(struct yaml *y, int depth, struct doc_node *parent)
{
	for (;;) {
		AUTO(doc_freep) struct doc_node *child = NULL;
		AUTO(yaml_event_delete) yaml_event_t event = {0};
		int result = next_event(y, &event);

		if (result)
			return result;
		if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (depth >= DOC_DEPTH_MAX)
			return fail_at(y, &event.start_mark, "nested too deeply");
		if (parent->kind == DOC_MAPPING)
			result = read_member(y, &event, depth + 1, parent);
		else
			result = read_node(y, &event, depth + 1, &child);
		if (result)
			return result;
		if (child)
			doc_add(parent, mem_steal(&child));
	}
}

/* The node that begins with event. */
static int read_node(struct yaml *y, const yaml_event_t *event, int depth,
		     struct doc_node **ret_node)
{
	AUTO(doc_freep) struct doc_node *node = NULL;
	const yaml_char_t *tag = NULL;
	int result;

	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(y, &event->start_mark, "aliases are not supported");
	result = doc_node_new(y->r, DOC_MAPPING, (int)event->start_mark.line + 1,
			      (int)event->start_mark.column + 1, &node);
	if (result)
		return result;
	if (event->type == YAML_SCALAR_EVENT) {
		result = read_scalar(y, event, node);
	} else {
		bool sequence = event->type == YAML_SEQUENCE_START_EVENT;

		tag = sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
		if (tag)
			return fail_at(y, &event->start_mark, "tags are not supported");
		node->kind = sequence ? DOC_SEQUENCE : DOC_MAPPING;
		result = read_children(y, depth, node);
	}
	if (result)
		return result;
	*ret_node = mem_steal(&node);
	return 0;
}

/* The root node, NULL for an empty stream; the stream must hold one document. */
static int read_stream(struct yaml *y, struct doc_node **ret_root)
{
	AUTO(doc_freep) struct doc_node *root = NULL;

	for (;;) {
		AUTO(yaml_event_delete) yaml_event_t event = {0};
		int result = next_event(y, &event);

		if (result)
			return result;
		if (event.type == YAML_STREAM_END_EVENT)
			break;
		if (event.type == YAML_DOCUMENT_START_EVENT && root)
			return fail_at(y, &event.start_mark, "a second document");
		if (event.type == YAML_STREAM_START_EVENT ||
		    event.type == YAML_DOCUMENT_START_EVENT ||
		    event.type == YAML_DOCUMENT_END_EVENT)
			continue;
		result = read_node(y, &event, 0, &root);
		if (result)
			return result;
	}
	*ret_root = mem_steal(&root);
	return 0;
}

static int read_document(struct doc_reader *r, struct doc_node **ret_root)
{
	AUTO(yaml_clear) struct yaml y = {.r = r};
	AUTO(doc_freep) struct doc_node *root = NULL;
	int result;

	if (!yaml_parser_initialize(&y.parser))
		return err_set(r->e, ENOMEM, "%s: out of memory", r->name);
	yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)r->text,
				     (size_t)(r->end - r->text));
	result = read_stream(&y, &root);
	if (result)
		return result;
	/* Nothing, or only comments: no settings. */
	if (!root && (result = doc_node_new(r, DOC_MAPPING, 1, 1, &root)))
		return result;
	if (root->kind == DOC_NULL)
		root->kind = DOC_MAPPING;
	if (root->kind != DOC_MAPPING)
		return doc_error(r->name, root->line, root->column, r->e,
				 "the document must be a mapping of keys to values");
	*ret_root = mem_steal(&root);
	return 0;
}

int doc_read_yaml(struct doc_reader *r, struct doc_node **ret_root)
{
	if (lazy_load(LAZY_YAML, r->e) < 0)
		return err_prefix(r->e, "%s", r->name);
	return read_document(r, ret_root);
}
