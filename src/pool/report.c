/* The report: history and running reservations, added up. See report.h. */
#include "pool/report.h"

#include <stdlib.h>

#include "base/mem.h"
#include "pool/past.h"
#include "pool/private.h"

static void add_record(const struct usage_record *record, void *usage)
{
	usage_add(usage, record);
}

static void add_running(const struct pool_state *state, const struct reservation *r, int64_t end_ns,
			void *usage)
{
	usage_add_running(usage, state->slots, r, end_ns);
}

/* Months are asked for to account for them: what is missing must not go unnoticed. */
static char *describe_missing(const struct pool *p, const struct period *period, int64_t now_ns)
{
	int64_t kept_ns = p->config.history_keep_ns;
	char date[CLOCK_DATE_SIZE];

	if (!period->calendar || !kept_ns || period->from_ns >= now_ns - kept_ns)
		return NULL;
	return mem_printf("the history is kept for %lld days (history.days): what ended before %s "
			  "may be missing",
			  (long long)(kept_ns / NS_PER_DAY),
			  clock_local_date(now_ns - kept_ns, date));
}

int pool_report(struct pool *p, const struct report_request *request, struct report *ret_report,
		struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(report_clear)
	struct report report = {.period = request->period, .idle = request->idle};
	struct err problem = {0};
	int64_t now_ns;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r < 0)
		return r;
	now_ns = clock_now_ns();
	usage_init(&report.usage, request->by, request->period.from_ns, request->period.to_ns);
	report.usage.only_account = request->account;
	report.usage.only_uid = request->uid;
	usage_add_gpus(&report.usage, state.slots_count);
	if (pool_host_match_surely(p, &state) == MACHINE_OTHER)
		report.warning = pool_describe_other(p, &state);
	if (past_read_running(p, &state, now_ns, add_running, &report.usage) && !report.warning &&
	    pool_cleanup(p, &problem) < 0)
		report.warning =
			mem_printf("ended reservations could not be recorded: %s", problem.text);
	r = past_read(p, &state, report.usage.from_ns, report.usage.to_ns, add_record,
		      &report.usage, e);
	if (r < 0)
		return r;
	if (!report.warning)
		report.warning = describe_missing(p, &request->period, now_ns);
	usage_finish(&report.usage);
	report.usage.only_account = NULL;
	*ret_report = report;
	report = (struct report){0};
	return 0;
}

void report_clear(struct report *r)
{
	usage_clear(&r->usage);
	free(r->warning);
	*r = (struct report){0};
}
