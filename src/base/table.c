/* Text in aligned columns. */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/text.h"

#define GAP "  "
#define GAP_WIDTH 2

/* Columns that a cell keeps in a terminal that is too narrow for all floors. */
#define WIDTH_LEAST 3

/* Lines that one cell gets below its row at the most: nobody's note fills the screen. */
#define LINES_BELOW_MAX 4

/* The widest COLUMNS that is believed. */
#define COLUMNS_MAX 10000

struct table {
	const struct table_column *columns;
	size_t columns_count;
	char **cells; /* row by row, printable */
	char **kept;  /* as the cells; NULL: nothing */
	enum table_color *colors;
	size_t rows_count;
	size_t width; /* 0: the terminal's */
};

/* How wide a column is made, if at all. */
struct fit {
	size_t width; /* of its widest cell, then what it gets */
	size_t floor;
	bool empty, dropped;
};

static const char *const color_codes[] = {
	[TABLE_PLAIN] = "",          [TABLE_RED] = "\x1b[31m",  [TABLE_GREEN] = "\x1b[32m",
	[TABLE_YELLOW] = "\x1b[33m", [TABLE_BLUE] = "\x1b[34m",
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
	t->kept = mem_resize(t->kept, after, sizeof(*t->kept));
	t->colors = mem_resize(t->colors, after, sizeof(*t->colors));
	for (size_t i = 0; i < t->columns_count; i++) {
		t->cells[before + i] = text_shown(cells[i] ? cells[i] : "-");
		t->kept[before + i] = NULL;
		t->colors[before + i] = TABLE_PLAIN;
	}
	t->rows_count++;
}

void table_keep(struct table *t, size_t column, const char *text)
{
	char **kept = &t->kept[(t->rows_count - 1) * t->columns_count + column];

	free(*kept);
	*kept = text_shown(text);
}

void table_color(struct table *t, size_t column, enum table_color color)
{
	t->colors[(t->rows_count - 1) * t->columns_count + column] = color;
}

const char *table_cell(const struct table *t, size_t row, size_t column)
{
	if (row >= t->rows_count || column >= t->columns_count)
		return NULL;
	return t->cells[row * t->columns_count + column];
}

void table_set_width(struct table *t, size_t width)
{
	t->width = width;
}

/* ---- making it fit ---- */

static size_t terminal_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {0};
	int64_t width = 0;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (columns)
		parse_int(columns, 1, COLUMNS_MAX, &width, NULL);
	return (size_t)width;
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
			fits[i].empty &= !strcmp(cell, "-") || !strcmp(cell, "0");
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

/* Leaves out the column that is missed least, or the one without content; false if there is none.
 */
static bool drop_one(const struct table *t, struct fit *fits, bool empty)
{
	struct fit *worst = NULL;
	int worst_rank = 0;

	for (size_t i = 0; i < t->columns_count; i++) {
		int rank = t->columns[i].drop;

		if (fits[i].dropped || rank <= worst_rank || (empty && !fits[i].empty))
			continue;
		worst = &fits[i];
		worst_rank = rank;
	}
	if (worst)
		worst->dropped = true;
	return worst;
}

/* Brings those columns back that there is room for: a wide one may have gone after them. */
static void restore(const struct table *t, struct fit *fits, size_t width)
{
	for (;;) {
		struct fit *best = NULL;
		int best_rank = 0;

		for (size_t i = 0; i < t->columns_count; i++) {
			int rank = t->columns[i].drop;

			if (!fits[i].dropped || fits[i].empty || (best && rank >= best_rank))
				continue;
			fits[i].dropped = false;
			if (total(t, fits, true) <= width) {
				best = &fits[i];
				best_rank = rank;
			}
			fits[i].dropped = true;
		}
		if (!best)
			return;
		best->dropped = false;
	}
}

