/* Usage records out of sacct; see usage.h. */
#include "slurm/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "slurm/call.h"
#include "slurm/jobs.h"
#include "slurm/text.h"

#define FIELDS 6

/* A large accounting takes its time: nobody waits for it in a script's loop. */
#define LIMIT_NS (60 * NS_PER_SECOND)

static int64_t seconds_of(const char *text, int64_t otherwise_ns)
{
	return *text >= '0' && *text <= '9' ? strtoll(text, NULL, 10) * NS_PER_SECOND
					    : otherwise_ns;
}

static bool is_reservation(const char *reservations, const char *id)
{
	AUTO_FREE char *line = mem_printf("\n%s\n", id);
	AUTO_FREE char *lines = mem_printf("\n%s", reservations);

	return strstr(lines, line) != NULL;
}

static void add_job(struct usage *u, char *const *f, const char *reservations, int64_t now_ns,
		    size_t *without_gpus)
{
	size_t gpus = slurm_tres_gpus(f[5]);
	struct usage_record record = {
		.user = f[2],
		.account = f[2],
		.uid = quantity_of(strtoll(f[1], NULL, 10)),
		.type = is_reservation(reservations, f[0]) ? RESERVATION_MANUAL : RESERVATION_RUN,
		.start_ns = seconds_of(f[3], TIME_NONE),
		.end_ns = seconds_of(f[4], now_ns),
	};

	/* It has not begun, or never has. */
	if (record.start_ns == TIME_NONE || record.end_ns < record.start_ns)
		return;
	*without_gpus += !gpus;
	snprintf(record.reservation_id, sizeof(record.reservation_id), "%.36s", f[0]);
	for (size_t i = 0; i < gpus && i < SLURM_LIST_MAX; i++)
		usage_add(u, &record);
}

void slurm_usage_add(struct usage *u, char *rows, const char *reservations, int64_t now_ns,
		     size_t *ret_without_gpus)
{
	char *fields[FIELDS];

	*ret_without_gpus = 0;
	while (slurm_next_row(&rows, fields, FIELDS))
		add_job(u, fields, reservations, now_ns, ret_without_gpus);
}

static int ask(const char *format, const char *filter, const struct period *period, char **ret_text,
	       struct err *e)
{
	char from[32], to[32];
	time_t from_s = (time_t)(period->from_ns / NS_PER_SECOND);
	time_t to_s = (time_t)(period->to_ns / NS_PER_SECOND);
	AUTO_FREE char *start = NULL, *end = NULL, *fields = NULL, *only = mem_strdup(filter);
	struct slurm_call call;
	AUTO_FREE char *text = NULL, *complaint = NULL;
	struct tm tm;
	int status, r;

	strftime(from, sizeof(from), "%Y-%m-%dT%H:%M:%S", localtime_r(&from_s, &tm));
	strftime(to, sizeof(to), "%Y-%m-%dT%H:%M:%S", localtime_r(&to_s, &tm));
	start = mem_printf("--starttime=%s", from);
	end = mem_printf("--endtime=%s", to);
	fields = mem_printf("--format=%s", format);
	r = slurm_start((char *const[]){(char[]){"sacct"}, (char[]){"--allusers"},
					(char[]){"--allocations"}, (char[]){"--noheader"},
					(char[]){"--parsable2"}, start, end, fields, only, NULL},
			&call, e);
	if (r == 0)
		r = slurm_finish(&call, clock_monotonic_ns() + LIMIT_NS, &text, &status, e);
	if (r < 0)
		return r;
	if (status == 0 && !strstr(text, "accounting storage is disabled")) {
		*ret_text = mem_steal(&text);
		return 0;
	}
	if (strstr(text, "storage is disabled"))
		return err_set(e, EOPNOTSUPP,
			       "'report' does not work with Slurm here: its accounting is not set "
			       "up (slurmdbd, AccountingStorageType)");
	complaint = slurm_complaint(text);
	return err_set(e, EIO, "sacct: %.400s", complaint);
}

int slurm_usage(const struct report_request *request, struct report *ret_report, struct err *e)
{
	AUTO_FREE char *rows = NULL, *reservations = NULL;
	struct report report = {.period = request->period};
	size_t without_gpus;
	int r;

	r = ask("JobIDRaw,UID,User,Start,End,AllocTRES", NULL, &request->period, &rows, e);
	if (r == 0)
		r = ask("JobIDRaw", "--name=" SLURM_RESERVATION_NAME, &request->period,
			&reservations, e);
	if (r < 0)
		return r;
	usage_init(&report.usage, request->by, request->period.from_ns, request->period.to_ns);
	report.usage.only_account = request->account;
	report.usage.only_uid = request->uid;
	slurm_usage_add(&report.usage, rows, reservations, clock_now_ns(), &without_gpus);
	usage_finish(&report.usage);
	report.usage.only_account = NULL;
	if (without_gpus && !report.usage.accounts_count)
		report.warning = mem_strdup("Slurm's accounting tells no GPUs of jobs: its "
					    "administrator has to set "
					    "AccountingStorageTRES=gres/gpu");
	*ret_report = report;
	return 0;
}
