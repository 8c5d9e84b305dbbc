/* The set of reservations that were seen; see usage_seen.h. Called by usage.c. */
#include "stats/usage_seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An odd constant whose bits look random: 2^64 divided by the golden ratio. */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * SPREAD;
	return hash ^ hash >> 32;
}

uint64_t usage_hash(const void *bytes, size_t length, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t hash = mix(seed, length), word;

	for (; length >= sizeof(word); p += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, p, length);
	return mix(mix(hash, word), seed);
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
	return text ? usage_hash(text, strlen(text), seed) : seed;
}

/* What tells a reservation from others, in 64 bits: of a million reservations two fall together
   once in thirty million reports. */
static uint64_t key_of(const struct usage_record *record)
{
	uint64_t key;

	if (*record->reservation_id) {
		key = hash_text(record->reservation_id, 1);
	} else {
		const uint64_t parts[] = {
			hash_text(record->account, 2),
			hash_text(record->user, 3),
			(uint64_t)record->type,
			(uint64_t)record->start_ns,
		};

		key = usage_hash(parts, sizeof(parts), 4);
	}
	return key ? key : 1; /* 0 is an empty place */
}

/* The place of a key, or the empty one where it belongs. */
static uint64_t *find(const struct usage_seen *seen, uint64_t key)
{
	size_t i = (size_t)key & (seen->size - 1);

	while (seen->places[i] && seen->places[i] != key)
		i = (i + 1) & (seen->size - 1);
	return &seen->places[i];
}

static void grow(struct usage_seen *seen)
{
	struct usage_seen bigger = {
		.size = seen->size ? seen->size * 2 : 1024,
		.count = seen->count,
		.last = seen->last,
	};

	bigger.places = mem_alloc(bigger.size, sizeof(*bigger.places));
	for (size_t i = 0; i < seen->size; i++) {
		if (seen->places[i])
			*find(&bigger, seen->places[i]) = seen->places[i];
	}
	usage_seen_clear(seen);
	*seen = bigger;
}

bool usage_seen_first(struct usage_seen *seen, const struct usage_record *record)
{
	uint64_t key = key_of(record), *place;

	/* Most often the GPUs of a reservation were released together: no need to look further. */
	if (key == seen->last)
		return false;
	seen->last = key;
	if (seen->count >= seen->size / 4 * 3)
		grow(seen);
	place = find(seen, key);
	if (*place)
		return false;
	*place = key;
	seen->count++;
	return true;
}

void usage_seen_clear(struct usage_seen *seen)
{
	free(seen->places);
	*seen = (struct usage_seen){0};
}