/* Takes one column from the widest that can be cut; below the floors only with `hard`. */
static bool shrink_one(const struct table *t, struct fit *fits, bool hard)
{
	struct fit *widest = NULL;

	for (size_t i = 0; i < t->columns_count; i++) {
		size_t floor = hard && t->columns[i].trunc ? WIDTH_LEAST : fits[i].floor;

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
	while (total(t, fits, false) > width && drop_one(t, fits, true))
		;
	while (total(t, fits, true) > width && drop_one(t, fits, false))
		;
	restore(t, fits, width);
	while (total(t, fits, false) > width &&
	       (shrink_one(t, fits, false) || shrink_one(t, fits, true)))
		;
}

/* A copy of text that takes at most so many columns, where an ellipsis shows that something is
   missing; NULL: the text fits. */
static char *cut(const char *text, size_t width)
{
	struct str out = {0};
	size_t used = 0;

	if (text_width(text) <= width)
		return NULL;
	while (*text) {
		unsigned code;
		size_t length = text_decode(text, strlen(text), &code);
		AUTO_FREE char *character = mem_printf("%.*s", length ? (int)length : 1, text);

		used += text_width(character);
		if (used + 1 > width)
			break;
		str_add(&out, character);
		text += strlen(character);
	}
	str_add(&out, text_locale_is_utf8() ? "\xe2\x80\xa6" : "~");
	return str_steal(&out);
}

/* How many bytes of text go on a line of that width: to the last space before it, or, if there is
   none, as many characters as there is room for. */
static size_t line_length(const char *text, size_t width)
{
	size_t used = 0, at = 0, space = 0;

	while (text[at]) {
		unsigned code;
		size_t length = text_decode(text + at, strlen(text + at), &code);
		AUTO_FREE char *character = mem_printf("%.*s", length ? (int)length : 1, text + at);

		used += text_width(character);
		space = text[at] == ' ' ? at : space;
		if (used > width && (space || at))
			return space ? space : at;
		at += strlen(character);
	}
	return at;
}

/* How many bytes of a cell that goes on below stand in its row: whole words. */
static size_t flow_length(const char *text, size_t width)
{
	size_t length = line_length(text, width);

	return !text[length] || text[length] == ' ' ? length : 0;
}

/* What is shown of a cell in its row. The caller frees it. */
static char *cell_text(const struct table_column *column, const char *text, size_t width)
{
	char *shorter;

	if (column->flow)
		return mem_printf("%.*s", (int)flow_length(text, width), text);
	shorter = cut(text, width);
	return shorter ? shorter : mem_strdup(text);
}

/* ---- printing ---- */

static void print_spaces(FILE *out, size_t count)
{
	while (count--)
		putc(' ', out);
}

/* Prints one cell, filled up with spaces unless nothing follows. */
static void print_cell(FILE *out, const struct table_column *column, const char *text, size_t width,
		       bool last)
{
	AUTO_FREE char *shown = cell_text(column, text, width);
	size_t left = width - text_width(shown);

	if (column->right)
		print_spaces(out, left);
	fputs(shown, out);
	if (!column->right && !last)
		print_spaces(out, left);
}

/* Prints the columns that are shown of one line. `colors` may be NULL. */
static void print_line(const struct table *t, FILE *out, const struct fit *fits,
		       const char *const *cells, const enum table_color *colors)
{
	size_t last = 0;
	bool first = true;

	for (size_t i = 0; i < t->columns_count; i++)
		last = fits[i].dropped ? last : i;
	for (size_t i = 0; i <= last; i++) {
		enum table_color color = colors ? colors[i] : TABLE_PLAIN;

		if (fits[i].dropped)
			continue;
		fputs(first ? "" : GAP, out);
		first = false;
		fputs(color_codes[color], out);
		print_cell(out, &t->columns[i], cells[i], fits[i].width, i == last);
		fputs(color ? "\x1b[0m" : "", out);
	}
	putc('\n', out);
}

/* ---- below the row ---- */

/* What must not be lost of the row's cell, if the row does not show it all; else NULL. */
static const char *missing(const struct table *t, const struct fit *fits, size_t row, size_t column)
{
	size_t at = row * t->columns_count + column;
	const char *cell = t->cells[at];

	if (!fits[column].dropped && text_width(cell) <= fits[column].width)
		return NULL;
	if (!t->columns[column].flow)
		return t->kept[at];
	cell += fits[column].dropped ? 0 : flow_length(cell, fits[column].width);
	return cell + strspn(cell, " ");
}

/* Prints text in lines of that width, with an indent. */
static void print_lines(FILE *out, const char *text, size_t indent, size_t width)
{
	for (int lines = 1; *text; lines++) {
		size_t length = line_length(text, width);
		AUTO_FREE char *rest = lines == LINES_BELOW_MAX ? cut(text, width) : NULL;

		print_spaces(out, indent);
		if (rest) {
			fprintf(out, "%s\n", rest);
			return;
		}
		fprintf(out, "%.*s\n", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
}

/* Prints what the row lacks, from its second column on: in one line if it fits, otherwise what
   belongs to each cell in lines of its own. */
static void print_below(const struct table *t, FILE *out, const struct fit *fits, size_t row,
			size_t width)
{
	AUTO(str_clear) struct str all = {0};
	size_t indent = fits[0].width + GAP_WIDTH;

	indent = indent < width / 4 ? indent : width / 4;
	width -= indent;
	for (size_t i = 0; i < t->columns_count; i++) {
		const char *text = missing(t, fits, row, i);

		if (text)
			str_addf(&all, "%s%s", all.length ? "; " : "", text);
	}
	if (text_width(str_text(&all)) <= width) {
		print_lines(out, str_text(&all), indent, width);
		return;
	}
	for (size_t i = 0; i < t->columns_count; i++) {
		const char *text = missing(t, fits, row, i);

		print_lines(out, text ? text : "", indent, width);
	}
}

/* The names of the columns, or the dashes below them. */
static void print_header(const struct table *t, FILE *out, const struct fit *fits, bool dashes)
{
	static const char line[] = "--------------------------------";
	const char **names = mem_alloc(t->columns_count, sizeof(*names));

	for (size_t i = 0; i < t->columns_count; i++) {
		size_t width = text_width(t->columns[i].name);

		width = width < fits[i].width ? width : fits[i].width;
		names[i] = t->columns[i].name;
		if (dashes)
			names[i] = width < sizeof(line) ? line + sizeof(line) - 1 - width : line;
	}
	print_line(t, out, fits, names, NULL);
	free(names);
}

void table_print(struct table *t, FILE *out, bool color)
{
	AUTO_FREE struct fit *fits = mem_alloc(t->columns_count, sizeof(*fits));
	size_t width = t->width ? t->width : terminal_width(out);

	measure(t, fits);
	if (width)
		fit_columns(t, fits, width);
	print_header(t, out, fits, false);
	print_header(t, out, fits, true);
	for (size_t row = 0; row < t->rows_count; row++) {
		print_line(t, out, fits, (const char *const *)t->cells + row * t->columns_count,
			   color ? t->colors + row * t->columns_count : NULL);
		if (width)
			print_below(t, out, fits, row, width);
	}
}

struct table *table_free(struct table *t)
{
	for (size_t i = 0; t && i < t->rows_count * t->columns_count; i++) {
		free(t->cells[i]);
		free(t->kept[i]);
	}
	if (t) {
		free(t->cells);
		free(t->kept);
		free(t->colors);
	}
	free(t);
	return NULL;
}

void table_freep(struct table **t)
{
	*t = table_free(*t);
}
