/*
 * A snapshot as metrics in Prometheus's text format 0.0.4. Called by source.c.
 *
 * Accounts are labels, display names are not: anybody can invent any number of those.
 */
#ifndef WEB_METRICS_H
#define WEB_METRICS_H

#include "base/str.h"
#include "pool/snapshot.h"
#include "stats/timeline.h"

/* GPU time that an account has had reserved since the start. */
struct metrics_count {
	char *account;
	enum reservation_type type;
	double gpu_seconds;
};

struct metrics {
	struct metrics_count *counts;
	size_t counts_count;
	int64_t counted_ns; /* everything before this is counted */
};

void metrics_init(struct metrics *m, int64_t now_ns);
void metrics_clear(struct metrics *m);

/* Adds what was reserved from counted_ns on. An empty timeline (to_ns 0) counts for nothing. */
void metrics_count(struct metrics *m, const struct timeline *since);

/* Adds the text. begin_ns: when reading the pool for the snapshot began. */
void metrics_write(const struct metrics *m, const struct snapshot *s, int64_t begin_ns,
		   struct str *out);

/* Adds the lines that go before those of a metric. */
void metrics_head(struct str *out, const char *name, const char *type, const char *help);

/* Adds a label's value: backslash, quote and newline escaped, and valid UTF-8. */
void metrics_label(struct str *out, const char *value);

#endif
