/*
 * What `canhazgpu doctor` finds: one line per check. Each layer checks its own things and adds
 * what it found (store_examine, host_examine_..., pool_examine); src/cmd/doctor.c shows them.
 *
 * They are made to be pasted into a bug report: no password, and no text of other people.
 */
#ifndef BASE_FINDING_H
#define BASE_FINDING_H

#include <stddef.h>

/* From harmless to bad. */
enum finding_result {
	FINDING_OK,
	FINDING_NOTE,    /* as it is meant, but good to know */
	FINDING_WARNING, /* something works less well than it could */
	FINDING_FAILED,  /* something does not work */
};

struct finding {
	const char *check; /* its name: static */
	enum finding_result result;
	char *detail; /* what was found */
	char *advice; /* the way out; NULL: none is needed */
};

struct findings {
	struct finding *items;
	size_t count;
};

const char *finding_result_name(enum finding_result result); /* "ok", "note", ... */

/* Adds the line of a check. The advice is copied; NULL: none. */
void findings_add(struct findings *f, const char *check, enum finding_result result,
		  const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* More of the check that was added last: its line gets longer, and its result the worse of both. */
void findings_extend(struct findings *f, enum finding_result result, const char *advice,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* How many have this result. */
size_t findings_count(const struct findings *f, enum finding_result result);

void findings_clear(struct findings *f);

#endif
