/* Text in aligned columns. */
#include "base/table.h"

#include <langinfo.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

#define GAP "  "
#define GAP_WIDTH 2

struct table {
	const struct table_column *columns;
	size_t columns_count;
	char **cells; /* row by row, printable */
	const char **colors;
	size_t rows_count;
	size_t width; /* 0: the terminal's */
};

/* How wide a column is made, if at all. */
struct fit {
	size_t width; /* of its widest cell, then what it gets */
	size_t floor;
	bool empty, dropped;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = mem_alloc(1, sizeof(*t));

	t->columns = columns;
	t->columns_count = count;
	return t;
}

void table_add(struct table *t, const char *const *cells)
{
	size_t before = t->rows_count * t->columns_count, after = before + t->columns_count;

	t->cells = mem_resize(t->cells, after, sizeof(*t->cells));
	t->colors = mem_resize(t->colors, after, sizeof(*t->colors));
	for (size_t i = 0; i < t->columns_count; i++) {
		t->cells[before + i] = text_printable(cells[i] ? cells[i] : "-");
		t->colors[before + i] = NULL;
	}
	t->rows_count++;
}

void table_color(struct table *t, size_t column, const char *color)
{
	t->colors[(t->rows_count - 1) * t->columns_count + column] = color;
}

void table_set_width(struct table *t, size_t width)
{
	t->width = width;
}

/* ---- making it fit ---- */

static size_t terminal_width(FILE *out)
{
	struct winsize size = {0};

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static void measure(const struct table *t, struct fit *fits)
{
	for (size_t i = 0; i < t->columns_count; i++) {
		const struct table_column *column = &t->columns[i];

		fits[i] = (struct fit){.width = text_width(column->name), .empty = true};
		fits[i].floor = column->floor > 0 ? (size_t)column->floor : fits[i].width;
		for (size_t row = 0; row < t->rows_count; row++) {
			const char *cell = t->cells[row * t->columns_count + i];
			size_t width = text_width(cell);

			fits[i].width = width > fits[i].width ? width : fits[i].width;
			fits[i].empty &= !strcmp(cell, "-");
		}
		if (!column->trunc || fits[i].floor > fits[i].width)
			fits[i].floor = fits[i].width;
	}
}

/* The width of the table, as it is or with every column at its floor. */
static size_t total(const struct table *t, const struct fit *fits, bool at_floor)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->columns_count; i++) {
		if (!fits[i].dropped)
			sum += (sum ? GAP_WIDTH : 0) + (at_floor ? fits[i].floor : fits[i].width);
	}
	return sum;
}

/* Leaves out the column that is missed least; false if there is none. */
static bool drop_one(const struct table *t, struct fit *fits)
{
	struct fit *worst = NULL;
	int worst_rank = 0;

	for (size_t i = 0; i < t->columns_count; i++) {
		int rank = t->columns[i].drop + (fits[i].empty ? 1000 : 0);

		if (!t->columns[i].drop || fits[i].dropped || rank <= worst_rank)
			continue;
		worst = &fits[i];
		worst_rank = rank;
	}
	if (worst)
		worst->dropped = true;
	return worst;
}

/* Takes one column from the widest that can be cut; below the floors only with `hard`. */
static bool shrink_one(const struct table *t, struct fit *fits, bool hard)
{
	struct fit *widest = NULL;

	for (size_t i = 0; i < t->columns_count; i++) {
		size_t floor = hard && t->columns[i].trunc ? 3 : fits[i].floor;

		if (!fits[i].dropped && fits[i].width > floor &&
		    (!widest || fits[i].width > widest->width))
			widest = &fits[i];
	}
	if (widest)
		widest->width--;
	return widest;
}

static void fit_columns(const struct table *t, struct fit *fits, size_t width)
{
	while (total(t, fits, true) > width && drop_one(t, fits))
		;
	while (total(t, fits, false) > width &&
	       (shrink_one(t, fits, false) || shrink_one(t, fits, true)))
		;
}

/* A copy of text that takes at most so many columns; what is missing shows as an ellipsis. */
static char *cut(const char *text, size_t width)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	struct str out = {0};
	size_t used = 0;

	if (text_width(text) <= width)
		return mem_strdup(text);
	while (*text) {
		unsigned code;
		size_t length = text_decode(text, strlen(text), &code);
		AUTO_FREE char *character = strndup(text, length ? length : 1);

		used += text_width(character);
		if (used + 1 > width)
			break;
		str_add(&out, character);
		text += strlen(character);
	}
	str_add(&out, utf8 ? "\xe2\x80\xa6" : "~");
	return str_steal(&out);
}

/* ---- printing ---- */

/* Adds a line of the columns that are shown. `cells` are cut; `colors` may be NULL. */
static void add_line(const struct table *t, struct libscols_table *scols, const struct fit *fits,
		     char *const *cells, const char *const *colors)
{
	struct libscols_line *line = scols_table_new_line(scols, NULL);
	size_t shown = 0;

	if (!line)
		abort(); /* out of memory */
	for (size_t i = 0; i < t->columns_count; i++) {
		if (fits[i].dropped)
			continue;
		scols_line_refer_data(line, shown,
				      cut(cells[i], fits[i].width)); /* takes it over */
		if (colors && colors[i])
			scols_cell_set_color(scols_line_get_cell(line, shown), colors[i]);
		shown++;
	}
}

/* Header names may be wider than their column; then they are cut as well. */
static void add_header(const struct table *t, struct libscols_table *scols, const struct fit *fits)
{
	char **dashes = mem_alloc(t->columns_count, sizeof(*dashes));

	for (size_t i = 0; i < t->columns_count; i++) {
		AUTO_FREE char *name = cut(t->columns[i].name, fits[i].width);

		dashes[i] = mem_alloc(text_width(name) + 1, 1);
		memset(dashes[i], '-', text_width(name));
		if (!fits[i].dropped)
			scols_table_new_column(scols, name, 0,
					       t->columns[i].right ? SCOLS_FL_RIGHT : 0);
	}
	add_line(t, scols, fits, dashes, NULL);
	for (size_t i = 0; i < t->columns_count; i++)
		free(dashes[i]);
	free(dashes);
}

void table_print(struct table *t, FILE *out, bool color)
{
	AUTO_FREE struct fit *fits = mem_alloc(t->columns_count, sizeof(*fits));
	struct libscols_table *scols = scols_new_table();
	size_t width = t->width ? t->width : terminal_width(out);

	if (!scols)
		abort();
	measure(t, fits);
	if (width)
		fit_columns(t, fits, width);
	scols_table_set_column_separator(scols, GAP);
	scols_table_enable_noencoding(scols, 1); /* cells are printable already */
	scols_table_set_stream(scols, out);
	scols_table_enable_colors(scols, color);
	scols_table_set_termforce(scols, SCOLS_TERMFORCE_NEVER); /* it fits already */
	add_header(t, scols, fits);
	for (size_t row = 0; row < t->rows_count; row++)
		add_line(t, scols, fits, t->cells + row * t->columns_count,
			 t->colors + row * t->columns_count);
	scols_print_table(scols);
	scols_unref_table(scols);
}

struct table *table_free(struct table *t)
{
	for (size_t i = 0; t && i < t->rows_count * t->columns_count; i++)
		free(t->cells[i]);
	if (t) {
		free(t->cells);
		free(t->colors);
	}
	free(t);
	return NULL;
}

void table_freep(struct table **t)
{
	*t = table_free(*t);
}
