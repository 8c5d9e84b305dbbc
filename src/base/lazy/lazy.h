/*
 * Libraries that most commands do not need. canhazgpu is not linked with them: the files here
 * define the functions that it uses of them, under their own names, and forward each call to the
 * library, which the first one loads. So loading them costs only the commands that use them, and
 * nothing else in the sources knows of it. Where a library is missing, such a call ends the program
 * with an error, as it would have ended when it was started; who can report that calls lazy_load
 * before.
 *
 * Other programs (canhazgpu-web, the tests) are linked with the libraries, and with linked.c.
 *
 * SQLite is not among them: nearly every command opens a pool, and what is loaded late is loaded
 * more slowly, since the loader then looks for each of its symbols in the program and in libc
 * first.
 */
#ifndef BASE_LAZY_LAZY_H
#define BASE_LAZY_LAZY_H

#include "base/err.h"

enum lazy {
	LAZY_HIREDIS,
	LAZY_JANSSON,
	LAZY_YAML,
};

/* Makes sure that the library is there. -ENOTSUP, with what to install, where it is not. */
int lazy_load(enum lazy library, struct err *e);

#endif
