/*
 * The queue in words: for `queue`, the progress of a waiting request, and the web page. What these
 * functions return owns its values. They show what pool_forecast_snapshot has found.
 */
#ifndef VIEW_QUEUE_H
#define VIEW_QUEUE_H

#include <jansson.h>

#include "base/table.h"
#include "pool/snapshot.h"

/* The table: one row per waiting request, in order of arrival. The caller prints and frees it. */
struct table *view_queue_table(const struct snapshot *s);

/* The document of `queue --json`: `entries`, an object per waiting request in order of arrival, and
   what they ask for and have in all. The caller owns it. */
json_t *view_queue_json(const struct snapshot *s);

/*
 * Why the request of that id (or of the only one that begins with it) waits: sentences, a line
 * each, made printable. The caller frees *ret_text. -ENOENT.
 */
int view_explain(const struct snapshot *s, const char *id, char **ret_text, struct err *e);

/* "active", "absent", "cancelled". */
const char *view_waiter_state(const struct snapshot *s, size_t place);

#endif
