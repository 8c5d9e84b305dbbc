/*
 * Telling people and hooks what has happened since the last time: called by `guard` after its
 * commits, and by commands of root that act on what is somebody else's.
 */
#ifndef TELL_PASS_H
#define TELL_PASS_H

#include "pool/pool.h"
#include "tell/hooks.h"

/* Which passes begin: */
enum tell_when {
	TELL_NEWS,   /* wherever there is something new */
	TELL_OTHERS, /* where something was done to somebody by another account */
};

/*
 * Tells what is new, in a process of its own that nobody waits for: it ends by itself. Two passes
 * at once tell nothing twice, and one that is killed at any point loses nothing: the process that
 * tells is there before the cursor is moved, and sees for itself whether it was. Without root's
 * rights on this host, and where nothing is new, nothing happens.
 */
int tell_pass(struct pool *pool, const struct tell_options *options, enum tell_when when,
	      struct err *e);

#endif
