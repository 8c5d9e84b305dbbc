/* Hours of the week; see hours.h. */
#include "base/hours.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

static const char *const day_names[HOURS_DAYS] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static int fail(const char *text, struct err *e)
{
	return err_usage(e,
			 "'%.60s' are no hours of the week (for example: mon-fri 8:00-20:00, "
			 "sat 9-12)",
			 text);
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The rest behind the name of a day; NULL: there is none. */
static const char *read_day(const char *p, int *ret_day)
{
	for (int day = 0; day < HOURS_DAYS; day++) {
		if (strncasecmp(p, day_names[day], 3) == 0 && !isalpha((unsigned char)p[3])) {
			*ret_day = day;
			return p + 3;
		}
	}
	return NULL;
}

static const char *read_number(const char *p, int max, int *ret_number)
{
	int digits = 0, number = 0;

	for (; isdigit((unsigned char)*p) && digits < 2; digits++)
		number = 10 * number + (*p++ - '0');
	if (!digits || number > max || isdigit((unsigned char)*p))
		return NULL;
	*ret_number = number;
	return p;
}

/* "8", "08:30", "24": minutes of the day. */
static const char *read_time(const char *p, int *ret_minute)
{
	int hour, minute = 0;

	p = read_number(p, 24, &hour);
	if (p && *p == ':')
		p = read_number(p + 1, 59, &minute);
	if (!p || 60 * hour + minute > HOURS_MINUTES)
		return NULL;
	*ret_minute = 60 * hour + minute;
	return p;
}

static void add_minute(struct hours *h, int day, int minute)
{
	day = (day + minute / HOURS_MINUTES) % HOURS_DAYS;
	minute %= HOURS_MINUTES;
	h->minutes[day][minute / 8] |= (uint8_t)(1U << (minute % 8));
}

static void add_span(struct hours *h, int day, int from, int to)
{
	if (to <= from)
		to += HOURS_MINUTES;
	for (int minute = from; minute < to; minute++)
		add_minute(h, day, minute);
}

/* "mon-fri 8:00-20:00", "sat", "8-20"; the rest behind it, or NULL. */
static const char *read_part(const char *p, struct hours *h)
{
	int first = 0, last = HOURS_DAYS - 1, from = 0, to = HOURS_MINUTES;
	const char *rest = read_day(p, &first);

	if (rest) {
		last = first;
		if (*rest == '-' && !(rest = read_day(rest + 1, &last)))
			return NULL;
		p = skip_blanks(rest);
	}
	if (*p && *p != ',') {
		p = read_time(p, &from);
		if (!p || *p != '-' || !(p = read_time(p + 1, &to)) || from == to ||
		    from == HOURS_MINUTES)
			return NULL;
	} else if (!rest) {
		return NULL;
	}
	for (int day = first;; day = (day + 1) % HOURS_DAYS) {
		add_span(h, day, from, to);
		if (day == last)
			break;
	}
	return skip_blanks(p);
}

int hours_parse(const char *text, struct hours *ret_hours, struct err *e)
{
	struct hours h = {0};
	const char *p = skip_blanks(text);

	for (;;) {
		p = read_part(p, &h);
		if (!p)
			return fail(text, e);
		if (!*p)
			break;
		if (*p != ',')
			return fail(text, e);
		p = skip_blanks(p + 1);
	}
	*ret_hours = h;
	return 0;
}

bool hours_have(const struct hours *h, int day, int minute)
{
	return h->minutes[day][minute / 8] & (1U << (minute % 8));
}

bool hours_have_time(const struct hours *h, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm tm;

	return localtime_r(&seconds, &tm) && hours_have(h, tm.tm_wday, 60 * tm.tm_hour + tm.tm_min);
}
