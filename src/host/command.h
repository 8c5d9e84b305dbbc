/* Finding a command before anything is reserved for it. */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include "base/err.h"

/*
 * Finds `name` as execvp would: in PATH (or the system's default path), or as it is when it holds a
 * slash. *ret_path, which the caller frees, can be given to execv. Error: exit status 127 where
 * there is no such file or its interpreter is missing, 126 where one of them cannot be executed (no
 * permission, a directory).
 */
int host_command_find(const char *name, char **ret_path, struct err *e);

/* The same, without a look at the interpreter. */
int host_command_locate(const char *name, char **ret_path, struct err *e);

#endif
