/* canhazgpu report: usage per user, GPU or day. */
#include "cmd/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/output.h"
#include "host/process.h"
#include "view/report.h"

static int print_report(const struct report *report, bool json, bool csv, struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (json)
		return print_json(view_report_json(report), e);
	text = csv ? view_report_csv(report) : view_report_text(report);
	return print_text(text, e);
}

/* One way of naming the period: --days, --month, or --from and --to. */
static int find_period(const struct settings *s, struct period *ret_period, struct err *e)
{
	const char *month = settings_text(s, "report.month");
	const char *from = settings_text(s, "report.from"), *to = settings_text(s, "report.to");
	bool days = settings_origin(s, "report.days") == ORIGIN_FLAG;
	int64_t now_ns = clock_now_ns();

	if ((month != NULL) + (from || to) + days > 1)
		return err_usage(e,
				 "only one of --days, --month, and --from with --to can be used");
	if (to && !from)
		return err_usage(e, "--to needs --from");
	if (month)
		return period_of_month(month, now_ns, ret_period, e);
	if (from)
		return period_of_dates(from, to, now_ns, ret_period, e);
	*ret_period = period_of_days((int)settings_int(s, "report.days"), now_ns);
	return 0;
}

/* An account that is gone is still in the history under its name. */
static int find_account(struct report_request *request, struct err *e)
{
	uid_t uid;

	if (!request->account)
		return 0;
	if (!*request->account)
		return err_usage(e, "--user needs an account");
	if (host_account_find(request->account, &uid) == 0)
		request->uid = quantity_of((int64_t)uid);
	return 0;
}

static int report_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(report_clear) struct report report = {0};
	bool json = settings_flag(in->settings, "report.json");
	bool csv = settings_flag(in->settings, "report.csv");
	struct report_request request = {.account = settings_text(in->settings, "report.user"),
					 .idle = settings_flag(in->settings, "report.idle")};
	int r;

	if (json && csv)
		return err_usage(e, "--json and --csv cannot be used together");
	usage_by_parse(settings_text(in->settings, "report.by"), &request.by);
	r = find_period(in->settings, &request.period, e);
	if (hosts_are_wanted(in))
		return r < 0 ? r : hosts_show_report(in, e);
	if (r == 0)
		r = find_account(&request, e);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_report(pool, &request, &report, e);
	if (r < 0)
		return r;
	if (report.warning)
		fprintf(stderr, "Warning: %s\n", report.warning);
	/* It may have been deleted; but it may also be mistyped. */
	if (request.account && !request.uid.known && !report.usage.accounts_count) {
		AUTO_FREE char *account = text_shown(request.account);

		fprintf(stderr,
			"Warning: there is no account '%s', and no usage of one in that period\n",
			account);
	}
	r = print_report(&report, json, csv, e);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, errno, "cannot write the output");
	/* Manual reservations have no supervisor that would do this at their end. It comes last,
	   since it may have to wait for the store. */
	pool_trim(pool, NULL);
	return r;
}

static const struct option_spec report_options[] = {
	HOSTS_OPTIONS,
	{.name = "days",
	 .letter = 'd',
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "30",
	 .min = 1,
	 .max = 36500,
	 .help = "Number of days to include in the report"},
	{.name = "month",
	 .type = OPTION_DATE,
	 .argument = "MONTH",
	 .choices = PERIOD_THIS_MONTH "|" PERIOD_LAST_MONTH,
	 .argument_optional = true,
	 .implied = PERIOD_THIS_MONTH,
	 .not_configurable = true,
	 .help = "A month of the calendar: 2026-10, this (up to now) or last"},
	{.name = "from",
	 .type = OPTION_DATE,
	 .argument = "DATE",
	 .not_configurable = true,
	 .help = "The first day of the report: 2026-10-05, or a month"},
	{.name = "to",
	 .type = OPTION_DATE,
	 .argument = "DATE",
	 .not_configurable = true,
	 .help = "The last day of the report (default: up to now)"},
	{.name = "user",
	 .letter = 'u',
	 .type = OPTION_TEXT,
	 .argument = "ACCOUNT",
	 .not_configurable = true,
	 .help = "Only what this account has used"},
	{.name = "by",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "user|gpu|day|user,day|user,gpu",
	 .fallback = "user",
	 .help = "What to group by"},
	{.name = "idle",
	 .type = OPTION_FLAG,
	 .help = "Show how many of the hours the GPUs were active, idle, or neither for certain"},
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
	.usage = "[--days N | --month [MONTH] | --from DATE [--to DATE]] [--user ACCOUNT] "
		 "[--by WHAT] [--idle] [--json | --csv] [--all | --host HOST]",
	.description =
		"Shows finished and running reservations of the last N times 24 hours, or of\n"
		"a month or days of the local calendar. GPU hours count per GPU; a reservation\n"
		"of several GPUs counts once.",
	.examples = "  canhazgpu report --days 7\n"
		    "  canhazgpu report --month last --by user,day --csv",
	.options = report_options,
	.run = report_run,
};
