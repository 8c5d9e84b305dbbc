/*
 * `run` as the first process of a pid namespace (`docker run IMAGE canhazgpu run ...`). The kernel
 * ends all processes of the namespace with its first one, also the supervisor, which then cannot
 * release anything; and orphans become children of the first one, so that a command that waits for
 * all its children would wait for the supervisor. There the command is a child, and `run` stays
 * until the supervisor has released.
 */
#ifndef SUPERVISE_INIT_H
#define SUPERVISE_INIT_H

#include <stdbool.h>

#include "base/err.h"

/* Whether this process has to stay: it is the first of its namespace, or (without a terminal, where
   a shell could not control a command that is not its child) the child of one that only waits for
   it, as under `docker run --init`. */
bool init_is_needed(void);

/*
 * Forks. In the child, which goes on to reserve, returns 0 and sets *ret_tell_fd, by which launch.c
 * names the supervisor. In this process forwards signals, reaps, and returns 1 when child
 * and supervisor have ended, with the exit status of the child: 128 and the signal that ended it.
 */
int init_fork(int *ret_tell_fd, int *ret_status, struct err *e);

#endif
