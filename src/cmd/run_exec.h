/* The last step of `run`: becoming the command. */
#ifndef CMD_RUN_EXEC_H
#define CMD_RUN_EXEC_H

#include "base/err.h"
#include "pool/pool.h"

/*
 * Becomes the command, with what this process was given and the variables of the grant; the group
 * of the installed program is gone for good. Comes back only if that fails.
 */
int run_exec(char *path, char **words, const struct pool_grant *grant, struct err *e);

#endif
