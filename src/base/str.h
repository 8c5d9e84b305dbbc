/* A string that grows. Initialise with {0}; str_clear (or AUTO(str_clear)) frees it. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stddef.h>

struct str {
	char *text;      /* NUL-terminated; NULL while nothing was added */
	size_t length;   /* bytes, without the NUL */
	size_t capacity; /* bytes */
};

void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t length);
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds one word for a shell: as it is, or in single quotes where it holds anything special. */
void str_add_shell_word(struct str *s, const char *word);

/* The text, "" while nothing was added. Stays owned by s. */
const char *str_text(const struct str *s);

/* Hands the text to the caller, who frees it, and leaves s empty. Never NULL. */
char *str_steal(struct str *s);

/* "[0, 1]", for messages. The caller frees it. */
char *str_join_ids(const int *ids, size_t count, const char *separator); /* "0,1" */
char *str_from_ids(const int *ids, size_t count);

/* "0-3,5", of ascending ids. The caller frees it. */
char *str_join_ranges(const int *ids, size_t count);

/* The ending of a noun of which there are so many: "s", or "" for one. */
const char *str_plural(size_t count);

void str_clear(struct str *s);

#endif
