/* Telling the caller's own account something at once, without a pass of `guard`. */
#ifndef TELL_SELF_H
#define TELL_SELF_H

#include "base/event.h"

/*
 * Tells it by that channel ("": by those that its notify.yaml names), in a process of its own that
 * nobody waits for. The event is not in the pool: its sentence is told, with more lines
 * (NULL: none), and programs get it.
 * sendmail: its path; NULL: at one of its usual places.
 */
void tell_self(const struct event *event, const char *more, const char *channel,
	       const char *sendmail);

#endif
