/* The activity of a reservation on a GPU as one line of text, for stores that keep it so. */
#ifndef BASE_ACTIVITY_H
#define BASE_ACTIVITY_H

#include "base/nouns.h"

/* The caller frees it. */
char *activity_text(const struct activity *a);

/* False: it is none; what later programs add at the end is left out. */
bool activity_parse(const char *text, struct activity *ret_activity);

#endif
