/*
 * One host in the list of hosts (/api/hosts), and the metrics of the other hosts: from documents as
 * they are served, of this host or as remote/tidy.h has made them. Pure.
 */
#ifndef WEB_HOST_ROW_H
#define WEB_HOST_ROW_H

#include <jansson.h>

#include "base/str.h"
#include "remote/follow_step.h"

/* More types of GPUs on a host are not listed. */
#define HOST_TYPES_MAX 16

struct host_row {
	const char *name;
	const char *label;   /* NULL: none */
	const char *url;     /* NULL: this host */
	const char *version; /* NULL: unknown */
	enum follow_status status;
	const char *problem;          /* FOLLOW_AWAY: why */
	int64_t seen_ns;              /* FOLLOW_AWAY: when it was there last; TIME_NONE: never */
	const json_t *gpus, *entries; /* FOLLOW_UP; NULL: not known */
};

/* The caller owns it. */
json_t *host_row_json(const struct host_row *row);

/* The metrics of hosts, from their rows. */
void host_rows_metrics(json_t *const *rows, size_t count, struct str *out);

#endif
