/* Events in words, and as documents: for `events` and the web server. */
#ifndef VIEW_EVENTS_H
#define VIEW_EVENTS_H

#include "base/json_out.h"
#include "base/table.h"
#include "pool/events.h"

/* The table, for one row per event. The caller prints and frees it. */
struct table *view_events_table(void);
void view_events_row(struct table *table, const struct event *event);

/* One event as a line, made printable, without a line break. The caller frees it. */
char *view_event_line(const struct event *event);

/* An event, and what it was decided on: sentences, made printable. The caller frees it. */
char *view_event_explained(const struct event *event);

/* An event as an object; `whole`: with the state that it was decided on. */
void view_event_json(struct json_out *o, const struct event *event, bool whole);

/* The same on a line of its own, with its end; and the whole of it, for people. The caller frees
   it. */
char *view_event_json_line(const struct event *event);
char *view_event_json_whole(const struct event *event);

/* {"events": [...], "cut": false}: what stands before and behind the events, and a line's end. */
void view_events_json_begin(struct json_out *o);
void view_events_json_end(struct json_out *o, bool cut);

#endif
