/*
 * How long the runs of each account have taken: what an estimate rests on where nobody has said
 * when a run ends. Pure; fed by pool/forecast.c with records of the history.
 */
#ifndef STATS_PAST_RUNS_H
#define STATS_PAST_RUNS_H

#include "base/nouns.h"

/* Fewer runs than this tell nothing. */
#define PAST_RUNS_MIN 3

struct past_run {
	char id[ID_SIZE]; /* "": of another program */
	int64_t start_ns, length_ns;
};

struct past_account {
	struct quantity uid;
	char *account;
	struct past_run *runs; /* finished: one per reservation, shortest first */
	size_t runs_count;
};

struct past_runs {
	struct past_account *accounts;
	size_t accounts_count;
};

/* Adds a record, in any order; what is no run is left out. */
void past_runs_add(struct past_runs *p, const struct usage_record *record);

/* Makes one run of the records of one reservation, and sorts. Add nothing afterwards. */
void past_runs_finish(struct past_runs *p);

/*
 * How long a run of that account takes in all, when it has taken elapsed_ns already: the median of
 * those that took longer. 0: there are fewer than PAST_RUNS_MIN of them.
 */
int64_t past_runs_length_ns(const struct past_runs *p, struct quantity uid, const char *account,
			    int64_t elapsed_ns);

void past_runs_clear(struct past_runs *p);

#endif
