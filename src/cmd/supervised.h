/*
 * A reservation that a supervisor keeps, for `run` and `adopt`. The supervisor exists before the
 * reservation does, which names it from the first moment; and its orders are complete but for that
 * reservation, so that nothing has to be read after GPUs were granted.
 */
#ifndef CMD_SUPERVISED_H
#define CMD_SUPERVISED_H

#include "cmd/command.h"
#include "supervise/launch.h"

struct supervised {
	struct launch launch;
	struct orders orders;
	struct pool *pool;
};

#define SUPERVISED_NONE ((struct supervised){.launch = LAUNCH_NONE})

/* Takes the orders from the settings, starts the supervisor, and opens the pool. The request's
   duration is orders.timeout_ns. */
int supervised_open(const struct invocation *in, struct supervised *s, struct err *e);

/* While nothing is granted: takes the orders from other settings, and the pool's configuration with
   them. The store stays. An error leaves all as it was. */
int supervised_change(const struct invocation *in, struct supervised *s, struct err *e);

/* The holder of a reservation that lives as long as that process. The caller clears it. */
struct holder supervised_holder(const struct supervised *s, const struct process_ref *command);

/* Gives the supervisor its orders, and waits until it watches. Otherwise the reservation is ended.
 */
int supervised_begin(struct supervised *s, const struct plan_actor *actor,
		     const struct reservation *granted, struct err *e);

/* Closes the pool; a supervisor without orders ends. */
void supervised_clear(struct supervised *s);

#endif
