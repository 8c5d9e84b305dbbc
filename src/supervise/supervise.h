/* A supervisor's whole life: what the internal command of that name does; see launch.h. */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Reads the orders from standard input, answers on standard output when it watches, and comes back
 * when the GPUs are released. Usage records older than host_history_ns are dropped then (0: none),
 * unless the orders name another time that is not the administrator's.
 */
int supervise(int64_t host_history_ns, struct err *e);

#endif
