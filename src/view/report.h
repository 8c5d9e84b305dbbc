/* Usage as `report` and the web page show it. What these functions return owns its values. */
#ifndef VIEW_REPORT_H
#define VIEW_REPORT_H

#include <jansson.h>

#include "pool/report.h"
#include "stats/timeline.h"

/* The table of the specification, its frame included, made printable. The caller frees it. */
char *view_report_text(const struct report *r);

/* The rows as comma-separated values (RFC 4180). The caller frees it. */
char *view_report_csv(const struct report *r);

/* The document of `report --json`. The caller owns it. */
json_t *view_report_json(const struct report *r);

/* {"from", "to", "truncated", "gpus": [{"gpu", "intervals": [...]}]}. The caller owns it. */
json_t *view_timeline_json(const struct timeline *t);

#endif
