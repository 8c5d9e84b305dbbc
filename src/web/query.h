/*
 * The small texts of a request that are read here: the target's path and parameters, and the
 * headers that hold lists. All of it comes from strangers. Pure; tests/fuzz/fuzz_query.c feeds it.
 */
#ifndef WEB_QUERY_H
#define WEB_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Longest target ("/api/report?days=7") that is read. */
#define TARGET_MAX 2048

/* Cuts the target at its question mark: *ret_query is what follows it, "" without one. */
void query_split(char *target, const char **ret_query);

/*
 * The value of a parameter, percent-decoded, + as space; the caller frees it. NULL without one.
 * EINVAL: it is there twice, or what follows a % is no byte of a text.
 */
int query_value(const char *query, const char *name, char **ret_value, struct err *e);

/* A parameter that is a whole number; `fallback` without one. EINVAL: see query_value, or not from
 * min to max. */
int query_int(const char *query, const char *name, int min, int max, int fallback, int *ret_value,
	      struct err *e);

/* Whether the list of If-None-Match names this tag ("\"...\""), or any (*). */
bool query_tag_matches(const char *list, const char *tag);

/* Whether the list of Accept-Encoding takes gzip. */
bool query_takes_gzip(const char *list);

/* The value of a cookie in a Cookie header; the caller frees it. NULL without one. */
char *query_cookie(const char *header, const char *name);

/* Whether the name of a Host header ("gpu1:8080", "[::1]") is in a list with commas, in any case.
 */
bool query_host_in(const char *host, const char *list);

#endif
