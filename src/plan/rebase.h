/*
 * The wall clock can be set while a reservation lasts, or a request waits. Their times were taken
 * by the wall clock, and their length is right by the boot clock of the host that took them. So on
 * that host, until it is rebooted, the times are read as the clock that is set now would have shown
 * them: a reservation for two hours lasts two hours, a run is charged for as long as it took, and a
 * request has waited for as long as it did.
 */
#ifndef PLAN_REBASE_H
#define PLAN_REBASE_H

#include "plan/facts.h"

/* By which clocks times are taken at the moment of the facts. */
struct time_base plan_time_base(const struct plan_facts *facts);

/* Moves the times of a reservation by as much as the wall clock was set since they were taken; none
   of another host, another boot or another program, which say nothing of that. `clock` is the name
   of the boot clock that shows boot_ns. */
void plan_rebase(struct reservation *r, const char *clock, int64_t now_ns, int64_t boot_ns);

/* A time of one base as one of another; as it is where they are not of the same clock. */
int64_t plan_rebase_time(int64_t time_ns, const struct time_base *from, const struct time_base *to);

/* The same for all reservations, waiting requests and marks of a state. The order of the queue
   stays (enqueued_ns), and so does when GPUs were released: scans are compared with that. */
void plan_rebase_state(struct pool_state *state, const char *clock, int64_t now_ns,
		       int64_t boot_ns);

#endif
