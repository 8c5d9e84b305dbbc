/*
 * Documents of other hosts, made fit for being shown as if they were ours: members that we know, of
 * the types that they have here, within limits. Whatever else is in them is left out.
 */
#ifndef REMOTE_TIDY_H
#define REMOTE_TIDY_H

#include <jansson.h>

/* A text is cut behind so many bytes, a list within a row behind so many elements. */
#define TIDY_TEXT_MAX 1000
#define TIDY_LIST_MAX 256

/* The rows of a status: those with a "gpu_id". Of a list as remote_read has found it; the caller
   owns the result. */
json_t *tidy_gpus(const json_t *rows);

/* The entries of a queue. */
json_t *tidy_entries(const json_t *rows);

/* What a server says of itself, without links: they would be shown as ours. */
json_t *tidy_host(const json_t *object);

#endif
