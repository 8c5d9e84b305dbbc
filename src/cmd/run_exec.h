/* The last step of `run`: becoming the command. */
#ifndef CMD_RUN_EXEC_H
#define CMD_RUN_EXEC_H

#include "cmd/command.h"
#include "pool/pool.h"

/*
 * Finds the command that was given before anything is reserved for it; refuses one that would start
 * without the variables that name its GPUs. The caller frees *ret_path.
 */
int run_find(const struct invocation *in, char **ret_path, struct err *e);

/*
 * Becomes the command, with what this process was given and the variables of the grant; the group
 * of the installed program is gone for good. Comes back only if that fails.
 */
int run_exec(char *path, char **words, const struct pool_grant *grant, struct err *e);

#endif
