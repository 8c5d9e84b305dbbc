/*
 * JSON. jansson decides what is valid (duplicate keys are not) and gives the values, but no places.
 * They come from walking the text in step with its tree: members are in the order of the text, and
 * a text that jansson accepted can be divided into tokens without understanding them.
 */
#include <string.h>

#include <jansson.h>

#include "base/lazy/lazy.h"
#include "base/mem.h"
#include "conf/doc/reader.h"

/* Goes to the next token that is not a separator. */
static void find_token(struct doc_reader *r)
{
	r->p += strspn(r->p, " \t\r\n,:");
}

/* Skips the token at r->p: a bracket, a string, or a word. */
static void skip_token(struct doc_reader *r)
{
	if (*r->p == '"') {
		for (r->p++; *r->p && *r->p != '"'; r->p++)
			r->p += r->p[0] == '\\' && r->p[1];
		r->p += *r->p == '"';
	} else if (*r->p && strchr("{}[]", *r->p)) {
		r->p++;
	} else {
		r->p += strcspn(r->p, " \t\r\n,]}");
	}
}

static int read_value(struct doc_reader *r, json_t *json, int depth, struct doc_node **ret_node);

static int read_array(struct doc_reader *r, json_t *json, int depth, struct doc_node *parent)
{
	for (size_t i = 0; i < json_array_size(json); i++) {
		struct doc_node *child = NULL;
		int result = read_value(r, json_array_get(json, i), depth, &child);

		if (result)
			return result;
		doc_add(parent, child);
	}
	return 0;
}

static int read_object(struct doc_reader *r, json_t *json, int depth, struct doc_node *parent)
{
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		struct doc_node *child = NULL;
		int line, column, result;

		find_token(r);
		doc_place(r, r->p, &line, &column);
		skip_token(r);
		result = read_value(r, value, depth, &child);
		if (result)
			return result;
		child->key = mem_strdup(key);
		child->key_line = line;
		child->key_column = column;
		doc_add(parent, child);
	}
	return 0;
}

/* Fills node, whose bracket is at r->p, with its children. */
static int read_children(struct doc_reader *r, json_t *json, int depth, struct doc_node *node)
{
	int result;

	if (depth >= DOC_DEPTH_MAX)
		return doc_fail(r, r->p, "nested deeper than %d levels", DOC_DEPTH_MAX);
	skip_token(r);
	if (node->kind == DOC_MAPPING)
		result = read_object(r, json, depth + 1, node);
	else
		result = read_array(r, json, depth + 1, node);
	find_token(r);
	skip_token(r);
	return result;
}

static enum doc_kind kind_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return DOC_MAPPING;
	case JSON_ARRAY:
		return DOC_SEQUENCE;
	case JSON_STRING:
		return DOC_STRING;
	case JSON_INTEGER:
		return DOC_INT;
	case JSON_REAL:
		return DOC_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return DOC_BOOL;
	case JSON_NULL:
		break;
	}
	return DOC_NULL;
}

static int read_value(struct doc_reader *r, json_t *json, int depth, struct doc_node **ret_node)
{
	AUTO(doc_freep) struct doc_node *node = NULL;
	const char *token;
	int result;

	find_token(r);
	token = r->p;
	result = doc_node_at(r, kind_of(json), token, &node);
	if (result)
		return result;
	if (node->kind == DOC_MAPPING || node->kind == DOC_SEQUENCE) {
		if ((result = read_children(r, json, depth, node)))
			return result;
	} else {
		skip_token(r);
	}
	if (node->kind == DOC_STRING)
		node->text = mem_strdup(json_string_value(json));
	else if (node->kind == DOC_INT)
		node->text = mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json));
	else if (node->kind == DOC_BOOL || node->kind == DOC_FLOAT)
		node->text = mem_printf("%.*s", (int)(r->p - token), token);
	*ret_node = mem_steal(&node);
	return 0;
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

int doc_read_json(struct doc_reader *r, struct doc_node **ret_root)
{
	json_error_t error;
	AUTO(json_freep) json_t *json = NULL;

	if (lazy_load(LAZY_JANSSON, r->e) < 0)
		return err_prefix(r->e, "%s", r->name);
	json = json_loadb(r->text, (size_t)(r->end - r->text), JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return doc_error(r->name, error.line > 0 ? error.line : 1,
				 error.column > 0 ? error.column : 1, r->e, "%s", error.text);
	find_token(r);
	if (!json_is_object(json))
		return doc_fail(r, r->p, "the document must be an object: {...}");
	return read_value(r, json, 0, ret_root);
}
