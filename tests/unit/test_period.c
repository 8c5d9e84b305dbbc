/* The periods of a report: months and days of the local calendar, where clocks are put forward and
 * back. */
#include "test.h"

#include <time.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "stats/period.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* Clocks are put forward at midnight: there is no 00:00 on 2018-11-04. */
#define SAO_PAULO "<-03>3<-02>,M11.1.0/0,M2.3.0/0"

struct period_case {
	const char *zone, *now;
	const char *month;     /* else ... */
	const char *from, *to; /* ... these */
	const char *begin;     /* NULL: refused, and `end` is what the error has */
	const char *end;
	const char *last; /* the date that is shown */
	int days;
};

#define REFUSED(text) NULL, text, NULL, 0

static const struct period_case cases[] = {
	{"UTC0", "2026-11-29T12:00:00Z", "2026-10", NULL, NULL, "2026-10-01T00:00:00Z",
	 "2026-11-01T00:00:00Z", "2026-10-31", 31},
	/* 31 days of which one has 25 hours, and one of which one has 23. */
	{BERLIN, "2026-11-29T12:00:00Z", "2026-10", NULL, NULL, "2026-09-30T22:00:00Z",
	 "2026-10-31T23:00:00Z", "2026-10-31", 31},
	{BERLIN, "2026-11-29T12:00:00Z", "2026-03", NULL, NULL, "2026-02-28T23:00:00Z",
	 "2026-03-31T22:00:00Z", "2026-03-31", 31},
	{"UTC0", "2026-11-29T12:00:00Z", "2024-02", NULL, NULL, "2024-02-01T00:00:00Z",
	 "2024-03-01T00:00:00Z", "2024-02-29", 29},
	{"UTC0", "2026-11-29T12:00:00Z", "2025-12", NULL, NULL, "2025-12-01T00:00:00Z",
	 "2026-01-01T00:00:00Z", "2025-12-31", 31},
	/* This month lasts until now; it is already December there. */
	{"UTC0", "2026-11-29T12:00:00Z", "this", NULL, NULL, "2026-11-01T00:00:00Z",
	 "2026-11-29T12:00:00Z", "2026-11-29", 29},
	{"XXX-10", "2026-11-30T20:00:00Z", "this", NULL, NULL, "2026-11-30T14:00:00Z",
	 "2026-11-30T20:00:00Z", "2026-12-01", 1},
	{"UTC0", "2026-01-02T00:00:00Z", "last", NULL, NULL, "2025-12-01T00:00:00Z",
	 "2026-01-01T00:00:00Z", "2025-12-31", 31},
	{BERLIN, "2026-11-29T12:00:00Z", NULL, "2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z",
	 "2026-10-25T23:00:00Z", "2026-10-25", 1},
	{SAO_PAULO, "2018-12-01T12:00:00Z", NULL, "2018-11-04", "2018-11-04",
	 "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", "2018-11-04", 1},
	{"UTC0", "2026-11-29T12:00:00Z", NULL, "2026-11-28", NULL, "2026-11-28T00:00:00Z",
	 "2026-11-29T12:00:00Z", "2026-11-29", 2},
	{"UTC0", "2026-11-29T12:00:00Z", NULL, "2026-11-28", "2026-12-31", "2026-11-28T00:00:00Z",
	 "2026-11-29T12:00:00Z", "2026-11-29", 2},
	{"UTC0", "2026-11-29T12:00:00Z", NULL, "2026-08", "2026-09", "2026-08-01T00:00:00Z",
	 "2026-10-01T00:00:00Z", "2026-09-30", 61},
	{"UTC0", "2026-11-29T12:00:00Z", "2026-12", NULL, NULL, REFUSED("has not begun")},
	{"UTC0", "2026-11-29T12:00:00Z", "2026-10-03", NULL, NULL, REFUSED("is a day")},
	{"UTC0", "2026-11-29T12:00:00Z", NULL, "2026-11-20", "2026-11-19",
	 REFUSED("ends before it begins")},
	{"UTC0", "2026-11-29T12:00:00Z", NULL, "2026-11-30", NULL, REFUSED("has not begun")},
	{"UTC0", "2026-11-29T12:00:00Z", "2026-13", NULL, NULL, REFUSED("invalid date '2026-13'")},
};

static void check(const struct period_case *c)
{
	char begin[CLOCK_RFC3339_SIZE], end[CLOCK_RFC3339_SIZE], last[CLOCK_DATE_SIZE];
	struct period p = {0};
	struct err e = {0};
	int64_t now_ns;
	int r;

	assert_int_equal(clock_rfc3339_parse(c->now, &now_ns, NULL), 0);
	r = c->month ? period_of_month(c->month, now_ns, &p, &e)
		     : period_of_dates(c->from, c->to, now_ns, &p, &e);
	if (!c->begin) {
		assert_int_not_equal(r, 0);
		if (!strstr(e.text, c->end))
			fail_msg("%s", e.text);
		return;
	}
	if (r < 0)
		fail_msg("%s", e.text);
	assert_string_equal(clock_rfc3339(p.from_ns, begin), c->begin);
	assert_string_equal(clock_rfc3339(p.to_ns, end), c->end);
	assert_string_equal(clock_local_date(period_last_ns(&p), last), c->last);
	assert_int_equal(p.days, c->days);
}

static void test_periods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("TZ", cases[i].zone, 1);
		tzset();
		check(&cases[i]);
	}
}

static void test_days_up_to_now(void **state)
{
	const struct period p = period_of_days(30, 100 * NS_PER_DAY);

	(void)state;
	assert_int_equal(p.from_ns, 70 * NS_PER_DAY);
	assert_int_equal(p.to_ns, 100 * NS_PER_DAY);
	assert_int_equal(p.days, 30);
	/* The specification's report shows the day on which it is made, at midnight, too. */
	assert_int_equal(period_last_ns(&p), p.to_ns);
}

static void test_dates(void **state)
{
	static const char *const good[] = {"2026-10", "2026-10-31", "2024-02-29", "1970-01-01"};
	static const char *const bad[] = {"",           "2026",       "2026-1",      "2026-00",
					  "2026-13",    "2026-02-30", "2026-10-",    "2026-10-1",
					  "2026-10-00", "26-10-01",   "2026-10-311", "2026-10 ",
					  " 2026-10",   "2100-02-29", "-026-10",     "9999-01"};
	struct date date;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(parse_date(good[i], &date, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse_date(bad[i], &date, NULL) == 0)
			fail_msg("'%s' was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_days_up_to_now),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests_name("period", tests, NULL, NULL);
}
