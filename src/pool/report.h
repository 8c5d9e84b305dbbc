/* Who used the pool how much: the history and what is reserved now, as totals. For `report` and the
 * web page. */
#ifndef POOL_REPORT_H
#define POOL_REPORT_H

#include "pool/pool.h"
#include "stats/period.h"
#include "stats/usage.h"

/* What a report is to show. */
struct report_request {
	struct period period;
	enum usage_by by;
	bool idle;           /* show how much of the time the GPUs were idle */
	const char *account; /* this account alone; NULL: all */
	struct quantity uid; /* its uid, if it has one */
};

struct report {
	struct usage usage;
	struct period period;
	bool idle;
	char *warning; /* something to tell on stderr; NULL: nothing */
};

/*
 * Ends what is over, then adds up finished and running reservations as of the end of the period.
 * Needs no driver. The caller clears *ret_report.
 */
int pool_report(struct pool *p, const struct report_request *request, struct report *ret_report,
		struct err *e);
void report_clear(struct report *r);

#endif
