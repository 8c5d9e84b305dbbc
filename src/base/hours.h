/* Hours of the week, as an administrator writes them: "mon-fri 8:00-20:00, sat 9-12". */
#ifndef BASE_HOURS_H
#define BASE_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define HOURS_DAYS 7
#define HOURS_MINUTES (24 * 60)

/* Which minutes of the week are among them; the week begins on Sunday, as in struct tm. */
struct hours {
	uint8_t minutes[HOURS_DAYS][(HOURS_MINUTES + 7) / 8];
};

/*
 * Parts separated by commas; each has days (mon, mon-fri, none: every day) and, behind a space, a
 * time from and to, 8:00-20:00 or 8-20. A part that ends before it begins ends on the next day:
 * 20-6. Without a time it is the whole day.
 */
int hours_parse(const char *text, struct hours *ret_hours, struct err *e);

/* Whether that minute of a day (0: Sunday) is among them. */
bool hours_have(const struct hours *h, int day, int minute);

/* The same for a time, by the local time zone. */
bool hours_have_time(const struct hours *h, int64_t time_ns);

#endif
