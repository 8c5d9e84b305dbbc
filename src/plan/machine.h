/* Whose pool it is: whether the GPUs that a pool hands out are this host's. */
#ifndef PLAN_MACHINE_H
#define PLAN_MACHINE_H

#include "base/nouns.h"

enum machine_match {
	MACHINE_UNRECORDED,  /* the pool names no host yet: it becomes that of the next writer,
				unless it has other GPUs */
	MACHINE_SAME,        /* also with all its GPUs replaced */
	MACHINE_RENAMED,     /* the same under another name */
	MACHINE_REINSTALLED, /* another machine id, but the same GPUs */
	MACHINE_UNCERTAIN,   /* nothing that could be compared is known on both sides */
	MACHINE_OTHER,
};

/* What this host knows of itself. */
struct plan_here {
	const struct machine *machine;
	const struct scan *scan; /* NULL: no scan */
};

/* Whether the boot id does not settle it: without a scan, the answer may be wrong. */
bool plan_machine_needs_scan(const struct pool_state *state, const struct plan_here *here);

/*
 * The boot id comes first: one kernel is one host, whatever machine id its containers have. Then
 * UUIDs of GPUs, which no image can copy, then the machine id. The name only decides where the
 * machine id is the same and all GPUs are others: replaced, or a copy of the host's image.
 */
enum machine_match plan_machine_match(const struct pool_state *state, const struct plan_here *here);

/* What the pool is to record of this host with its next change: true, and *ret_machine, which
   borrows. False: nothing, what is recorded is right, or this is another host. */
bool plan_machine_record(const struct pool_state *state, const struct plan_here *here,
			 enum machine_match match, struct machine *ret_machine);

#endif
