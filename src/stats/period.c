/* The period of a report; see period.h. */
#include "stats/period.h"

#include <string.h>

#include "base/clock.h"
#include "base/date.h"

struct period period_of_days(int days, int64_t now_ns)
{
	return (struct period){now_ns - days * NS_PER_DAY, now_ns, days, false};
}

static int make_period(int64_t from_ns, int64_t to_ns, int64_t now_ns, struct period *ret_period,
		       struct err *e)
{
	struct period p = {.from_ns = from_ns, .to_ns = to_ns, .calendar = true};

	if (from_ns >= now_ns)
		return err_usage(e, "the period of the report has not begun yet");
	if (from_ns >= to_ns)
		return err_usage(e, "the period of the report ends before it begins");
	if (p.to_ns > now_ns)
		p.to_ns = now_ns;
	for (int64_t ns = p.from_ns; ns < p.to_ns; ns = clock_next_local_day_ns(ns))
		p.days++;
	*ret_period = p;
	return 0;
}

int period_of_month(const char *month, int64_t now_ns, struct period *ret_period, struct err *e)
{
	struct date date;
	int r = 0;

	if (!strcmp(month, PERIOD_THIS_MONTH))
		date = date_month_of(now_ns, 0);
	else if (!strcmp(month, PERIOD_LAST_MONTH))
		date = date_month_of(now_ns, 1);
	else
		r = parse_date(month, &date, e);
	if (r < 0)
		return r;
	if (date.day)
		return err_usage(e, "'%.60s' is a day, not a month: use --from and --to", month);
	return make_period(date_begin_ns(date), date_end_ns(date), now_ns, ret_period, e);
}

int period_of_dates(const char *from, const char *to, int64_t now_ns, struct period *ret_period,
		    struct err *e)
{
	struct date first, last;
	int r = parse_date(from, &first, e);

	if (r == 0 && to)
		r = parse_date(to, &last, e);
	if (r < 0)
		return r;
	return make_period(date_begin_ns(first), to ? date_end_ns(last) : now_ns, now_ns,
			   ret_period, e);
}

int64_t period_last_ns(const struct period *p)
{
	return p->calendar ? p->to_ns - 1 : p->to_ns;
}
