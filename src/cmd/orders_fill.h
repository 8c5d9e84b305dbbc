/* What the settings tell a supervisor, for supervised.c. */
#ifndef CMD_ORDERS_FILL_H
#define CMD_ORDERS_FILL_H

#include "cmd/command.h"
#include "supervise/orders.h"

/* Fills what the settings say of a run; how `run` is to be supervised counts for what is adopted,
   too. The caller clears the orders. */
int orders_fill(const struct invocation *in, struct orders *o, struct err *e);

#endif
