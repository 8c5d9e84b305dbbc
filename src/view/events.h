/* Events in words, and as documents: for `events` and the web server. */
#ifndef VIEW_EVENTS_H
#define VIEW_EVENTS_H

#include <jansson.h>

#include "base/table.h"
#include "pool/events.h"

/* The table: one row per event. The caller prints and frees it. */
struct table *view_events_table(const struct event_list *l);

/* One event as a line, made printable, without a line break. The caller frees it. */
char *view_event_line(const struct event *event);

/* An event, and what it was decided on: sentences, made printable. The caller frees it. */
char *view_event_explained(const struct event *event);

/* An event as an object; `whole`: with the state that it was decided on. */
json_t *view_event_json(const struct event *event, bool whole);

/* {"events": [...], "cut": false} */
json_t *view_events_json(const struct event_list *l);

#endif
