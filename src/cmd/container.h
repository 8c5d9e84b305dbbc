/* `run --container`: a command that starts a container hands its GPUs in. */
#ifndef CMD_CONTAINER_H
#define CMD_CONTAINER_H

#include "cmd/command.h"
#include "host/engine.h"
#include "pool/pool.h"
#include "supervise/orders.h"

struct container {
	bool inserts; /* options are put into the command */
	struct engine_call call;
	char *directory; /* private, for the file with the container's id; NULL: none */
	char **words;    /* the command with the options; NULL: as it was typed */
};

/* Reads the command. Refuses one whose container would get other GPUs than the reserved ones, with
   the line to type instead. The caller clears *c. */
int container_check(const struct invocation *in, struct container *c, struct err *e);

/* Puts the options for the granted GPUs into the command, and its container into the orders of the
   supervisor (NULL: there is none). */
void container_prepare(struct container *c, const struct invocation *in,
		       const struct pool_grant *grant, struct orders *o);

/* Also removes the directory, unless there is a file in it. */
void container_clear(struct container *c);

#endif
