/* "Did you mean ...?": the known word that is nearest to a mistyped one. */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Set `word`, offer every candidate, then read `best`: NULL when none is near enough. */
struct nearest {
	const char *word;
	const char *best;
	size_t distance; /* of best, in edits */
};

/* Candidates stay owned by the caller; the first of several equally near ones is kept. */
void nearest_offer(struct nearest *n, const char *candidate);

/* Whether the option of that name is what people mean who type this word, however near others are:
   "for" is no mistyped "force". */
bool nearest_is_meant(const char *word, const char *option);

#endif
