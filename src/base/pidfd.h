/*
 * Handles on processes: the kernel's calls, by number (before Linux 5.3 there are none, and glibc
 * declares them only since 2.36). For a process that may have ended, so that another one has its
 * number, host_pidfd_open (host/tree.h) is meant.
 */
#ifndef BASE_PIDFD_H
#define BASE_PIDFD_H

#include <sys/types.h>

/* A handle (close-on-exec) on the process that has this number now, readable when it has ended; -1
   with errno: ESRCH, or ENOSYS or EPERM where there are no such handles. */
int pidfd_of(pid_t pid);

/* Signals exactly that process. 0, or -1 with errno. */
int pidfd_signal(int fd, int signal);

#endif
