/* Waiting for GPUs at the terminal, for `run --wait` and `reserve --wait`. */
#ifndef CMD_WAIT_H
#define CMD_WAIT_H

#include "cmd/supervised.h"

/*
 * Gets what the request asks: at once or not at all, or, where the settings of the command say so
 * (--wait), by waiting in the queue, with progress on standard error. -ETIME with exit status 75
 * when the time of --wait was reached. SIGINT, SIGTERM, SIGHUP and SIGQUIT leave the queue, and
 * then end this process as they always do. Fills request->holder of one that waits.
 *
 * While it waits, the settings that are changed count: *request has what they say of its actor and
 * its duration, and `supervised` (of a run; else NULL), whose pool it is then, has its orders.
 */
int reserve_or_wait(const struct invocation *in, struct pool *pool, struct supervised *supervised,
		    struct plan_request *request, struct pool_grant *ret_grant, struct err *e);

/* The options --wait and --nonblock: rows of the tables of both commands. */
#define WAIT_OPTIONS                                                                         \
	{.name = "wait",                                                                     \
	 .letter = 'w',                                                                      \
	 .type = OPTION_DURATION,                                                            \
	 .argument = "D",                                                                    \
	 .choices = WAIT_FOREVER,                                                            \
	 .argument_optional = true,                                                          \
	 .implied = WAIT_FOREVER,                                                            \
	 .help = "Queue for the GPUs, for at most this long; without a time, as long as it " \
		 "takes"},                                                                   \
	{                                                                                    \
		.name = "nonblock", .type = OPTION_FLAG, .not_configurable = true,           \
		.help = "Fail at once if the GPUs are not available (default)"               \
	}
#define WAIT_FOREVER "forever"

#endif
