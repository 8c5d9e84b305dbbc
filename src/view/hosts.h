/*
 * Several hosts as `--all` and `--host` show them: what each has answered, with its name before
 * every row. A host that is away is a row, too, with the reason.
 */
#ifndef VIEW_HOSTS_H
#define VIEW_HOSTS_H

#include <jansson.h>

#include "base/table.h"

/* What one host has answered. */
struct host_reply {
	const char *name;
	const char *label;   /* NULL: none */
	json_t *document;    /* as remote_read (remote/answer.h) has found it; NULL: away */
	const char *problem; /* why it is away */
};

/* The status: a row for each GPU of each host. The caller frees the table, or owns the document. */
struct table *view_hosts_status_table(const struct host_reply *hosts, size_t count);

/* The counts of all hosts together, and a table with a line for each. The caller frees both. */
char *view_hosts_summary(const struct host_reply *hosts, size_t count);
/* The same in one line, with a line feed: "5 of 24 available on 3 hosts; 1 host is away". The
   caller frees it. */
char *view_hosts_line(const struct host_reply *hosts, size_t count);

struct table *view_hosts_summary_table(const struct host_reply *hosts, size_t count);

/* The waiting requests of each host, in its order; NULL: there are none. */
struct table *view_hosts_queue_table(const struct host_reply *hosts, size_t count);

/* The rows of all hosts, with "host" in each; of one that is away {"host", "status": "AWAY",
   "error"}. */
json_t *view_hosts_status_json(const struct host_reply *hosts, size_t count);

/* The document of `queue --json`, of all hosts: "host" in each of the entries, the sums, and
   "hosts" with the number of those who wait on each. */
json_t *view_hosts_queue_json(const struct host_reply *hosts, size_t count);

/* Usage: the rows of each host's report, and its total; `idle`: what the GPUs did in these hours.
 */
struct table *view_hosts_report_table(const struct host_reply *hosts, size_t count, bool idle);

/* One report, with "host" in each row, the sums, and "hosts" with the rest of each report. */
json_t *view_hosts_report_json(const struct host_reply *hosts, size_t count);

/* What is shown of a text of theirs: not more than a line has room for. The caller frees it; NULL
   gives NULL. */
char *view_host_text(const char *text);

#endif
