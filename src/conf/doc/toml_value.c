/* TOML: values, `key = value`, arrays and inline tables. */
#include <string.h>

#include "base/mem.h"
#include "conf/doc/toml.h"

int toml_add_container(struct doc_reader *r, struct doc_node *parent, const struct toml_key *key,
		       size_t i, enum doc_kind kind, enum toml_state state,
		       struct doc_node **ret_node)
{
	struct doc_node *node;
	int result = doc_node_new(r, kind, key->line[i], key->column[i], &node);

	if (result)
		return result;
	node->state = state;
	/* The elements of an array have no key. */
	if (parent->kind == DOC_MAPPING) {
		node->key = mem_strdup(key->parts[i]);
		node->key_line = node->line;
		node->key_column = node->column;
	}
	doc_add(parent, node);
	*ret_node = node;
	return 0;
}

/*
 * Goes down, or makes, the tables that the parts of a dotted key before the last one name. A table
 * that dotted keys made can only be reached by dotted keys of the same [section]: that one cannot
 * be opened again, and a path from above ends at it.
 */
static int descend(struct doc_reader *r, struct doc_node *table, const struct toml_key *key,
		   struct doc_node **ret_table)
{
	for (size_t i = 0; i + 1 < key->count; i++) {
		struct doc_node *next = doc_find(table, key->parts[i]);
		int result;

		if (!next) {
			result = toml_add_container(r, table, key, i, DOC_MAPPING, TOML_DOTTED,
						    &next);
			if (result)
				return result;
		}
		if (next->state == TOML_IMPLICIT)
			next->state = TOML_DOTTED;
		if (next->kind != DOC_MAPPING || next->state != TOML_DOTTED)
			return doc_fail(r, key->at[i], "'%.60s' is already defined (line %d)",
					key->parts[i], next->line);
		table = next;
	}
	*ret_table = table;
	return 0;
}

int toml_read_pair(struct doc_reader *r, struct doc_node *table, size_t depth)
{
	AUTO(toml_key_clear) struct toml_key key = {.count = 0};
	AUTO(doc_freep) struct doc_node *value = NULL;
	struct doc_node *other;
	const char *name;
	size_t last;
	int result = toml_read_key(r, &key);

	if (result)
		return result;
	if (*r->p != '=')
		return doc_fail(r, r->p, "expected '=' after the key");
	r->p++;
	toml_skip_space(r);
	result = toml_read_value(r, depth + key.count, &value);
	if (!result)
		result = descend(r, table, &key, &table);
	if (result)
		return result;
	last = key.count - 1;
	name = key.parts[last];
	other = doc_find(table, name);
	if (other)
		return doc_fail(r, key.at[last], "key '%.60s' appears twice (first on line %d)",
				name, other->line);
	value->key_line = key.line[last];
	value->key_column = key.column[last];
	value->key = mem_steal(&key.parts[last]);
	doc_add(table, mem_steal(&value));
	return 0;
}

/* Newlines and comments, which may be anywhere between the elements of an array. */
static int skip_blank(struct doc_reader *r)
{
	int result;

	do {
		toml_skip_space(r);
		if ((result = toml_skip_comment(r)))
			return result;
	} while (toml_skip_newline(r));
	return 0;
}

/* r->p is behind the "[". */
static int read_array(struct doc_reader *r, size_t depth, struct doc_node *array)
{
	int result;

	for (;;) {
		struct doc_node *child;

		if ((result = skip_blank(r)))
			return result;
		if (*r->p == ']')
			break;
		if ((result = toml_read_value(r, depth, &child)))
			return result;
		doc_add(array, child);
		if ((result = skip_blank(r)))
			return result;
		if (*r->p == ']')
			break;
		if (*r->p != ',')
			return doc_fail(r, r->p, "expected ',' or ']' in an array");
		r->p++;
	}
	r->p++;
	return 0;
}

/* r->p is behind the "{". On one line, and without a comma behind the last pair. */
static int read_inline_table(struct doc_reader *r, size_t depth, struct doc_node *table)
{
	toml_skip_space(r);
	if (*r->p == '}') {
		r->p++;
		return 0;
	}
	for (;;) {
		int result = toml_read_pair(r, table, depth);

		if (result)
			return result;
		toml_skip_space(r);
		if (*r->p == '}')
			break;
		if (*r->p != ',')
			return doc_fail(r, r->p, "expected ',' or '}' in an inline table");
		r->p++;
	}
	r->p++;
	return 0;
}

int toml_read_value(struct doc_reader *r, size_t depth, struct doc_node **ret_node)
{
	AUTO(doc_freep) struct doc_node *node = NULL;
	char first = *r->p;
	int result = doc_node_at(r, DOC_STRING, r->p, &node);

	if (result)
		return result;
	node->state = TOML_CLOSED;
	if (first == '"' || first == '\'') {
		result = toml_read_string(r, &node->text);
	} else if (first != '[' && first != '{') {
		result = toml_read_scalar(r, node);
	} else if (depth >= DOC_DEPTH_MAX) {
		result = doc_fail(r, r->p, "nested deeper than %d levels", DOC_DEPTH_MAX);
	} else {
		r->p++;
		node->kind = first == '[' ? DOC_SEQUENCE : DOC_MAPPING;
		if (first == '[')
			result = read_array(r, depth + 1, node);
		else
			result = read_inline_table(r, depth + 1, node);
	}
	if (result)
		return result;
	*ret_node = mem_steal(&node);
	return 0;
}
