/* A process that goes on when its caller has ended. */
#ifndef HOST_LEAVE_H
#define HOST_LEAVE_H

/*
 * For a process that has just been forked and outlives its caller, without becoming another
 * program: a pipe or a lock that the caller had open is not held by it.
 * Only the descriptor `kept` stays open (-1: none), and its new number is returned. Its standard
 * handles are /dev/null. It ignores SIGHUP, takes alarm() and can wait for children of its own
 * whatever the caller ignored or blocked, is no part of the run in which it was started, and keeps
 * no directory busy. Exits where that fails.
 */
int host_leave(int kept);

#endif
