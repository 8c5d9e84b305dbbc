/* The local calendar; see date.h. */
#include "base/date.h"

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (leap && month == 2);
}

/* Exactly so many digits; -1: something else. */
static int read_digits(const char **p, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		number = number * 10 + (**p - '0');
	}
	return number;
}

int parse_date(const char *text, struct date *ret_date, struct err *e)
{
	struct date date = {0};
	const char *p = text;
	bool good;

	date.year = read_digits(&p, 4);
	good = date.year >= 1970 && date.year <= 2200 && *p++ == '-';
	date.month = good ? read_digits(&p, 2) : 0;
	good = good && date.month >= 1 && date.month <= 12;
	if (good && *p == '-') {
		p++;
		date.day = read_digits(&p, 2);
		good = date.day >= 1 && date.day <= days_of_month(date.year, date.month);
	}
	if (!good || *p)
		return err_usage(e, "invalid date '%.60s' (use 2026-10-31, or 2026-10 for a month)",
				 text);
	*ret_date = date;
	return 0;
}

struct date date_month_of(int64_t time_ns, int back)
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm local = {0};
	int months;

	localtime_r(&seconds, &local);
	months = (local.tm_year + 1900) * 12 + local.tm_mon - back;
	return (struct date){.year = months / 12, .month = months % 12 + 1};
}

/* The first moment of a day; days and months beyond their ends are those that follow. */
static int64_t begin_of_day_ns(int year, int month, int day)
{
	/* There is a noon on every day, but not a midnight. */
	struct tm before = {.tm_year = year - 1900,
			    .tm_mon = month - 1,
			    .tm_mday = day - 1,
			    .tm_hour = 12,
			    .tm_isdst = -1};

	return clock_next_local_day_ns((int64_t)mktime(&before) * NS_PER_SECOND);
}

int64_t date_begin_ns(struct date date)
{
	return begin_of_day_ns(date.year, date.month, date.day ? date.day : 1);
}

int64_t date_end_ns(struct date date)
{
	if (date.day)
		return begin_of_day_ns(date.year, date.month, date.day + 1);
	return begin_of_day_ns(date.year, date.month + 1, 1);
}
