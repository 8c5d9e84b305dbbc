/* The queue of a snapshot as JSON, for the web page. */
#ifndef POOL_DESCRIBE_QUEUE_H
#define POOL_DESCRIBE_QUEUE_H

#include <jansson.h>

#include "pool/snapshot.h"

/* An array with one object per waiting request, in order of arrival. The caller owns it. */
json_t *describe_queue_json(const struct snapshot *s);

#endif
