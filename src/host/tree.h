/*
 * The processes of a run reservation. Two questions are kept apart:
 *
 *  - Members are signalled (strict): the command, its descendants, every process that carries the
 *    reservation's marker in its environment, what is in the run's own control group, and the
 *    processes of a container that the command has started. Never the rest of a shell's pipeline.
 *  - Kin may keep the reservation (generous): younger processes of the same account in the session
 *    of the command. One that uses a reserved GPU came from the command in a way that left no
 *    trace: its parent was killed between two refreshes, and it has overwritten its environment.
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
	char *id;     /* the marker's value */
	char *cgroup; /* of the run's own: all in it are members (host/cgroup.h); NULL: none */
	struct process_ref command;
	uint64_t oldest_ticks;    /* start of the oldest process that the tree begins with */
	uint64_t since_ticks;     /* when the tree was begun: kin are not older */
	uint64_t until_ticks;     /* and not younger than this; UINT64_MAX: as young as may be */
	uid_t uid;                /* the account of the command */
	pid_t session;            /* of the command; HOST_SESSION_UNKNOWN before it was seen */
	char *container;          /* the id of the one that the command has started; NULL: none */
	struct process_ref first; /* its first process at the last refresh; pid 0: none */
	struct process_ref *members; /* alive at the last refresh, the command too */
	size_t members_count;
	struct process_ref *kin; /* alive at the last refresh; no member is among them */
	size_t kin_count;
	bool unsure; /* a process shows no environment and may be a member in the middle of exec: a
			later refresh tells */
};

/* Starts with the command alone. The caller clears it. */
void host_tree_init(struct host_tree *t, const char *id, const struct process_ref *command);

/* Adds a process that the tree begins with, too: what descends from it belongs to the tree. */
void host_tree_add(struct host_tree *t, const struct process_ref *root);

/*
 * Reads /proc: a member that still lives stays one (also when its parent has ended), and new
 * members are found by descent from a member, by the marker, and by the container's id in the names
 * of control groups. A process whose environment may not
 * be read (set-uid) is a member by descent only, and else one of the kin, whatever its account.
 * Zombies are neither. The caller itself never is.
 */
int host_tree_refresh(struct host_tree *t, struct err *e);

/* The time in clock ticks after boot, as processes' start times count. */
uint64_t host_ticks_now(void);

bool host_tree_has(const struct host_tree *t, pid_t pid);

/*
 * Sends a signal to every member by pidfd, so that a reused pid is never hit. *ret_refused counts
 * members that this account may not signal. A member that has ended meanwhile is no error.
 */
int host_tree_signal(const struct host_tree *t, int signal, size_t *ret_refused, struct err *e);

/* The same for asking the members to end: those that ignore the signal (SIGINT, as the background
   jobs of a shell script do) get SIGTERM instead, and those that are stopped are continued. */
int host_tree_stop(const struct host_tree *t, int signal, size_t *ret_refused, struct err *e);

void host_tree_clear(struct host_tree *t);

/*
 * A handle (close-on-exec) on exactly that process, which is readable when it has ended: a pidfd,
 * where the kernel has them. -ESRCH: gone, or another one has the pid.
 */
int host_pidfd_open(const struct process_ref *ref, int *ret_fd, struct err *e);

/*
 * How that process, of which the handle is one, has ended, as waitpid would tell its parent. False:
 * not known. Since Linux 6.15 the kernel tells that once the parent has asked; whatever the kernel,
 * who may trace the process reads it until then.
 */
bool host_pidfd_status(int fd, const struct process_ref *ref, int *ret_status);

/* Whether the kernel has pidfds. Else each handle costs a process that polls. */
bool host_has_pidfd(void);

/* Signals exactly that process. -ESRCH: gone; -EPERM: refused. */
int host_process_signal(const struct process_ref *ref, int signal, struct err *e);

/* The same where it is that account's, for root, who may signal any: -EPERM where it is somebody
   else's by now. */
int host_process_signal_of(const struct process_ref *ref, uid_t uid, int signal, struct err *e);

#endif
