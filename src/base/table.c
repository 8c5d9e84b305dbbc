/* Text in aligned columns. */
#include "base/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *line; /* the last one */
	size_t columns;
};

static struct libscols_line *table_line(struct table *t)
{
	struct libscols_line *line = scols_table_new_line(t->scols, NULL);

	if (!line)
		abort(); /* out of memory */
	return line;
}

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = mem_alloc(1, sizeof(*t));

	t->scols = scols_new_table();
	if (!t->scols)
		abort();
	t->columns = count;
	scols_table_set_column_separator(t->scols, "  ");
	scols_table_enable_noencoding(t->scols, 1); /* cells are printable already */
	for (size_t i = 0; i < count; i++)
		scols_table_new_column(t->scols, columns[i].name, 0,
				       (columns[i].right ? SCOLS_FL_RIGHT : 0) |
					       (columns[i].trunc ? SCOLS_FL_TRUNC : 0));
	t->line = table_line(t);
	for (size_t i = 0; i < count; i++) {
		AUTO(str_clear) struct str dashes = {0};

		for (size_t k = 0; k < strlen(columns[i].name); k++)
			str_add(&dashes, "-");
		scols_line_set_data(t->line, i, str_text(&dashes));
	}
	return t;
}

void table_add(struct table *t, const char *const *cells)
{
	t->line = table_line(t);
	for (size_t i = 0; i < t->columns; i++) {
		char *cell = text_printable(cells[i] ? cells[i] : "-");

		scols_line_refer_data(t->line, i, cell); /* takes it over */
	}
}

void table_color(struct table *t, size_t column, const char *color)
{
	scols_cell_set_color(scols_line_get_cell(t->line, column), color);
}

void table_print(struct table *t, FILE *out, bool color)
{
	scols_table_set_stream(t->scols, out);
	scols_table_enable_colors(t->scols, color);
	if (!isatty(fileno(out)))
		scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
	scols_print_table(t->scols);
}

struct table *table_free(struct table *t)
{
	if (t)
		scols_unref_table(t->scols);
	free(t);
	return NULL;
}

void table_freep(struct table **t)
{
	*t = table_free(*t);
}
