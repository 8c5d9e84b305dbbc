/*
 * Who had which GPU when: the usage history and what is reserved now, as intervals per GPU. For the
 * web page and its metrics. Pure; fed by pool/timeline.c.
 */
#ifndef STATS_TIMELINE_H
#define STATS_TIMELINE_H

#include "base/nouns.h"

/* A timeline keeps so many intervals, the newest; nobody can tell more of them apart. */
#define TIMELINE_INTERVALS_MAX 10000

struct timeline_interval {
	int gpu;
	int64_t start_ns, end_ns; /* inside the period */
	bool running;             /* goes on behind end_ns */
	enum reservation_type type;
	char *user, *account;
};

struct timeline {
	int64_t from_ns, to_ns;
	size_t gpus_count;
	struct timeline_interval *intervals; /* a ring: the oldest is at `oldest` */
	size_t count, oldest, capacity;
	bool truncated; /* there were more than TIMELINE_INTERVALS_MAX */
};

void timeline_init(struct timeline *t, int64_t from_ns, int64_t to_ns, size_t gpus_count);
void timeline_clear(struct timeline *t);

/* A finished reservation of one GPU, cut to the period; nothing where it lies outside. */
void timeline_add(struct timeline *t, const struct usage_record *record);

/* A running one, on each of its GPUs. Add these last. end_ns: until when it counts. */
void timeline_add_running(struct timeline *t, const struct reservation *r, int64_t end_ns);

/* The i-th interval, the oldest first. */
const struct timeline_interval *timeline_at(const struct timeline *t, size_t i);

#endif
