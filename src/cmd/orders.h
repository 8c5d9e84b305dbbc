/* What `run` tells the supervisor that it starts: everything, since options must not be lost on the
 * way. */
#ifndef CMD_ORDERS_H
#define CMD_ORDERS_H

#include "base/err.h"
#include "base/nouns.h"
#include "pool/pool.h"

struct orders {
	char id[ID_SIZE]; /* of the reservation */
	char *account;    /* that holds it */
	struct process_ref command;
	struct reservation *reservation; /* as granted: a store may lose its data */
	char *gpus;                      /* "[0, 1]", for messages */
	size_t gpus_count;               /* that were granted */
	int64_t timeout_ns;              /* 0: none */
	int64_t grace_ns;                /* between SIGINT and SIGKILL */
	int64_t heartbeat_ns;            /* how often to renew */
	bool kill_on_lost;               /* stop the command when the reservation is gone */
	struct pool_config pool;
};

/* As one JSON document; the caller frees it. */
char *orders_write(const struct orders *o);

/* The caller clears *ret_orders. */
int orders_read(const char *text, struct orders *ret_orders, struct err *e);

void orders_clear(struct orders *o);

#endif
