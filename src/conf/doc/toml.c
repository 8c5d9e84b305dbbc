/*
 * TOML 1.0, since no C library for it is packaged: lines and table headers. A NUL character
 * (\u0000) is refused, and so is a whole number beyond 64 bits; everything else is as the standard
 * says.
 */
#include "conf/doc/toml.h"

#include <string.h>

#include "base/mem.h"

struct toml {
	struct doc_reader *r;
	struct doc_node *root;
	struct doc_node *table; /* where pairs go: the last header's */
	size_t depth;           /* of table */
};

/* The table that part i of a header's key names, one of those before the last part. */
static int step(struct toml *t, struct doc_node *table, const struct toml_key *key, size_t i,
		struct doc_node **ret_table)
{
	struct doc_node *next = doc_find(table, key->parts[i]);

	if (!next)
		return toml_add_container(t->r, table, key, i, DOC_MAPPING, TOML_IMPLICIT,
					  ret_table);
	if (next->state == TOML_OF_TABLES)
		next = next->children[next->count - 1];
	if (next->kind != DOC_MAPPING || next->state == TOML_CLOSED)
		return doc_fail(t->r, key->at[i], "'%.60s' is already defined (line %d)",
				key->parts[i], next->line);
	*ret_table = next;
	return 0;
}

/* [a.b]: the last part is new, or was only passed through so far. */
static int define_table(struct toml *t, struct doc_node *parent, const struct toml_key *key)
{
	size_t last = key->count - 1;
	struct doc_node *table = doc_find(parent, key->parts[last]);

	if (!table)
		return toml_add_container(t->r, parent, key, last, DOC_MAPPING, TOML_DEFINED,
					  &t->table);
	if (table->state != TOML_IMPLICIT)
		return doc_fail(t->r, key->at[last], "'%.60s' is already defined (line %d)",
				key->parts[last], table->line);
	table->state = TOML_DEFINED;
	t->table = table;
	return 0;
}

/* [[a.b]]: one more table for the array. */
static int define_element(struct toml *t, struct doc_node *parent, const struct toml_key *key)
{
	size_t last = key->count - 1;
	struct doc_node *array = doc_find(parent, key->parts[last]);

	if (array && array->state != TOML_OF_TABLES)
		return doc_fail(t->r, key->at[last], "'%.60s' is already defined (line %d)",
				key->parts[last], array->line);
	if (!array) {
		int result = toml_add_container(t->r, parent, key, last, DOC_SEQUENCE,
						TOML_OF_TABLES, &array);

		if (result)
			return result;
	}
	return toml_add_container(t->r, array, key, last, DOC_MAPPING, TOML_DEFINED, &t->table);
}

/* r->p is at the "[". */
static int read_header(struct toml *t)
{
	AUTO(toml_key_clear) struct toml_key key = {.count = 0};
	struct doc_reader *r = t->r;
	struct doc_node *table = t->root;
	bool element = r->p[1] == '[';
	int result;

	r->p += element ? 2 : 1;
	if ((result = toml_read_key(r, &key)))
		return result;
	if (*r->p != ']' || (element && r->p[1] != ']'))
		return doc_fail(r, r->p, "expected '%s' after the name of the table",
				element ? "]]" : "]");
	r->p += element ? 2 : 1;
	for (size_t i = 0; i + 1 < key.count; i++) {
		if ((result = step(t, table, &key, i, &table)))
			return result;
	}
	t->depth = key.count;
	return element ? define_element(t, table, &key) : define_table(t, table, &key);
}

/* One line: a header, a pair, or nothing; then perhaps a comment. */
static int read_line(struct toml *t)
{
	struct doc_reader *r = t->r;
	int result = 0;

	toml_skip_space(r);
	if (*r->p == '[')
		result = read_header(t);
	else if (r->p < r->end && !strchr("#\r\n", *r->p))
		result = toml_read_pair(r, t->table, t->depth);
	if (result)
		return result;
	toml_skip_space(r);
	if ((result = toml_skip_comment(r)))
		return result;
	if (!toml_skip_newline(r) && r->p < r->end)
		return doc_fail(r, r->p, "expected the end of the line");
	return 0;
}

int doc_read_toml(struct doc_reader *r, struct doc_node **ret_root)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	struct toml t = {.r = r};
	int result = doc_node_new(r, DOC_MAPPING, 1, 1, &root);

	if (result)
		return result;
	root->state = TOML_DEFINED;
	t.root = t.table = root;
	while (r->p < r->end) {
		if ((result = read_line(&t)))
			return result;
	}
	*ret_root = mem_steal(&root);
	return 0;
}
