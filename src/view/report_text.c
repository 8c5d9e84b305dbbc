/* The table of the report; see report.h. */
#include "view/report.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

/* Columns of the first column; names that are wider make it wider for all rows. */
#define NAME_WIDTH 20
/* The columns after it, with the spaces between. */
#define NUMBERS_WIDTH 55

/* The name of a row as it is printed: whatever people call themselves stays on its line. */
static char *row_name(const struct usage *u, const struct usage_row *row)
{
	AUTO_FREE char *name = usage_row_name(u, row);

	return text_shown(name);
}

static size_t name_width(const struct usage *u)
{
	size_t width = NAME_WIDTH;

	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_name(u, &u->rows[i]);
		size_t columns = text_width(name);

		width = columns > width ? columns : width;
	}
	return width;
}

static void add_name(struct str *out, const char *name, size_t width)
{
	str_addf(out, "%s%*s", name, (int)(width - text_width(name)), "");
}

static void add_line(struct str *out, size_t width)
{
	for (size_t i = 0; i < width; i++)
		str_add(out, "-");
	str_add(out, "\n");
}

static void add_row(struct str *out, const char *name, size_t width,
		    const struct usage_total *total, double percentage)
{
	add_name(out, name, width);
	str_addf(out, " %15.2f %13.1f%% %10lld %10lld\n", usage_hours(total), percentage,
		 (long long)total->run_count, (long long)total->manual_count);
}

char *view_report_text(const struct report *r)
{
	static const char *const titles[] = {
		[USAGE_BY_USER] = "User",
		[USAGE_BY_GPU] = "GPU",
		[USAGE_BY_DAY] = "Day",
	};
	const struct usage *u = &r->usage;
	char from[CLOCK_DATE_SIZE], to[CLOCK_DATE_SIZE];
	size_t width = name_width(u);
	struct str out = {0};

	str_addf(&out, "=== GPU Reservation Report ===\nPeriod: %s to %s (%d days)\n",
		 clock_local_date(u->from_ns, from), clock_local_date(u->to_ns, to), r->days);
	add_name(&out, titles[u->by], width);
	str_addf(&out, " %15s %15s %10s %10s\n", "GPU Hours", "Percentage", "Run", "Manual");
	add_line(&out, width + NUMBERS_WIDTH);
	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_name(u, &u->rows[i]);

		add_row(&out, name, width, &u->rows[i].total,
			usage_percentage(u, &u->rows[i].total));
	}
	add_line(&out, width + NUMBERS_WIDTH);
	add_row(&out, "TOTAL", width, &u->total, usage_percentage(u, &u->total));
	str_addf(&out, "Total reservations: %lld\nUnique users: %zu\n",
		 (long long)usage_reservations(&u->total), u->accounts_count);
	return str_steal(&out);
}
