/* What the kernel needs to start a file: the interpreter of a script, the loader of a program. */
#ifndef HOST_INTERPRETER_H
#define HOST_INTERPRETER_H

#include "base/err.h"

/*
 * Whether everything is there that the kernel loads to start this file: the interpreter in its
 * first line, that one's own, what `env` looks for in that line, or the loader that a program
 * names. What cannot be told (a file that may be executed but not read, options of env, formats of
 * other machines) is no error. Error: exit status 127 where something is missing, 126 where it
 * cannot be executed, with the file and the interpreter in the text.
 */
int host_interpreter_check(const char *path, struct err *e);

#endif
