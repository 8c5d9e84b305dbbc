/* canhazgpu report: usage per user, GPU or day. */
#include "cmd/command.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "view/report.h"

static int print_report(const struct report *report, bool json, bool csv, struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (json)
		return print_json(view_report_json(report), e);
	text = csv ? view_report_csv(report) : view_report_text(report);
	return print_text(text, e);
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
	r = print_report(&report, json, csv, e);
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
	 .help = "What to group by"},
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
	.description = "Shows finished and running reservations of the last N times 24 hours. GPU\n"
		       "hours count per GPU; a reservation of several GPUs counts once.",
	.options = report_options,
	.run = report_run,
};
