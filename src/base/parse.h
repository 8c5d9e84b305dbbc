/* Readers of the small texts that people type: whole numbers, durations, lists of GPU ids. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The largest duration that is accepted: 10 years of 365 days. Keeps every sum far from overflow.
 */
#define PARSE_DURATION_MAX_NS (INT64_C(3650) * 24 * 3600 * 1000000000)

/* A whole decimal number from min to max; the text must hold nothing else. */
int parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct err *e);

/* true, yes, on, 1 or false, no, off, 0, in any case. */
int parse_bool(const char *text, bool *ret_value, struct err *e);

/*
 * A duration above zero: numbers with a unit (ns, us, ms, s, m, h, d, w), each unit at most once
 * and from large to small: 30s, 0.5h, 1h30m, 1d12h. A bare number, a sign, zero, an empty text and
 * anything above PARSE_DURATION_MAX_NS are refused.
 */
int parse_duration(const char *text, int64_t *ret_ns, struct err *e);

/*
 * A size of memory in MiB, above zero: a number with a unit, K, M, G, T as makers of cards count
 * (40G is 40 000 000 000 bytes, which a "40 GB" card has) or Ki, Mi, Gi, Ti (40Gi is 40960 MiB). A
 * B behind it is allowed.
 */
int parse_size_mb(const char *text, int64_t *ret_mb, struct err *e);

/* Letters and digits, for strpbrk. */
#define PARSE_ALPHANUMERIC "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A signal by name, with or without SIG and in any case ("INT", "SIGUSR1"), or by number. */
int parse_signal(const char *text, int *ret_signal, struct err *e);

/*
 * GPU ids separated by commas, ranges allowed: 1,3,5 or 0-3. Sorted ascending; an id twice is
 * refused. The caller frees *ret_ids.
 */
int parse_id_list(const char *text, int **ret_ids, size_t *ret_count, struct err *e);

/* GPUs as a user names them. */
struct gpu_list {
	int *ids; /* ascending; NULL: none */
	size_t ids_count;
	char **names; /* UUIDs, or how one begins: "GPU-3f2a", "MIG-..." */
	size_t names_count;
};

/* The same as parse_id_list, with UUIDs of GPUs in between. The caller clears *ret_list. */
int parse_gpu_list(const char *text, struct gpu_list *ret_list, struct err *e);
void gpu_list_clear(struct gpu_list *list);

/* Whether the text may be the beginning of a UUID of a GPU: "GPU-3f2a", "mig-". */
bool parse_is_gpu_name(const char *text);

#endif
