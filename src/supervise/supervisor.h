/*
 * The supervisor of a run, as its files share it: supervise.c is its loop, renew.c its heartbeat,
 * look.c what it sees of the GPUs, clock.c the watch on the clock, say.c what it tells the user,
 * stop.c the time limit, container.c a container that the command starts, outlive.c what goes on
 * after the command, end.c the release, notify.c what its account is told, and within.c the end of
 * what is reserved by hand.
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
	struct host_tree tree;
	struct say_target target;
	int command_fd; /* pidfd; -1 after the end */

	pid_t renewer; /* the child that renews the heartbeat; 0: none */
	int renewer_fd;
	int64_t next_renewal_ns;  /* all times are monotonic */
	int64_t renewal_pause_ns; /* until the one after that */
	bool shared;              /* other programs write to the store, too */
	int failures;             /* renewals that failed in a row */
	bool lost;                /* the reservation is not ours any more */
	bool shortened;           /* not all of its GPUs are */
	int clock_fd;             /* readable when the wall clock is set; -1: nothing tells */
	int64_t wall_ahead_ns;    /* of the monotonic clock, when that was last compared */

	pid_t looker;          /* the child that looks at the GPUs; 0: none */
	int64_t next_look_ns;  /* not before */
	int64_t look_limit_ns; /* for its scan, which nothing waits for; 0: the default */

	int64_t next_scan_ns, scan_interval_ns; /* of the tree */
	int64_t warn_ns, deadline_ns;           /* --signal-before, --timeout; INT64_MAX: none */
	int64_t end_boot_ns; /* orders.within: when the manual reservation ends, also while the host
				is suspended; INT64_MAX: never */
	int64_t *left_ns;    /* the same, for the renewer to tell how long that is; shared */
	int64_t kill_ns;     /* while stopping: when SIGKILL begins; 0: not stopping */

	bool container_seen;       /* its processes have a control group of their own */
	bool container_killed;     /* the engine has been told to */
	int64_t next_container_ns; /* when its container is looked for; INT64_MAX: not any more */

	int64_t ended_ns; /* the command has; 0: not yet */
	bool stopped;     /* by us: then nothing lingers */
	bool announced;   /* that processes keep the reservation */

	int64_t notify_ns; /* when its account is told that the time limit is near; INT64_MAX: never
			    */
	int64_t began_ns;  /* when the watch began */
	int64_t log_begin; /* of the log file, bytes: what follows is the run's; -1: there is none
			    */
	int status_fd;     /* pidfd of the command that has ended, to ask how; -1: none */
	bool status_known; /* how the command has ended: */
	int status;        /* as waitpid tells it */

	int user_fds[USERS_WATCHED]; /* pidfds of the processes that keep the reservation */
	size_t users;
};

/* Starts a child that renews the heartbeat; supervise_renewed takes its result when it has ended.
 */
void supervise_renew(struct supervisor *s);
void supervise_renewed(struct supervisor *s);

/* Sets the next heartbeat, after a grant: sooner than usual where it may be overwritten. */
void supervise_look_soon(struct supervisor *s);

/* After a heartbeat: looks at the GPUs, in a child, where that is due (look.c). */
void supervise_look(struct supervisor *s);

/* orders.within: the same two, for GPUs that are reserved by hand. There is nothing to renew: the
   child looks whether they still are, and until when. */
int supervise_begin_within(struct supervisor *s, struct err *e);
int supervise_check_held(const struct supervisor *s, struct pool *pool, bool *ret_held,
			 struct err *e);
void supervise_checked_held(struct supervisor *s, bool held);
void supervise_end_within(struct supervisor *s);

/* Watches the wall clock: others judge a run by times of it. At each wake-up: where it was set, or
   the host was suspended, a renewal is due at once. */
void supervise_watch_clock(struct supervisor *s);
void supervise_check_clock(struct supervisor *s);

/* An account is told so long before a time limit is reached. */
#define SUPERVISE_NOTIFY_BEFORE_NS (600 * NS_PER_SECOND)

/* orders.notify: at the start of the watch, when the command may start, before the time limit, when
   the command has ended (before its handle is closed), and after the release. */
void supervise_notify_begin(struct supervisor *s);
void supervise_notify_start(const struct supervisor *s);
void supervise_notify_limit(struct supervisor *s);
void supervise_notify_status(struct supervisor *s);
void supervise_notify_end(struct supervisor *s, int64_t ended_ns);

/* --signal-before is due: the command gets its signal. */
void supervise_warn(struct supervisor *s);

/* Begins to stop the tree: asks it to end now, and kills it after the grace. */
void supervise_stop(struct supervisor *s);

/* --timeout was reached: says so, and stops the tree. */
void supervise_time_out(struct supervisor *s);

/* Says why, and stops the tree. */
void supervise_stop_because(struct supervisor *s, const char *why);

/* A step of stopping. True when the tree is gone, or what is left of it cannot be killed. */
bool supervise_stop_tick(struct supervisor *s);

/*
 * The container that the command has started (container.c). Its processes belong to the tree, and
 * the first of them becomes the holder of the reservation as soon as it is seen: it can outlive the
 * command and this process, and others know by it which processes are the holder's.
 */
void supervise_find_container(struct supervisor *s);
/* Has its engine signal it: one of another account cannot be signalled otherwise. */
void supervise_kill_container(const struct supervisor *s, int signal);
/* Removes the file with its id. */
void supervise_forget_container(const struct supervisor *s);

/*
 * After the command's end: whether the reservation goes on, because processes of the tree live (for
 * the linger time, or with --until tree), or because they, or kin, use the reserved GPUs. Says so
 * once. Where nothing is left, the driver is not asked, so that the end is immediate. While driver
 * or store do not answer, every member may be a user: unknown is not unused.
 */
bool supervise_is_kept(struct supervisor *s);
void supervise_forget_users(struct supervisor *s);

/*
 * Releases as of ended_boot_ns (clock_boot_ns), and tries again if the store does not answer: a
 * late release does no harm. After some minutes it is left to the next invocation, which sees that
 * command and supervisor are gone. True if it was released.
 */
bool supervise_release(struct supervisor *s, int64_t ended_boot_ns);

#endif
