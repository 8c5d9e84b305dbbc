/*
 * Which reservations were seen: a set of hashes, 8 bytes each, so that a million
 * reservations are counted in 16 MB. Private to usage.c.
 */
#ifndef STATS_USAGE_SEEN_H
#define STATS_USAGE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nouns.h"

struct usage_seen {
	uint64_t *places; /* 0: empty */
	size_t size;      /* a power of two; 0 at first */
	size_t count;
	uint64_t last; /* the latest */
};

/* True if the record is the first one of its reservation. */
bool usage_seen_first(struct usage_seen *seen, const struct usage_record *record);

void usage_seen_clear(struct usage_seen *seen);

/* A hash of length bytes, good enough for tables; nothing cryptographic. */
uint64_t usage_hash(const void *bytes, size_t length, uint64_t seed);

#endif
