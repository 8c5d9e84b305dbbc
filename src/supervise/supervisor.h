/*
 * The supervisor of a run, as its files share it: supervise.c is its loop, renew.c its
 * heartbeat, end.c stopping, what outlives the command, and the release.
 */
#ifndef SUPERVISE_SUPERVISOR_H
#define SUPERVISE_SUPERVISOR_H

#include "host/tree.h"
#include "supervise/orders.h"
#include "supervise/say.h"

/* After the command's end at most so many processes are waited for at once; the others are found by
 * and by. */
#define USERS_WATCHED 32

struct supervisor {
	struct orders orders;
	const struct process_ref *command; /* in the orders */
	size_t adopted_next;               /* in the orders: the one that takes its place next */
	char *gpus;                        /* "[0, 1]", for messages */
	struct plan_actor actor;           /* whose reservation it is */
	struct process_ref holder;         /* the reservation lives as long as this process */
	int64_t host_history_ns;           /* see supervise.h */
	struct host_tree tree;
	struct say_target target;
	int command_fd; /* pidfd; -1 after the end */

	pid_t renewer; /* the child that renews the heartbeat; 0: none */
	int renewer_fd;
	int64_t next_renewal_ns; /* all times are monotonic */
	int failures;            /* renewals that failed in a row */
	bool lost;               /* the reservation is not ours any more */
	bool shortened;          /* not all of its GPUs are */

	int64_t next_scan_ns, scan_interval_ns; /* of the tree */
	int64_t deadline_ns;                    /* --timeout; INT64_MAX: none */
	int64_t kill_ns; /* while stopping: when SIGKILL begins; 0: not stopping */

	int user_fds[USERS_WATCHED]; /* pidfds of tree members on the GPUs, after the end */
	size_t users;
};

/* Starts a child that renews the heartbeat; supervise_renewed takes its result when it has ended.
 */
void supervise_renew(struct supervisor *s);
void supervise_renewed(struct supervisor *s);

/* Begins to stop the tree: SIGINT now (and SIGCONT, for what is stopped), SIGKILL after the grace.
 */
void supervise_stop(struct supervisor *s);

/* --timeout was reached: says so, and stops the tree. */
void supervise_time_out(struct supervisor *s);

/* A step of stopping. True when the tree is gone, or what is left of it cannot be killed. */
bool supervise_stop_tick(struct supervisor *s);

/*
 * After the command's end: finds the members of its tree that still use the reserved GPUs. True if
 * there is one. Where nothing of the tree is left, the driver is not asked, so that the end is
 * immediate. While driver or store do not answer, every member counts: unknown is not unused.
 */
bool supervise_find_users(struct supervisor *s);
void supervise_forget_users(struct supervisor *s);

/*
 * Releases, and tries again if the store does not answer: a late release does no harm. After some
 * minutes it is left to the next invocation, which sees that command and supervisor are gone.
 */
void supervise_release(struct supervisor *s, int64_t end_ns);

#endif
