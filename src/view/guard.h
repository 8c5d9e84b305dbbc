/* What a pass of guard has done, for people and programs. */
#ifndef VIEW_GUARD_H
#define VIEW_GUARD_H

#include <stdbool.h>

#include "pool/guard.h"

struct json_t;

/* A line for each step, with what it does and why; with dry_run also for what is let alone. The
   caller frees it. */
char *view_guard_text(const struct pool_guarded *g, bool dry_run);

/* The document of `guard --json`; docs/guard.md explains it. */
struct json_t *view_guard_json(const struct pool_guarded *g, bool dry_run);

#endif
