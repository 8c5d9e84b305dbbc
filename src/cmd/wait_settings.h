/*
 * The settings while a request waits: what the host allows and how a run is supervised counts as it
 * is when it is decided, and what was asked for stays. Called by wait.c.
 */
#ifndef CMD_WAIT_SETTINGS_H
#define CMD_WAIT_SETTINGS_H

#include "cmd/supervised.h"
#include "conf/reload.h"
#include "pool/wait.h"

struct wait_settings {
	const struct invocation *in; /* of the start */
	struct pool *pool;
	struct supervised *supervised; /* NULL: none */
	struct plan_request *request;
	int64_t asked_ns; /* the limit of --wait; 0: none */
	int64_t limit_ns; /* the one in effect */
	struct reload *reload;
};

/* Borrows all. Fills limit_ns by the rules of the host, which may refuse asked_ns. *ret_line is a
   line for the user, which the caller frees, or NULL. */
int wait_settings_begin(struct wait_settings *w, char **ret_line, struct err *e);

/* Whether there are other settings; they are in effect now. *ret_line as above. */
bool wait_settings_check(struct wait_settings *w, struct pool_wait *wait, char **ret_line);

void wait_settings_end(struct wait_settings *w);

#endif
