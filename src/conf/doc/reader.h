/* What the three readers share: a place in the text, and the making of nodes. */
#ifndef CONF_DOC_READER_H
#define CONF_DOC_READER_H

#include <stdbool.h>

#include "conf/doc/doc.h"

struct doc_reader {
	const char *name;
	const char *text, *end; /* valid UTF-8 without NUL, and a NUL at end */
	const char *p;          /* where the reader is */
	const char *counted;    /* line and column are this far */
	int line, column;
	size_t nodes;
	struct err *e;
};

/* Line and column of a place in the text. Cheap when the places asked for follow each other. */
void doc_place(struct doc_reader *r, const char *at, int *ret_line, int *ret_column);

/* The error for the text at `at`. */
int doc_fail(struct doc_reader *r, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A new node with its place. Fails when the document has too many. */
int doc_node_new(struct doc_reader *r, enum doc_kind kind, int line, int column,
		 struct doc_node **ret_node);
int doc_node_at(struct doc_reader *r, enum doc_kind kind, const char *at,
		struct doc_node **ret_node);

/* Hands child over to parent, at its end. */
void doc_add(struct doc_node *parent, struct doc_node *child);

/* Adds a code point as UTF-8. */
struct str;
void doc_add_utf8(struct str *s, unsigned code_point);

int doc_read_yaml(struct doc_reader *r, struct doc_node **ret_root);
int doc_read_json(struct doc_reader *r, struct doc_node **ret_root);
int doc_read_toml(struct doc_reader *r, struct doc_node **ret_root);

#endif
