/* Values of the documents. Private to src/view. */
#ifndef VIEW_JSON_H
#define VIEW_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A text, or null for NULL. Invalid UTF-8 is replaced: JSON has none. */
json_t *view_json_text(const char *text);

/* "2025-07-07T18:24:56.100193782Z" */
json_t *view_json_time(int64_t time_ns);

/* The same of an estimate, to the next full minute: nobody knows it better, and it does not change
   all the time. null for TIME_NONE. */
json_t *view_json_estimate(int64_t time_ns);

/* [0, 1] */
json_t *view_json_ids(const int *ids, size_t count);

#endif
