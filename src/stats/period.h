/* The period of a report: so many days up to now, or months and days of the local calendar. Pure.
 */
#ifndef STATS_PERIOD_H
#define STATS_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct period {
	int64_t from_ns, to_ns;
	int days;      /* so many days, those of the calendar that have only begun included */
	bool calendar; /* it begins, and unless it lasts until now ends, with a local day */
};

/* The last `days` times 24 hours. */
struct period period_of_days(int days, int64_t now_ns);

/* "2026-10", "this" or "last"; this month lasts until now. A usage error for one that has not begun
   yet, and for a day. */
int period_of_month(const char *month, int64_t now_ns, struct period *ret_period, struct err *e);

/* From the begin of one day (or month) to the end of another, at most until now; `to` NULL: now. */
int period_of_dates(const char *from, const char *to, int64_t now_ns, struct period *ret_period,
		    struct err *e);

/* When the last moment of it is, for the date that is shown: the end of a calendar day is the
   begin of another one. */
int64_t period_last_ns(const struct period *p);

/* What `--month` may say instead of a month. */
#define PERIOD_THIS_MONTH "this"
#define PERIOD_LAST_MONTH "last"

#endif
