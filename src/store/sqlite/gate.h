/*
 * Access to the database in turns: an flock on "<database>.lock" that every process takes before it
 * opens the database and keeps until it has closed it (readers go on without it where a process is
 * stopped inside). Used by sqlite.c only.
 *
 * SQLite alone would do the same with its busy handler, but that one polls: with 64 processes some
 * wait for seconds. The kernel's flock queue is first come, first served, and wakes one waiter.
 */
#ifndef STORE_SQLITE_GATE_H
#define STORE_SQLITE_GATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sqlite_gate {
	int fd;           /* -1: not held */
	bool masked;      /* `signals` is to be restored */
	sigset_t signals; /* the mask from before */
	int64_t left_ns;  /* when it was left last, on the monotonic clock; 0: never taken */
	bool returned;    /* it was entered again right after that */
};

/* Room for what sqlite_gate_holder says. */
#define SQLITE_HOLDER_SIZE 256

/*
 * Takes the gate and blocks the signals that could stop or end the process while it holds it.
 * fd is an open descriptor of the gate file, or -1 to block the signals only; it is owned by the
 * gate from here on, also when this fails. -ETIMEDOUT after limit_ns, naming the holder.
 */
int sqlite_gate_enter(struct sqlite_gate *g, int fd, const char *path, int64_t limit_ns,
		      struct err *e);

/* Lets the next one in and the signals through. Harmless where nothing is held. */
void sqlite_gate_leave(struct sqlite_gate *g);

/*
 * The process that holds a lock on the file, for an error message: "pid 12 (python3)" and, where it
 * is stopped, how to go on; "a process that cannot be seen from here" if the kernel shows none.
 */
void sqlite_gate_holder(const char *path, char holder[SQLITE_HOLDER_SIZE]);

#endif
