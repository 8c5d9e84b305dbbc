/*
 * A GPU of a snapshot in words: the texts of the status table and of its JSON document, which the
 * web page shows as well. The wording is that of the specification.
 */
#ifndef VIEW_STATUS_H
#define VIEW_STATUS_H

#include <jansson.h>

#include "pool/snapshot.h"

/* Texts of one GPU; NULL where there is nothing to say. Other people's text, not yet made
 * printable. */
struct gpu_text {
	char *user;         /* "alice"; table, unreserved: "users alice and bob" */
	char *duration;     /* "0h 15m 30s" */
	const char *type;   /* "RUN", "MANUAL" */
	char *details;      /* "heartbeat 0h 0m 5s ago" */
	char *validation;   /* "8452MB, 1 processes" */
	char *process_info; /* "1024MB used by PID 12345 (python3)" */
	char **users;       /* accounts that use the GPU without holding it */
	size_t users_count;
};

void describe_gpu(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *ret_text);
void gpu_text_clear(struct gpu_text *t);

/* The document of `status --json`: an array with one object per GPU. The caller owns it. */
json_t *describe_json(const struct snapshot *s);

#endif
