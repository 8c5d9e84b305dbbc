/* The status, queues and reports of several hosts; see hosts.h. */
#include "cmd/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/output.h"
#include "cmd/status.h"

/* Not one of them has answered: what was shown says why. */
static int check_any(const struct hosts *h, struct err *e)
{
	for (size_t i = 0; i < h->list.count; i++) {
		if (h->replies[i].document)
			return 0;
	}
	return err_set(e, EHOSTUNREACH, "%s",
		       h->list.count > 1 ? "none of these hosts answers"
					 : "this host does not answer");
}

static int ask(const struct invocation *in, struct hosts *h, const struct hosts_question *q,
	       struct err *e)
{
	int r = hosts_list(in, h, e);

	if (r == 0)
		hosts_ask(in, h, q, hosts_timeout_ns(in));
	return r;
}

static void print_hosts_table(const struct invocation *in, struct table *table)
{
	table_print(table, stdout, color_wanted(in->settings, STDOUT_FILENO));
	table_free(table);
}

static int check_status(const struct settings *s, struct err *e)
{
	if (settings_flag(s, "status.topology") || settings_int(s, "status.watch"))
		return err_usage(e, "--all and --host cannot be used with --topology or --watch");
	if (settings_flag(s, "status.json") && settings_flag(s, "status.summary"))
		return err_usage(e, "--json and --summary cannot be used together");
	return 0;
}

int hosts_show_status(const struct invocation *in, struct err *e)
{
	AUTO(hosts_question_clear) struct hosts_question q = {.topic = REMOTE_STATUS};
	AUTO(hosts_clear) struct hosts h = {0};
	const struct settings *s = in->settings;
	bool mine = settings_flag(s, "status.mine");
	int r = check_status(s, e);

	words_add(&q.words, "status");
	words_add(&q.words, "--json");
	if (mine)
		words_add(&q.words, "--mine");
	else
		q.path = mem_strdup("/api/status");
	q.path_missing = "--mine: its web server does not know who you are there";
	if (settings_flag(s, "status.fresh"))
		words_add(&q.words, "--fresh");
	if (r == 0)
		r = ask(in, &h, &q, e);
	if (r < 0)
		return r;
	if (settings_flag(s, "status.json")) {
		r = print_json(view_hosts_status_json(h.replies, h.list.count), e);
		return r < 0 ? r : check_any(&h, e);
	}
	if (settings_flag(s, "status.summary")) {
		AUTO_FREE char *summary = view_hosts_summary(h.replies, h.list.count);

		fputs(summary, stdout);
		print_hosts_table(in, view_hosts_summary_table(h.replies, h.list.count));
	} else {
		print_hosts_table(in, view_hosts_status_table(h.replies, h.list.count));
		if (status_has_line(s)) {
			AUTO_FREE char *line = view_hosts_line(h.replies, h.list.count);

			fputs(line, stdout);
		}
	}
	return check_any(&h, e);
}

int hosts_show_queue(const struct invocation *in, struct err *e)
{
	AUTO(hosts_question_clear)
	struct hosts_question q = {.topic = REMOTE_QUEUE, .path = mem_strdup("/api/queue")};
	AUTO(hosts_clear) struct hosts h = {0};
	struct table *table;
	int r;

	words_add(&q.words, "queue");
	words_add(&q.words, "--json");
	if (settings_text(in->settings, "queue.explain"))
		return err_usage(e, "--explain is about this host's queue");
	r = ask(in, &h, &q, e);
	if (r < 0)
		return r;
	if (settings_flag(in->settings, "queue.json")) {
		r = print_json(view_hosts_queue_json(h.replies, h.list.count), e);
		return r < 0 ? r : check_any(&h, e);
	}
	table = view_hosts_queue_table(h.replies, h.list.count);
	if (table)
		print_hosts_table(in, table);
	else
		printf("No requests are waiting.\n");
	return check_any(&h, e);
}

/* What the web API knows of these options; NULL: not all of it. The caller frees it. */
static char *report_path(const struct settings *s)
{
	const char *by = settings_text(s, "report.by"), *month = settings_text(s, "report.month");
	int64_t days = settings_int(s, "report.days");
	struct date date;

	if (settings_text(s, "report.user") || settings_text(s, "report.from") || days > 90 ||
	    settings_flag(s, "report.idle") || (month && parse_date(month, &date, NULL) < 0) ||
	    (strcmp(by, "user") != 0 && strcmp(by, "user,day") != 0))
		return NULL;
	if (month)
		return mem_printf("/api/report?month=%s%s", month,
				  strcmp(by, "user") != 0 ? "&by=user,day" : "");
	/* Older servers do not know "by". */
	return mem_printf("/api/report?days=%d%s", (int)days,
			  strcmp(by, "user") != 0 ? "&by=user,day" : "");
}

int hosts_show_report(const struct invocation *in, struct err *e)
{
	const struct settings *s = in->settings;
	AUTO(hosts_question_clear)
	struct hosts_question q = {.topic = REMOTE_REPORT, .path = report_path(s)};
	AUTO(hosts_clear) struct hosts h = {0};
	int r;

	if (settings_flag(s, "report.csv"))
		return err_usage(e, "--csv shows one host: use --json");
	q.path_missing = "its web server has no report with these options";
	words_add(&q.words, "report");
	words_add(&q.words, "--json");
	hosts_add_options(&q.words, s, "report", in->command->options, "json csv all host ");
	r = ask(in, &h, &q, e);
	if (r < 0)
		return r;
	if (settings_flag(s, "report.json")) {
		r = print_json(view_hosts_report_json(h.replies, h.list.count), e);
		return r < 0 ? r : check_any(&h, e);
	}
	print_hosts_table(in, view_hosts_report_table(h.replies, h.list.count,
						      settings_flag(s, "report.idle")));
	return check_any(&h, e);
}
