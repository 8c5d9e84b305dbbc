/* A supervisor's whole life: what the internal command of that name does; see launch.h. */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include "base/err.h"
#include "pool/pool.h"

/*
 * Reads the orders from standard input, answers on standard output when it watches, and comes back
 * when the GPUs are released. *ret_pool, zeroed by the caller, who also clears it, is then the pool
 * that had them; it stays zeroed if nothing was released.
 */
int supervise(struct pool_config *ret_pool, struct err *e);

#endif
