/*
 * Text in aligned columns, for people. Cells are other people's text and are made printable here.
 *
 * Why not libsmartcols: it never ends on text beyond ASCII in the C locale, and in a narrow
 * terminal it cuts the last column to its title first and breaks lines then.
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
	bool trunc; /* cells may be cut where the terminal is too narrow ... */
	int floor;  /* ... to no less than so many columns, while there is anything else to do */
	int drop;  /* in a terminal that is too narrow even then: left out, highest first; 0: never.
		      Columns of nothing but "-" and "0" go before anything is cut */
	bool flow; /* what a cell has no room for goes on below the row, instead of being cut */
};

/* The columns are borrowed for the life of the table. */
struct table *table_new(const struct table_column *columns, size_t count);

/* Adds a row of as many cells as there are columns; NULL shows as "-". */
void table_add(struct table *t, const char *const *cells);

/*
 * What must not be lost of the last row's cell: where the cell is cut, or its column left out, this
 * stands on a line of its own below the row. NULL: nothing.
 */
void table_keep(struct table *t, size_t column, const char *text);

enum table_color { TABLE_PLAIN, TABLE_RED, TABLE_GREEN, TABLE_YELLOW, TABLE_BLUE };

/* Colours the last row's cell; shown where table_print is told so. */
void table_color(struct table *t, size_t column, enum table_color color);

/* A cell as it is printed where there is room; NULL outside of the table. */
const char *table_cell(const struct table *t, size_t row, size_t column);

/* Fits the table into so many columns, wherever it is printed. 0: into those of the terminal;
   elsewhere, of the environment's COLUMNS, as `watch` sets it; otherwise nothing is cut. */
void table_set_width(struct table *t, size_t width);

/*
 * Prints the header, a line of dashes below each name, and the rows, two spaces between columns.
 * Where the width is limited no line is longer. `color` allows colours.
 */
void table_print(struct table *t, FILE *out, bool color);

struct table *table_free(struct table *t); /* NULL is harmless; returns NULL */
void table_freep(struct table **t);        /* for AUTO(table_freep) */

#endif
