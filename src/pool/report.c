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
	usage_add_running(usage, r, end_ns);
}

int pool_report(struct pool *p, int days, enum usage_by by, struct report *ret_report,
		struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(report_clear) struct report report = {.days = days};
	struct err problem = {0};
	int64_t now_ns;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r < 0)
		return r;
	now_ns = clock_now_ns();
	usage_init(&report.usage, by, now_ns - days * NS_PER_DAY, now_ns);
	usage_add_gpus(&report.usage, state.slots_count);
	if (pool_host_match_surely(p, &state) == MACHINE_OTHER)
		report.warning = pool_describe_other(p, &state);
	if (past_read_running(p, &state, now_ns, add_running, &report.usage) && !report.warning &&
	    pool_cleanup(p, &problem) < 0)
		report.warning =
			mem_printf("ended reservations could not be recorded: %s", problem.text);
	r = past_read(p, &state, report.usage.from_ns, now_ns, add_record, &report.usage, e);
	if (r < 0)
		return r;
	usage_finish(&report.usage);
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
