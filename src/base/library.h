/* Opening a shared library while the program runs, for what only few commands need. */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include "base/err.h"

/*
 * Loads the library `file` and stores the addresses of its functions, one after the other, to
 * `functions` (a struct of function pointers). `names` is their names in this order, each ended by
 * a zero, the list by another one. The library stays loaded. -ENOENT: it cannot be loaded; -ENOSYS:
 * it lacks a function, and nothing was stored.
 *
 * `file` is a plain name like libssl.so.3, which is looked for exactly as if the program were
 * linked with it. In the set-group-id program that is safe, also after the group was dropped: the
 * loader has put LD_LIBRARY_PATH aside when the process began, and does not read the environment
 * again.
 */
int library_open(const char *file, const char *names, void *functions, struct err *e);

#endif
