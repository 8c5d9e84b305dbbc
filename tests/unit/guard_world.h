/* A pool, what runs on its GPUs, and rules, in a line of text: for the tables about guard. */
#ifndef GUARD_WORLD_H
#define GUARD_WORLD_H

#include "plan/guard.h"
#include "plan_world.h"

#define WORLD_GPUS 6

struct guard_world {
	struct pool_state state;
	struct plan_facts facts;
	struct guard_facts guard;
	struct guard_rules rules;
	struct gpu gpus[WORLD_GPUS];
	struct gpu *seen[WORLD_GPUS];
	enum gpu_use use[WORLD_GPUS];
	int64_t idle_since_ns[WORLD_GPUS], last_active_ns[WORLD_GPUS];
	struct guard_account accounts[8];
	size_t accounts_count;
	enum holder_life life[16];
};

/*
 * Clauses separated by ";", times in minutes:
 *
 *     hold GPU COUNT UID run|manual [LEFT]      an hour old; manual: ends in LEFT minutes (60)
 *     idle GPU SINCE                            it is idle for so long
 *     active GPU AGO                            its reservation was last seen to use it
 *     process GPU PID UID MB AGE [WORD...]      UID "?": unknown; container, ignored, ageless, sudo
 *     mark KEY=SINCE,WARNED[,ACTED][,TEXT]      ago; "-": never
 *     wait UID COUNT                            a request in the queue
 *     rule WORD...                              idle, release, awaited, signal; unreserved, stop,
 *                                               silent; expiry, expiry-stop
 *     pass AGO                                  the last pass (1)
 *     told AGO                                  when the events were told last (0)
 *     freed GPU AGO                             when it was given back last
 *     nameless GPU                              its holder's uid is not known
 *     spare UID, known UID, command NAME        of guard.spare; an account that has a name
 *     sick GPU, unseen GPU, late GPU            late: it was reserved after the scan
 *     night, nonroot, blind                     outside guard.hours; not root; foreign pids
 */
void guard_world_open(struct guard_world *w, const char *text);
void guard_world_close(struct guard_world *w);

/* The steps of a pass, "warn 3, stop 0,3 4711"; its plan is applied to the state. The caller frees
   it. */
char *guard_world_pass(struct guard_world *w);

/* The keys of all marks but that of the pass, "idle 0, stop 4711:99". The caller frees it. */
char *guard_world_marks(const struct guard_world *w);

#endif
