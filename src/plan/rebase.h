/*
 * The wall clock can be set while a reservation lasts. Its times were taken by the wall clock, and
 * its length is right by the boot clock of the host that granted it. So on that host, until it is
 * rebooted, its times are read as the clock that is set now would have shown them: a reservation
 * for two hours lasts two hours, and a run is charged for as long as it took.
 */
#ifndef PLAN_REBASE_H
#define PLAN_REBASE_H

#include "base/nouns.h"

/* Moves the times of a reservation by as much as the wall clock was set since they were taken; none
   of another host, another boot or another program, which say nothing of that. `clock` is the name
   of the boot clock that shows boot_ns. */
void plan_rebase(struct reservation *r, const char *clock, int64_t now_ns, int64_t boot_ns);

#endif
