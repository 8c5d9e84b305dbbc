/*
 * A question that is answered in a process of its own, with a time limit: a library that hangs,
 * crashes or prints cannot hurt the caller.
 *
 * The child leads a process group, so that killing it also kills what it may have started. It dies
 * with its parent, has no set-group-id rights, none of the parent's descriptors (a child that hangs
 * in the kernel must not hold a lock), and no terminal.
 */
#ifndef HOST_CHILD_H
#define HOST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* In the child: writes the answer to `out`. Nothing is flushed or freed afterwards: the parent owns
   all of that. */
typedef void host_child_work(const void *question, int out);

/*
 * Killed children that would not die. Each question tries again to reap them; with this many no
 * further one is asked, so that a long-lived caller does not pile up processes behind what is dead.
 */
struct host_child_stuck {
	pid_t pids[4];
	size_t count;
};

struct host_child_end {
	bool has_started;
	int status;   /* as waitpid tells it */
	bool is_gone; /* false: it could not be killed, and is reaped some time later */
};

/* A child at work. */
struct host_child {
	pid_t pid;
	int fd;            /* the pipe it answers through */
	struct str answer; /* what has come so far */
};

/*
 * Starts the work. `stuck` is the caller's own, zeroed at first. -EBUSY: too many earlier children
 * are stuck; -EAGAIN, ...: it did not start. After success, host_child_end.
 * The calling process must have one thread.
 */
int host_child_begin(host_child_work *work, const void *question, struct host_child_stuck *stuck,
		     struct host_child *ret_child);

/*
 * Collects the answer until that time (of the monotonic clock). 0: it is complete; -ETIMEDOUT: not
 * yet, and the caller may go on; -EINTR: interrupt_fd (0: none) has become readable; -EMSGSIZE,
 * ...: it cannot be read.
 */
int host_child_collect(struct host_child *child, int64_t until_ns, int interrupt_fd);

/* Waits until the deadline for the child's end, and then kills it; with kill, at once. The answer
   stays with the caller. */
void host_child_end(struct host_child *child, int64_t deadline_ns, bool kill,
		    struct host_child_stuck *stuck, struct host_child_end *ret_end);

/*
 * All of that for a caller with nothing else to do: asks, and waits for the whole answer until the
 * deadline; *ret_answer, which the caller clears, has what came. -ETIMEDOUT: no complete answer in
 * time (the child is killed, and left alone if it cannot die); else as above.
 */
int host_child_ask(host_child_work *work, const void *question, int64_t deadline_ns,
		   struct host_child_stuck *stuck, struct str *ret_answer,
		   struct host_child_end *ret_end);

/* For the work: writes all of it, or ends the child. */
void host_child_write(int out, const void *bytes, size_t length);

#endif
