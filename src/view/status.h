/*
 * A snapshot as `canhazgpu status` and the web page show it. What these functions return owns its
 * values: the snapshot may be gone before it is printed.
 */
#ifndef VIEW_STATUS_H
#define VIEW_STATUS_H

#include <jansson.h>

#include "base/table.h"
#include "pool/snapshot.h"

/* The table: one row per GPU. The caller prints and frees it. */
struct table *view_status_table(const struct snapshot *s);

/* How many GPUs are available, in use, ...: the lines of `status --summary`, made printable. The
   caller frees it. */
char *view_status_summary(const struct snapshot *s);

/* What most people want to know, in one line: "2 of 8 available; 1 request waits; next free about
   13:10 (GPU 3, bob)", made printable, with a line feed. After pool_forecast_snapshot. The caller
   frees it. */
char *view_status_line(const struct snapshot *s);

/* The document of `status --json`: an array with one object per GPU. The caller owns it. */
json_t *view_status_json(const struct snapshot *s);

#endif
