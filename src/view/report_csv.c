/* The report as comma-separated values; see report.h. */
#include "view/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

/*
 * A text as a field of RFC 4180. A spreadsheet would take a text that begins like a formula for
 * one, and run it: such a text gets an apostrophe in front.
 */
static void add_field(struct str *out, const char *text)
{
	AUTO_FREE char *printable = text_printable(text);
	bool formula = *printable && strchr("=+-@", *printable);
	bool quoted = formula || strpbrk(printable, ",\" ");

	if (quoted)
		str_add(out, "\"");
	if (formula)
		str_add(out, "'");
	for (const char *p = printable; *p; p++) {
		if (*p == '"')
			str_add(out, "\"");
		str_add_bytes(out, p, 1);
	}
	if (quoted)
		str_add(out, "\"");
}

char *view_report_csv(const struct report *r)
{
	static const char *const titles[] = {
		[USAGE_BY_USER] = "user",
		[USAGE_BY_GPU] = "gpu_id",
		[USAGE_BY_DAY] = "date",
		[USAGE_BY_USER_DAY] = "user,date",
		[USAGE_BY_USER_GPU] = "user,gpu_id",
	};
	const struct usage *u = &r->usage;
	struct str out = {0};

	str_addf(&out, "%s,gpu_hours,percentage,run_count,manual_count%s%s\n", titles[u->by],
		 usage_is_by_user(u) ? ",account" : "",
		 r->idle ? ",active_hours,idle_hours,unknown_hours" : "");
	for (size_t i = 0; i < u->rows_count; i++) {
		const struct usage_row *row = &u->rows[i];
		AUTO_FREE char *name = usage_row_name(u, row), *part = usage_row_part(u, row);

		add_field(&out, usage_is_by_user(u) ? row->label : name);
		if (part)
			str_addf(&out, ",%s", part);
		str_addf(&out, ",%.6f,%.4f,%lld,%lld", usage_hours(&row->total),
			 usage_percentage(u, &row->total), (long long)row->total.run_count,
			 (long long)row->total.manual_count);
		if (usage_is_by_user(u)) {
			str_add(&out, ",");
			add_field(&out, row->account);
		}
		if (r->idle)
			str_addf(&out, ",%.6f,%.6f,%.6f", usage_active_hours(&row->total),
				 usage_idle_hours(&row->total), usage_unknown_hours(&row->total));
		str_add(&out, "\n");
	}
	return str_steal(&out);
}
