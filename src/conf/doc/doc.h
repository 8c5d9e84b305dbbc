/*
 * A configuration document as a tree, whatever it was written in. Three readers (YAML, JSON, TOML)
 * make the same nodes, each with its place in the text; settings_file.c checks them against the
 * settings. Errors are usage errors that begin with "name:line:column: ".
 */
#ifndef CONF_DOC_DOC_H
#define CONF_DOC_DOC_H

#include <stddef.h>

#include "base/err.h"

/* A document that asks for more is refused: no configuration does, and every loop stays short. */
#define DOC_BYTES_MAX (1024 * 1024)
#define DOC_NODES_MAX 10000
#define DOC_DEPTH_MAX 64

enum doc_format { DOC_YAML, DOC_JSON, DOC_TOML };

enum doc_kind {
	DOC_NULL,
	DOC_BOOL,   /* text: "true" or "false" */
	DOC_INT,    /* text: decimal, fits an int64_t */
	DOC_FLOAT,  /* text: as written, without underscores */
	DOC_DATE,   /* text: as written; only TOML has dates and times */
	DOC_STRING, /* text: UTF-8 without NUL */
	DOC_SEQUENCE,
	DOC_MAPPING,
};

struct doc_node {
	enum doc_kind kind;
	int line, column; /* from 1; columns count characters */
	char *text;       /* scalars; NULL for null, sequences and mappings */
	char *key;        /* of a child of a mapping, else NULL */
	int key_line, key_column;
	struct doc_node **children; /* in the order of the document */
	size_t count;
	int state; /* the TOML reader's: how a table came to be */
};

/* Frees the tree; NULL is harmless. Returns NULL. */
struct doc_node *doc_free(struct doc_node *node);
void doc_freep(struct doc_node **node); /* for AUTO(doc_freep) */

/* The child of that key, or NULL. */
struct doc_node *doc_find(const struct doc_node *mapping, const char *key);

/* The format by the suffix of a file name: .json, .toml, anything else is YAML. */
enum doc_format doc_format_of(const char *path);

/* Reads text; `name` is what messages call it. The root is a mapping, also of an empty document. */
int doc_parse(const char *name, enum doc_format format, const char *text, size_t length,
	      struct doc_node **ret_root, struct err *e);

/* Reads a regular file of at most DOC_BYTES_MAX. Never waits, whatever path names. */
int doc_load(const char *path, struct doc_node **ret_root, struct err *e);

/* Fills e with "name:line:column: message", all on one line, and exit status 2. */
int doc_error(const char *name, int line, int column, struct err *e, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
