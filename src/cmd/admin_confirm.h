/* What `admin --force` says and asks before it recreates a pool. */
#ifndef CMD_ADMIN_CONFIRM_H
#define CMD_ADMIN_CONFIRM_H

#include "cmd/command.h"
#include "pool/pool.h"

/*
 * Lists on standard error whose reservations end and how many requests are cancelled, and asks
 * where there is somebody to ask: on a terminal, without --yes. Success where nothing would end.
 * -ECANCELED where the answer is not yes.
 */
int admin_confirm(const struct invocation *in, struct pool *pool, struct err *e);

#endif
