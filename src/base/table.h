/*
 * Text in aligned columns, for people: libsmartcols behind three calls. Cells are other people's text
 * and are made printable here.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

struct table_column {
	const char *name;
	bool right; /* align right */
	bool trunc; /* may be cut where the terminal is too narrow */
};

struct table *table_new(const struct table_column *columns, size_t count);

/* Adds a row of as many cells as there are columns; NULL shows as "-". */
void table_add(struct table *t, const char *const *cells);

/* Colours the last row's cell by an ANSI colour name ("green", "red"); shown where `color` says so. */
void table_color(struct table *t, size_t column, const char *color);

/*
 * Prints the header, a line of dashes below each name, and the rows, two spaces between columns. On a
 * terminal cells are cut to its width; elsewhere never. `color` allows colours.
 */
void table_print(struct table *t, FILE *out, bool color);

struct table *table_free(struct table *t); /* NULL is harmless; returns NULL */
void table_freep(struct table **t);	   /* for AUTO(table_freep) */

#endif
