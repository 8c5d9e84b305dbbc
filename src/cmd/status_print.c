/* A snapshot as text: the table of `canhazgpu status`, or its summary. See status.h. */
#include "cmd/status.h"

#include "base/mem.h"
#include "view/status.h"

/* For scripts the table is all. */
static void print_line(const struct snapshot *s, FILE *out)
{
	AUTO_FREE char *line = view_status_line(s);

	fputs(line, out);
}

void status_print(const struct snapshot *s, FILE *out, const struct status_style *style)
{
	if (style->summary) {
		AUTO_FREE char *summary = view_status_summary(s);

		fputs(summary, out);
	} else {
		AUTO(table_freep) struct table *table = view_status_table(s);

		table_set_width(table, style->width);
		table_print(table, out, style->color);
	}
	if (style->line)
		print_line(s, out);
}
