/* The table of the report; see report.h. */
#include "view/report.h"

#include <stdlib.h>
#include <string.h>

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

/* The same with the part behind it, in a column that `width` makes room before; 0: for none. */
static char *row_title(const struct usage *u, const struct usage_row *row, size_t width)
{
	AUTO_FREE char *name = row_name(u, row), *part = usage_row_part(u, row);
	size_t columns = text_width(name);

	if (!part)
		return mem_steal(&name);
	return mem_printf("%s%*s  %s", name, (int)(columns < width ? width - columns : 0), "",
			  part);
}

/* The width of the users before the column with their parts; 0: there is no such column. */
static size_t users_width(const struct usage *u)
{
	size_t width = strlen("User");

	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_name(u, &u->rows[i]);
		size_t columns = text_width(name);

		width = columns > width ? columns : width;
	}
	return width;
}

static size_t name_width(const struct usage *u, size_t users)
{
	size_t width = NAME_WIDTH;

	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_title(u, &u->rows[i], users);
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

/* With `idle`, four columns that are as wide. */
static void add_row(struct str *out, const char *name, size_t width,
		    const struct usage_total *total, double percentage, bool idle)
{
	add_name(out, name, width);
	if (idle)
		str_addf(out, " %15.2f %15.2f %10.2f %10.2f\n", usage_hours(total),
			 usage_active_hours(total), usage_idle_hours(total),
			 usage_unknown_hours(total));
	else
		str_addf(out, " %15.2f %13.1f%% %10lld %10lld\n", usage_hours(total), percentage,
			 (long long)total->run_count, (long long)total->manual_count);
}

char *view_report_text(const struct report *r)
{
	static const char *const titles[] = {
		[USAGE_BY_USER] = "User",     [USAGE_BY_GPU] = "GPU",       [USAGE_BY_DAY] = "Day",
		[USAGE_BY_USER_DAY] = "User", [USAGE_BY_USER_GPU] = "User",
	};
	const struct usage *u = &r->usage;
	char from[CLOCK_DATE_SIZE], to[CLOCK_DATE_SIZE];
	size_t users = users_width(u), width = name_width(u, users);
	AUTO_FREE char *title = NULL;
	struct str out = {0};

	if (u->by == USAGE_BY_USER_DAY || u->by == USAGE_BY_USER_GPU)
		title = mem_printf("%-*s  %s", (int)users, titles[u->by],
				   u->by == USAGE_BY_USER_DAY ? "Day" : "GPU");

	str_addf(&out, "=== GPU Reservation Report ===\nPeriod: %s to %s (%d days)\n",
		 clock_local_date(u->from_ns, from),
		 clock_local_date(period_last_ns(&r->period), to), r->period.days);
	add_name(&out, title ? title : titles[u->by], width);
	str_addf(&out, " %15s %15s %10s %10s\n", "GPU Hours", r->idle ? "Active" : "Percentage",
		 r->idle ? "Idle" : "Run", r->idle ? "Unknown" : "Manual");
	add_line(&out, width + NUMBERS_WIDTH);
	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_title(u, &u->rows[i], users);

		add_row(&out, name, width, &u->rows[i].total,
			usage_percentage(u, &u->rows[i].total), r->idle);
	}
	add_line(&out, width + NUMBERS_WIDTH);
	add_row(&out, "TOTAL", width, &u->total, usage_percentage(u, &u->total), r->idle);
	str_addf(&out, "Total reservations: %lld\nUnique users: %zu\n",
		 (long long)usage_reservations(&u->total), u->accounts_count);
	return str_steal(&out);
}
