/*
 * The processes that belong to a run reservation: its command, the descendants of it, and every
 * process that carries the reservation's marker in its environment. The supervisor (src/supervise)
 * asks which are left, and signals all of them.
 */
#ifndef HOST_TREE_H
#define HOST_TREE_H

#include <signal.h>

#include "host/process.h"

/* The marker: each process of the tree has CANHAZGPU_RESERVATION_ID=<id> in its environment. */
#define HOST_TREE_MARKER "CANHAZGPU_RESERVATION_ID"

/* Not 0: that is the session of a process that entered a pid namespace from outside, as in a
   container. */
#define HOST_SESSION_UNKNOWN ((pid_t)-1)

struct host_tree {
	char *id; /* the marker's value */
	struct process_ref command;
	uint64_t oldest_ticks;       /* start of the oldest process that the tree begins with */
	pid_t session;               /* of the command; HOST_SESSION_UNKNOWN before it was seen */
	pid_t group;                 /* process group of the command if it leads one, else 0 */
	struct process_ref *members; /* seen alive at the last refresh, the command too */
	size_t members_count;
	size_t undecided; /* processes that the last refresh would count if they were doubtful */
};

/* Starts with the command alone. The caller clears it. */
void host_tree_init(struct host_tree *t, const char *id, const struct process_ref *command);

/* Adds a process that the tree begins with, too: what descends from it belongs to the tree. */
void host_tree_add(struct host_tree *t, const struct process_ref *root);

/*
 * Reads /proc: a member that still lives stays one (also when its parent ended), and new members
 * are found by descent from a member, by marker, or by the command's process group. A process whose
 * environment may not be read (set-uid) counts by descent, or if it is in the command's session and
 * younger than the command and `doubtful` says that it matters (it holds one of the reservation's
 * GPUs). Zombies are not members. The caller itself never is.
 */
int host_tree_refresh(struct host_tree *t, const pid_t *doubtful, size_t doubtful_count,
		      struct err *e);

bool host_tree_has(const struct host_tree *t, pid_t pid);

/*
 * Sends a signal to every member by pidfd, so that a reused pid is never hit. *ret_refused counts
 * members that this account may not signal. A member that has ended meanwhile is no error.
 */
int host_tree_signal(const struct host_tree *t, int signal, size_t *ret_refused, struct err *e);

void host_tree_clear(struct host_tree *t);

/* A pidfd (close-on-exec) of exactly that process. -ESRCH: gone, or another one has the pid. */
int host_pidfd_open(const struct process_ref *ref, int *ret_fd, struct err *e);

#endif
