/* The file of this program, to be started once more as a supervisor. For launch.c. */
#ifndef SUPERVISE_PROGRAM_H
#define SUPERVISE_PROGRAM_H

#include "base/err.h"

/*
 * Opens what this process is an image of, or else, where a package manager has locked that file
 * away, what has taken its place, for execveat. Where there is neither, because it is being
 * replaced at the moment, waits for up to a minute. The caller closes *ret_fd.
 */
int program_open(int *ret_fd, struct err *e);

#endif
