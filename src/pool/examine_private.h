/* The parts of pool_examine (examine_state.c), which examine.c and the tests call. */
#ifndef POOL_EXAMINE_PRIVATE_H
#define POOL_EXAMINE_PRIVATE_H

#include "base/finding.h"
#include "plan/machine.h"
#include "pool/examine.h"
#include "pool/observe.h"

/* Whether a pool is this host's: `other` describes whose it is where it is not. */
void examine_host(const struct machine *recorded, enum machine_match match, const char *other,
		  struct findings *f);

/* What is recorded of how the GPUs are linked. */
void examine_links(const struct pool_state *state, struct findings *f);

/* The GPUs of a pool, compared with a scan. */
void examine_gpus(const struct pool_state *state, const struct observation *o, struct findings *f);

/* Times in the future: the clock was set back, or that of another host is wrong. newest_end_ns: of
   the history. */
void examine_times(const struct pool_state *state, int64_t newest_end_ns, int64_t now_ns,
		   struct findings *f);

/* GPUs whose state is unreadable, and reservations whose supervisor has ended or is stopped. */
void examine_reservations(const struct observer *o, const struct pool_state *state,
			  struct findings *f);

/* Waiting requests that are unreadable or stopped. */
void examine_queue(const struct observer *o, const struct pool_state *state, struct findings *f);

/* The passes of guard: whether something starts them, they succeed, and what the last one found. */
void examine_passes(const struct pool_state *state, const struct passes_expected *expected,
		    int64_t now_ns, struct findings *f);

/* The processes that do not count as use of the GPUs. */
void examine_ignored(const struct observer *o, const struct pool_state *state, struct findings *f);

#endif
