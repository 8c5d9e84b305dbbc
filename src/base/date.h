/* Days and months of the local calendar, as people type them. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

#include "base/err.h"

struct date {
	int year, month; /* month: 1 to 12 */
	int day;         /* 0: the whole month */
};

/* 2026-10-31, or 2026-10 for the month. */
int parse_date(const char *text, struct date *ret_date, struct err *e);

/* The month that is `back` months before that of time_ns. */
struct date date_month_of(int64_t time_ns, int back);

/* When the day or month begins, and when the next one does, by the local time zone: a day has 23 to
   25 hours where clocks are put forward or back. */
int64_t date_begin_ns(struct date date);
int64_t date_end_ns(struct date date);

#endif
