/* Who used the pool how much: the history and what is reserved now, as totals. For `report` and the
 * web page. */
#ifndef POOL_REPORT_H
#define POOL_REPORT_H

#include "pool/pool.h"
#include "stats/usage.h"

struct report {
	struct usage usage; /* of the last `days` times 24 hours */
	int days;
	char *warning; /* something to tell on stderr; NULL: nothing */
};

/*
 * Ends what is over, then adds up finished and running reservations as of now. Needs no driver. The
 * caller clears *ret_report.
 */
int pool_report(struct pool *p, int days, enum usage_by by, struct report *ret_report,
		struct err *e);
void report_clear(struct report *r);

#endif
