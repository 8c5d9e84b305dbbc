/* Times and durations. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static int64_t clock_read(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_now_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_boot_ns(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

/* More than two readings take, and less than plan_rebase takes for a clock that was set. */
#define MOMENT_NS (50 * NS_PER_MS)
#define MOMENT_ATTEMPTS 10

void clock_moment(int64_t *ret_now_ns, int64_t *ret_boot_ns)
{
	for (int i = 0; i < MOMENT_ATTEMPTS; i++) {
		int64_t before_ns = clock_boot_ns();

		*ret_now_ns = clock_now_ns();
		*ret_boot_ns = clock_boot_ns();
		if (*ret_boot_ns - before_ns < MOMENT_NS)
			return;
	}
}

const char *clock_rfc3339(int64_t time_ns, char buffer[CLOCK_RFC3339_SIZE])
{
	int64_t fraction = time_ns % NS_PER_SECOND;
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm utc = {0};
	size_t used;

	if (fraction < 0) {
		fraction += NS_PER_SECOND;
		seconds--;
	}
	gmtime_r(&seconds, &utc);
	used = strftime(buffer, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	if (fraction) {
		used += (size_t)snprintf(buffer + used, CLOCK_RFC3339_SIZE - used, ".%09" PRId64,
					 fraction);
		while (buffer[used - 1] == '0')
			used--;
	}
	buffer[used] = 'Z';
	buffer[used + 1] = '\0';
	return buffer;
}

/* Reads exactly `digits` decimal digits at *p and moves it behind them; -1 if they are not there.
 */
static int clock_digits(const char **p, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

/* Reads "Z" or "+hh:mm" at *p; seconds east of UTC in *ret_offset. */
static bool clock_zone(const char **p, int *ret_offset)
{
	int sign, hours, minutes;

	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		*ret_offset = 0;
		return true;
	}
	if (**p != '+' && **p != '-')
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	hours = clock_digits(p, 2);
	if (hours < 0 || hours > 23 || *(*p)++ != ':')
		return false;
	minutes = clock_digits(p, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	*ret_offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* Reads ".123" at *p, if it is there, as nanoseconds; more than nine digits are cut. */
static bool clock_fraction(const char **p, int64_t *ret_ns)
{
	int64_t scale = NS_PER_SECOND / 10;

	*ret_ns = 0;
	if (**p != '.')
		return true;
	(*p)++;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++, scale /= 10)
		*ret_ns += (**p - '0') * scale;
	return true;
}

int clock_rfc3339_parse(const char *text, int64_t *ret_ns, struct err *e)
{
	const char *p = text;
	int64_t fraction_ns = 0;
	struct tm utc = {0};
	int offset = 0;

	utc.tm_year = clock_digits(&p, 4) - 1900;
	if (*p++ != '-')
		goto bad;
	utc.tm_mon = clock_digits(&p, 2) - 1;
	if (*p++ != '-')
		goto bad;
	utc.tm_mday = clock_digits(&p, 2);
	if (*p != 'T' && *p != 't' && *p != ' ')
		goto bad;
	p++;
	utc.tm_hour = clock_digits(&p, 2);
	if (*p++ != ':')
		goto bad;
	utc.tm_min = clock_digits(&p, 2);
	if (*p++ != ':')
		goto bad;
	utc.tm_sec = clock_digits(&p, 2);
	/* Years outside 1678..2261 do not fit nanoseconds in an int64_t. */
	if (utc.tm_year < 1678 - 1900 || utc.tm_year > 2261 - 1900 || utc.tm_mon < 0 ||
	    utc.tm_mon > 11 || utc.tm_mday < 1 || utc.tm_mday > 31 || utc.tm_hour < 0 ||
	    utc.tm_hour > 23 || utc.tm_min < 0 || utc.tm_min > 59 || utc.tm_sec < 0 ||
	    utc.tm_sec > 60)
		goto bad;
	if (!clock_fraction(&p, &fraction_ns) || !clock_zone(&p, &offset) || *p)
		goto bad;
	*ret_ns = ((int64_t)timegm(&utc) - offset) * NS_PER_SECOND + fraction_ns;
	return 0;
bad:
	return err_set(e, EINVAL, "'%.64s' is not an RFC 3339 time", text);
}

const char *clock_duration(int64_t duration_ns, char buffer[CLOCK_DURATION_SIZE])
{
	int64_t seconds = duration_ns > 0 ? duration_ns / NS_PER_SECOND : 0;

	snprintf(buffer, CLOCK_DURATION_SIZE, "%" PRId64 "h %" PRId64 "m %" PRId64 "s",
		 seconds / 3600, seconds / 60 % 60, seconds % 60);
	return buffer;
}

/* Whole seconds of a time; before 1970, too, the fraction counts upwards. */
static time_t clock_seconds(int64_t time_ns)
{
	return (time_t)(time_ns / NS_PER_SECOND - (time_ns % NS_PER_SECOND < 0));
}

const char *clock_local_date(int64_t time_ns, char buffer[CLOCK_DATE_SIZE])
{
	time_t seconds = clock_seconds(time_ns);
	struct tm local = {0};

	localtime_r(&seconds, &local);
	strftime(buffer, CLOCK_DATE_SIZE, "%Y-%m-%d", &local);
	return buffer;
}

const char *clock_local_minute(int64_t time_ns, char buffer[CLOCK_MINUTE_SIZE])
{
	time_t seconds = clock_seconds(time_ns);
	struct tm local = {0};

	localtime_r(&seconds, &local);
	strftime(buffer, CLOCK_MINUTE_SIZE, "%Y-%m-%d %H:%M", &local);
	return buffer;
}

const char *clock_local_soon(int64_t time_ns, int64_t now_ns, char buffer[CLOCK_MINUTE_SIZE])
{
	char today[CLOCK_DATE_SIZE], day[CLOCK_DATE_SIZE];

	clock_local_minute(time_ns, buffer);
	if ((time_ns >= now_ns && time_ns - now_ns < 12 * NS_PER_HOUR) ||
	    !strcmp(clock_local_date(time_ns, day), clock_local_date(now_ns, today)))
		return strchr(buffer, ' ') + 1;
	return buffer;
}

/* Days since some day, to tell whether two local times are of the same one. */
static int64_t clock_local_day(time_t seconds)
{
	struct tm local = {0};

	localtime_r(&seconds, &local);
	return (int64_t)local.tm_year * 366 + local.tm_yday;
}

int64_t clock_next_local_day_ns(int64_t time_ns)
{
	time_t early = clock_seconds(time_ns), late = early + 26 * 3600, middle;
	int64_t today = clock_local_day(early);
	struct tm midnight = {0};

	localtime_r(&early, &midnight);
	midnight.tm_mday++;
	midnight.tm_hour = midnight.tm_min = midnight.tm_sec = 0;
	midnight.tm_isdst = -1;
	middle = mktime(&midnight);
	/* Where clocks are put forward at midnight there is none, and mktime only comes near: then
	   the first moment of another day is searched for. */
	if (clock_local_day(middle) != today && clock_local_day(middle - 1) == today)
		return (int64_t)middle * NS_PER_SECOND;
	while (late - early > 1) {
		middle = early + (late - early) / 2;
		if (clock_local_day(middle) == today)
			early = middle;
		else
			late = middle;
	}
	return (int64_t)late * NS_PER_SECOND;
}

/* "1h 20m", "1h" */
static char *two_units(int64_t count, int64_t per, char large, char small)
{
	if (count % per == 0)
		return mem_printf("%" PRId64 "%c", count / per, large);
	return mem_printf("%" PRId64 "%c %" PRId64 "%c", count / per, large, count % per, small);
}

char *clock_span(int64_t duration_ns)
{
	int64_t minutes =
		duration_ns / NS_PER_MINUTE + (duration_ns % NS_PER_MINUTE >= NS_PER_MINUTE / 2);

	if (duration_ns < NS_PER_MINUTE)
		return mem_strdup("less than a minute");
	if (minutes < 60)
		return mem_printf("%" PRId64 "m", minutes);
	if (minutes < 48 * 60)
		return two_units(minutes, 60, 'h', 'm');
	return two_units(minutes / 60, 24, 'd', 'h');
}
