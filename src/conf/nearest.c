/* The nearest known word to a mistyped one, for options, configuration keys and commands. */
#include "conf/nearest.h"

#include <string.h>

#include "base/mem.h"

/* Longer words are not compared: nobody types one of these by mistake. */
#define WORD_MAX 48

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *reused = before;

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = smallest(last[j] + 1, row[j - 1] + 1, replace);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = reused;
	}
	return last[b_length];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t length = strlen(n->word), other = strlen(candidate);
	size_t limit = (length + 2) / 3, distance;

	if (length == 0 || length > WORD_MAX || other > WORD_MAX)
		return;
	/* The beginning of a word, or a key without its section, is near whatever its length. */
	if (length >= 2 && !strncmp(n->word, candidate, length))
		distance = 1;
	else if (other > length && candidate[other - length - 1] == '.' &&
		 !strcmp(candidate + other - length, n->word))
		distance = 1;
	else
		distance = edit_distance(n->word, length, candidate, other);
	if (distance <= limit && (!n->best || distance < n->distance)) {
		n->best = candidate;
		n->distance = distance;
	}
}

bool nearest_is_meant(const char *word, const char *option)
{
	/* What other programs, and other commands of this one, call it. */
	static const char *const meant[][2] = {
		{"time", "timeout"},    {"duration", "timeout"}, {"timeout", "duration"},
		{"time", "duration"},   {"for", "duration"},     {"for", "timeout"},
		{"by", "duration"},     {"hours", "duration"},   {"gpus", "gpu-ids"},
		{"id", "gpu-ids"},      {"ids", "gpu-ids"},      {"device", "gpu-ids"},
		{"devices", "gpu-ids"}, {"num-gpus", "gpus"},    {"message", "note"},
		{"comment", "note"},    {"queue", "wait"},       {"block", "wait"},
		{"follow", "watch"},    {"me", "mine"},          {"tail", "newest"},
		{"last", "newest"},     {"limit", "newest"},     {"since", "days"},
		{"bind", "host"},       {"listen", "host"},      {"address", "host"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(meant); i++) {
		if (!strcmp(meant[i][0], word) && !strcmp(meant[i][1], option))
			return true;
	}
	return false;
}
