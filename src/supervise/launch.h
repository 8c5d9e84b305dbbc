/*
 * Starting the supervisor of a run (or of what was adopted), in two steps, so that the reservation
 * can name it from the first moment: launch_begin makes the process, which then waits;
 * launch_orders tells it what to watch and returns when it does.
 */
#ifndef SUPERVISE_LAUNCH_H
#define SUPERVISE_LAUNCH_H

#include "supervise/orders.h"

/* The internal command that becomes the supervisor. */
#define SUPERVISE_NAME "__supervise"

struct launch {
	struct process_ref supervisor;
	int orders_fd; /* it reads its orders there */
	int ready_fd;  /* and says "ready" here */
	int tell_fd;   /* gets its pid; borrowed, see init.h; -1: nobody asks for it */
};

#define LAUNCH_NONE ((struct launch){.orders_fd = -1, .ready_fd = -1, .tell_fd = -1})

/*
 * Starts this program (program.h) a second time, as a supervisor: in a session of its own, not a
 * child of the caller, with nothing inherited but two pipes and, on standard error, a log file. It
 * ends by itself if it gets no orders. Call before anything is reserved, so that the reservation
 * can name it.
 */
int launch_begin(struct launch *l, struct err *e);

/* Gives the orders and waits (up to 10 s) until the supervisor watches the command. -EPIPE: it has
   ended; -ETIMEDOUT: it does not answer, or is stopped, and was killed. */
int launch_orders(struct launch *l, const struct orders *orders, struct err *e);

/* Whether orders that are read there come from launch_begin of this program. The installed program
   must know: by orders of their own, users could reserve what the rules forbid. Without a group of
   its own, the program takes any. */
bool launch_is_ours(int fd);

/* Closes the pipes; a supervisor without orders then ends. */
void launch_clear(struct launch *l);

#endif
