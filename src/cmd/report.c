/* canhazgpu report: usage per user, GPU or day. */
#include "cmd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "pool/report.h"

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

/* ---- the table ---- */

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

static void print_name(const char *name, size_t width)
{
	printf("%s%*s", name, (int)(width - text_width(name)), "");
}

static void print_line(size_t width)
{
	for (size_t i = 0; i < width; i++)
		putchar('-');
	putchar('\n');
}

static void print_row(const char *name, size_t width, const struct usage_total *total,
		      double percentage)
{
	print_name(name, width);
	printf(" %15.2f %13.1f%% %10lld %10lld\n", usage_hours(total), percentage,
	       (long long)total->run_count, (long long)total->manual_count);
}

static void print_table(const struct report *r)
{
	static const char *const titles[] = {
		[USAGE_BY_USER] = "User",
		[USAGE_BY_GPU] = "GPU",
		[USAGE_BY_DAY] = "Day",
	};
	const struct usage *u = &r->usage;
	char from[CLOCK_DATE_SIZE], to[CLOCK_DATE_SIZE];
	size_t width = name_width(u);

	printf("=== GPU Reservation Report ===\nPeriod: %s to %s (%d days)\n",
	       clock_local_date(u->from_ns, from), clock_local_date(u->to_ns, to), r->days);
	print_name(titles[u->by], width);
	printf(" %15s %15s %10s %10s\n", "GPU Hours", "Percentage", "Run", "Manual");
	print_line(width + NUMBERS_WIDTH);
	for (size_t i = 0; i < u->rows_count; i++) {
		AUTO_FREE char *name = row_name(u, &u->rows[i]);

		print_row(name, width, &u->rows[i].total, usage_percentage(u, &u->rows[i].total));
	}
	print_line(width + NUMBERS_WIDTH);
	print_row("TOTAL", width, &u->total, usage_percentage(u, &u->total));
	printf("Total reservations: %lld\nUnique users: %zu\n",
	       (long long)usage_reservations(&u->total), u->accounts_count);
}

/* ---- CSV ---- */

/*
 * A text as a field of RFC 4180. A spreadsheet would take a text that begins like a formula for
 * one, and run it: such a text gets an apostrophe in front.
 */
static void print_field(const char *text)
{
	AUTO_FREE char *printable = text_printable(text);
	bool formula = *printable && strchr("=+-@", *printable);
	bool quoted = formula || strpbrk(printable, ",\" ");

	if (quoted)
		putchar('"');
	if (formula)
		putchar('\'');
	for (const char *p = printable; *p; p++) {
		if (*p == '"')
			putchar('"');
		putchar(*p);
	}
	if (quoted)
		putchar('"');
}

static void print_csv(const struct report *r)
{
	static const char *const titles[] = {
		[USAGE_BY_USER] = "user",
		[USAGE_BY_GPU] = "gpu_id",
		[USAGE_BY_DAY] = "date",
	};
	const struct usage *u = &r->usage;

	printf("%s,gpu_hours,percentage,run_count,manual_count%s\n", titles[u->by],
	       u->by == USAGE_BY_USER ? ",account" : "");
	for (size_t i = 0; i < u->rows_count; i++) {
		const struct usage_row *row = &u->rows[i];
		AUTO_FREE char *name = usage_row_name(u, row);

		print_field(u->by == USAGE_BY_USER ? row->label : name);
		printf(",%.6f,%.4f,%lld,%lld", usage_hours(&row->total),
		       usage_percentage(u, &row->total), (long long)row->total.run_count,
		       (long long)row->total.manual_count);
		if (u->by == USAGE_BY_USER) {
			putchar(',');
			print_field(row->account);
		}
		putchar('\n');
	}
}

static int report_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(report_clear) struct report report = {0};
	bool json = settings_flag(in->settings, "report.json");
	bool csv = settings_flag(in->settings, "report.csv");
	enum usage_by by = USAGE_BY_USER;
	int r;

	if (json && csv)
		return err_usage(e, "--json and --csv cannot be used together");
	usage_by_parse(settings_text(in->settings, "report.by"), &by);
	r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_report(pool, (int)settings_int(in->settings, "report.days"), by, &report,
				e);
	if (r < 0)
		return r;
	if (report.warning)
		fprintf(stderr, "Warning: %s\n", report.warning);
	if (json)
		r = print_json(report_json(&report), e);
	else if (csv)
		print_csv(&report);
	else
		print_table(&report);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, errno, "cannot write the output");
	/* Manual reservations have no supervisor that would do this at their end. It comes last,
	   since it may have to wait for the store. */
	pool_trim(pool, NULL);
	return r;
}

static const struct option_spec report_options[] = {
	{.name = "days",
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "30",
	 .min = 1,
	 .max = 36500,
	 .help = "Number of days to include in the report"},
	{.name = "by",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "user|gpu|day",
	 .fallback = "user",
	 .help = "What a row stands for"},
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output the report as JSON object instead of table format"},
	{.name = "csv", .type = OPTION_FLAG, .help = "Output the rows as comma-separated values"},
	{.name = NULL},
};

const struct command cmd_report = {
	.name = "report",
	.summary = "Generate GPU usage reports",
	.usage = "[--days N] [--by user|gpu|day] [--json | --csv]",
	.description =
		"Shows finished and running reservations of the last N times 24 hours. GPU hours count per "
		"GPU; a\nreservation of several GPUs counts once.",
	.options = report_options,
	.run = report_run,
};
