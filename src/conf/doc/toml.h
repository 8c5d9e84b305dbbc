/* The inside of the TOML 1.0 reader: toml.c (lines and tables) over toml_value.c over
   toml_string.c and toml_scalar.c. */
#ifndef CONF_DOC_TOML_H
#define CONF_DOC_TOML_H

#include "conf/doc/reader.h"

/* How a table or an array came to be (doc_node.state): decides what may still be added to it. */
enum toml_state {
	TOML_CLOSED,    /* written as a value: nothing may be added */
	TOML_IMPLICIT,  /* named by a longer [header]: may become any other */
	TOML_DEFINED,   /* by its own [header], or an element of an array of tables */
	TOML_DOTTED,    /* by dotted keys: only these may add to it */
	TOML_OF_TABLES, /* an array made by [[header]] */
};

/* A key as written: one part, or several with dots. */
struct toml_key {
	char *parts[DOC_DEPTH_MAX];
	const char *at[DOC_DEPTH_MAX];                  /* where in the text each part begins */
	int line[DOC_DEPTH_MAX], column[DOC_DEPTH_MAX]; /* the same, counted while reading */
	size_t count;
};

void toml_key_clear(struct toml_key *key);

/* Spaces and tabs. */
void toml_skip_space(struct doc_reader *r);

/* A comment, if there is one. */
int toml_skip_comment(struct doc_reader *r);

/* True and passes if a newline ("\n" or "\r\n") is here. */
bool toml_skip_newline(struct doc_reader *r);

/* A bare, quoted or dotted key. Clear it, also after an error. */
int toml_read_key(struct doc_reader *r, struct toml_key *ret_key);

/* The string whose opening quotes are here, of any of the four kinds. The caller frees it. */
int toml_read_string(struct doc_reader *r, char **ret_text);

/* A number, a date, a time, true or false into node, which has its place. */
int toml_read_scalar(struct doc_reader *r, struct doc_node *node);

/* Any value. */
int toml_read_value(struct doc_reader *r, size_t depth, struct doc_node **ret_node);

/* `key = value` into table. */
int toml_read_pair(struct doc_reader *r, struct doc_node *table, size_t depth);

/* A new, empty table or array that becomes parent's child; key part i has its name and place. */
int toml_add_container(struct doc_reader *r, struct doc_node *parent, const struct toml_key *key,
		       size_t i, enum doc_kind kind, enum toml_state state,
		       struct doc_node **ret_node);

#endif
