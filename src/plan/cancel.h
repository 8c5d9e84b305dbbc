/* Cancelling waiting requests. */
#ifndef PLAN_CANCEL_H
#define PLAN_CANCEL_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Cancels the entry of that id (or of the only one that begins with it; without an id, the only one
 * that belongs to the actor): what it has collected is
 * given back at once, and its process, which sees the mark, leaves. -ENOENT; -EPERM unless it
 * belongs to the actor or the actor is an administrator. Several can go into one plan; the same one
 * twice is a usage error. *ret_entry points into the state.
 */
int plan_cancel(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_actor *actor, const char *id, struct plan *p,
		const struct queue_entry **ret_entry, struct err *e);

#endif
