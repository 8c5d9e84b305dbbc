/*
 * Times and durations: reading the clock, and the two forms they are shown in.
 * A time is nanoseconds since 1970-01-01 00:00 UTC in an int64_t named ..._ns; TIME_NONE is "not
 * set".
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TIME_NONE INT64_C(0)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR (3600 * NS_PER_SECOND)
#define NS_PER_DAY (24 * NS_PER_HOUR)

/* Room for "2025-07-07T18:24:56.100193782Z" and for any year that fits an int64_t of ns. */
#define CLOCK_RFC3339_SIZE 40
/* Room for "2562047h 59m 59s". */
#define CLOCK_DURATION_SIZE 32
/* Room for "2025-07-07". */
#define CLOCK_DATE_SIZE 16
/* Room for "2025-07-07 18:24". */
#define CLOCK_MINUTE_SIZE 24

/* Wall-clock time, for what is stored and shown. */
int64_t clock_now_ns(void);

/* Time that never jumps, for time limits. No relation to clock_now_ns. */
int64_t clock_monotonic_ns(void);

/* Time since the boot, also while the host is suspended; it never jumps either. Processes of one
   host agree on it, for comparing what one of them has stored: see struct time_base. */
int64_t clock_boot_ns(void);

/* The time by the wall clock and since the boot, of one moment: also where this process is stopped
   while it reads them. */
void clock_moment(int64_t *ret_now_ns, int64_t *ret_boot_ns);

/* "2025-07-07T18:24:56.100193782Z": UTC, trailing zeros of the fraction cut like Go's RFC3339Nano.
 */
const char *clock_rfc3339(int64_t time_ns, char buffer[CLOCK_RFC3339_SIZE]);

/* Reads RFC 3339 with Z or an offset, any number of fraction digits (cut to nanoseconds). */
int clock_rfc3339_parse(const char *text, int64_t *ret_ns, struct err *e);

/* "0h 15m 30s": whole hours without a limit, minutes, seconds. Below zero shows as zero. */
const char *clock_duration(int64_t duration_ns, char buffer[CLOCK_DURATION_SIZE]);

/* The same for people, to the minute: "less than a minute", "12m", "1h 20m", "3d 4h". The caller
   frees it. */
char *clock_span(int64_t duration_ns);

/* "2025-07-07": the day of people here, by the local time zone. */
const char *clock_local_date(int64_t time_ns, char buffer[CLOCK_DATE_SIZE]);

/* "2025-07-07 18:24", by the local time zone. */
const char *clock_local_minute(int64_t time_ns, char buffer[CLOCK_MINUTE_SIZE]);

/* "18:24" where that leaves no doubt, on the day of now_ns or in the twelve hours after it; else
   "2025-07-07 18:24", by the local time zone. */
const char *clock_local_soon(int64_t time_ns, int64_t now_ns, char buffer[CLOCK_MINUTE_SIZE]);

/* When the local day after that of time_ns begins: 23 to 25 hours after this one began, where
 * clocks are put forward or back. */
int64_t clock_next_local_day_ns(int64_t time_ns);

#endif
