/*
 * Usage records in, totals out: who used how many GPU hours in a period. Pure, like plan/plan.h: no
 * I/O, no clock (only the local time zone, for the days of a report). Fed by report.c.
 *
 * A record counts with the part of it that lies in the period. GPU hours count per GPU; a
 * reservation counts once, however many records it left (one per GPU, which may end at different
 * times).
 */
#ifndef STATS_USAGE_H
#define STATS_USAGE_H

#include "base/nouns.h"
#include "stats/usage_seen.h"

/* What the rows of a report stand for. */
enum usage_by {
	USAGE_BY_USER,
	USAGE_BY_GPU,
	USAGE_BY_DAY,
	USAGE_BY_USER_DAY, /* a row for each day on which the account had GPUs */
	USAGE_BY_USER_GPU,
};

struct usage_total {
	int64_t gpu_us; /* microseconds: a sum of ns would be full after 292 years of one GPU */
	int64_t active_us, idle_us;      /* of it, as far as known */
	int64_t run_count, manual_count; /* reservations */
};

/* One account's share of each day or GPU, from the first to the last that it had any of. */
struct usage_parts {
	struct usage_total *totals;
	size_t first, count;
};

struct usage_row {
	struct quantity uid; /* by user: what records are summed by, where they tell it */
	char *account; /* by user: the account's latest name, "uid 1234" or a bare label where there
			  is none */
	char *label;   /* by user: the display name of the account's latest reservation */
	int gpu;       /* by GPU */
	int64_t begin_ns, end_ns;     /* by day: the part of that local day that is in the period */
	int64_t account_ns, label_ns; /* by user: when the reservations with those names ended */
	struct usage_total total;
	struct usage_parts parts; /* of an account, until usage_finish */
};

struct usage {
	enum usage_by by;
	int64_t from_ns, to_ns;
	const char *only_account; /* count this account alone; NULL: all. Borrowed */
	struct quantity only_uid; /* its uid, if it has one */
	struct usage_row *rows; /* by user: most GPU hours first; else, and within a user, ascending
				 */
	size_t rows_count;
	struct usage_total total; /* by GPU, the rows' reservations may add up to more */
	size_t accounts_count;

	/* Until usage_finish. */
	struct usage_row *days; /* by user and day: every local day of the period */
	size_t days_count;
	struct usage_row *accounts; /* by user, these become the rows */
	size_t *account_slots;      /* hash table: index into accounts plus one, 0: empty */
	size_t account_slots_count; /* a power of two */
	size_t latest_account;      /* index of the one that was found last */
	struct usage_seen seen;
};

/* Begins an empty report on from_ns..to_ns. By day, every local day of the period gets a row. */
void usage_init(struct usage *u, enum usage_by by, int64_t from_ns, int64_t to_ns);

/* By GPU: makes a row for each of the GPUs 0..count-1, used or not. Otherwise nothing. */
void usage_add_gpus(struct usage *u, size_t count);

/*
 * Adds a record, in any order. Records of one reservation are told by their id; where that is
 * unknown, by account, display name, type and start. What lies outside the period is left out.
 */
void usage_add(struct usage *u, const struct usage_record *record);

/* Adds a reservation that is still there as if it ended at end_ns. `slots` are those of the state.
 */
void usage_add_running(struct usage *u, const struct slot *slots, const struct reservation *r,
		       int64_t end_ns);

/* Makes the rows final. */
void usage_finish(struct usage *u);

void usage_clear(struct usage *u);

double usage_hours(const struct usage_total *total);
/* How many of these hours the GPUs were active, idle, and neither of them for certain. */
double usage_active_hours(const struct usage_total *total);
double usage_idle_hours(const struct usage_total *total);
double usage_unknown_hours(const struct usage_total *total);
int64_t usage_reservations(const struct usage_total *total);

/* The share of a row in the whole, in percent; 0 where nothing was used. */
double usage_percentage(const struct usage *u, const struct usage_total *part);

/*
 * How a row is called: "alice"; "label (account)" where the account was last used under another
 * name, so that nobody's usage can pass for somebody else's; "0" for a GPU; "2025-06-30" for a day.
 * Other people's text, not yet made printable. The caller frees it.
 */
char *usage_row_name(const struct usage *u, const struct usage_row *row);

/* What of a user the row is: the GPU or the day; NULL where rows have one name only. The caller
   frees it. */
char *usage_row_part(const struct usage *u, const struct usage_row *row);

/* Whether rows are users, or parts of users. */
bool usage_is_by_user(const struct usage *u);

const char *usage_by_name(enum usage_by by); /* "user", "user,day" */
bool usage_by_parse(const char *name, enum usage_by *ret_by);

#endif
