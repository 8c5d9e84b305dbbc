/*
 * What the host's administrator has done about GPUs that are reserved and idle, or used without a
 * reservation: the rules of `canhazgpu guard`, a pass at a time.
 *
 * What was noticed and lasts is a mark in the state, so that it is told once, however many passes
 * there are, at once or late. A pass commits its marks before it acts on them; so one that is
 * killed leaves nothing that the next one does twice:
 *
 *   "unreserved GPU UID": an account ("?": somebody unknown, "-": no process is seen) uses a GPU
 *     that it has not reserved, at seen_ns. warned_ns: it was warned; text: of what ("-", "tell"
 *     or "stop"), and its name.
 *
 *   "idle RESERVATION GPU": the GPU is idle since since_ns. warned_ns: its holder was warned; text:
 *     of what.
 *
 *   "expiring RESERVATION": it ends at since_ns. warned_ns: its holder was told; text: of what, its
 *     uid and its GPUs ("stop 1000 0,3").
 *
 *   "stop PID:START", "stop RESERVATION": a process or run that is stopped. since_ns: a pass was
 *     about to signal it; warned_ns: SIGTERM was sent; acted_ns: SIGKILL was, to a process.
 *
 *   "sick GPU": the driver says that it cannot be used.
 *
 *   "guard": the last pass, at seen_ns; text: what it found.
 *
 * Whoever is not known to break a rule is let alone: what is unknown (an owner, an age, whether a
 * GPU is idle, who is in a group) never leads to anything but an event.
 */
#ifndef PLAN_GUARD_H
#define PLAN_GUARD_H

#include "plan/changes.h"
#include "plan/facts.h"

/* The key of the mark of the last pass. */
#define PLAN_GUARD_PASS "guard"

/* A use that was last seen longer ago than this is a new one, unless its process is the same. */
#define GUARD_GAP_NS (300 * NS_PER_SECOND)

/* How long a pass has to signal what it has claimed; then it was killed, and the next one does. */
#define GUARD_CLAIM_NS (10 * NS_PER_SECOND)

/* How long after a warning whoever is warned must have been told; then it is void. */
#define GUARD_TELL_NS (120 * NS_PER_SECOND)

/* Without a rule of the host's, it is noticed this long before the end of a manual reservation. */
#define GUARD_EXPIRING_NS (600 * NS_PER_SECOND)

/* What follows when a manual reservation was idle for too long. */
enum guard_then { GUARD_TELL, GUARD_RELEASE_AWAITED, GUARD_RELEASE };

/* From the system's configuration file alone. A time of 0: there is no such rule. */
struct guard_rules {
	int64_t idle_after_ns, idle_warn_ns;
	enum guard_then idle_then;
	bool idle_runs_signal; /* idle runs are sent SIGTERM; else told */

	int64_t unreserved_after_ns;
	bool unreserved_warn;
	bool unreserved_stop;

	int64_t expiry_warn_ns;
	bool expiry_stop; /* processes that go on after the end */

	int64_t grace_ns; /* from SIGTERM to SIGKILL */

	char **commands; /* names of programs for which they do not count */
	size_t commands_count;
};

void guard_rules_clear(struct guard_rules *r);

/* An account, and whether the rules do not count for it: it is named, or in a group that is, or
   that cannot be told, or it has no name, so that nobody can tell it anything. */
struct guard_account {
	uid_t uid;
	bool spared;
};

/* What is known besides plan_facts, whose scan has its processes completed. All is borrowed. */
struct guard_facts {
	int64_t scan_ns;      /* wall clock: when the scan began */
	bool pids_known;      /* the driver's pids are this host's */
	int64_t threshold_mb; /* less memory is no use */
	bool within_hours;    /* the rules count at this time */
	bool may_signal;      /* the caller is root, who tells, too */
	uid_t uid;            /* the caller's, and ... */
	const char *actor;    /* the caller's account */
	/* Per slot: since when it is known to be idle, TIME_NONE: it is not; and when its
	   reservation was last seen to use it. NULL: unknown. */
	const int64_t *idle_since_ns, *last_active_ns;
	const struct guard_account *accounts; /* others are spared */
	size_t accounts_count;
};

enum guard_deed {
	/* What is noticed, and becomes an event. */
	GUARD_SICK,     /* a GPU cannot be used any more */
	GUARD_WELL,     /* it can again */
	GUARD_BEGUN,    /* an account uses a GPU without a reservation */
	GUARD_ENDED,    /* it does no longer */
	GUARD_EXPIRING, /* a manual reservation ends soon */
	/* What is done. */
	GUARD_WARN,
	GUARD_WITHDRAW, /* what somebody was warned of is not done: the GPU is used again */
	GUARD_RELEASED, /* GPUs of an idle reservation */
	GUARD_TERM,     /* to be done by the caller once the plan is committed ... */
	GUARD_KILL,
	GUARD_SIGNAL_RUN, /* ... to all processes of a run */
	GUARD_WAIT,       /* somebody was warned, and the time is not over */
	GUARD_SPARE,      /* a process breaks a rule and is let alone: why */
};

const char *guard_deed_name(enum guard_deed deed); /* "warn", "stop", ... */

/* Whether it is a signal, which the caller sends. */
bool guard_deed_signals(enum guard_deed deed);

/* One thing that a pass does, or says why it does not. */
struct guard_step {
	enum guard_deed deed;
	char *account; /* whom it concerns; NULL: nobody in particular, or unknown */
	char *user;    /* the display name of the reservation; or NULL */
	struct quantity uid;
	int *gpus; /* ascending */
	size_t gpus_count;
	char reservation_id[ID_SIZE]; /* "": about none */
	struct process_ref process;   /* TERM, KILL; SIGNAL_RUN: the run's command */
	char *processes; /* a JSON object that lists the processes that it is about; or NULL */
	char *text; /* one sentence: what, and why; of what is released or signalled "GPU 3: idle
		       for 2h" */
};

/* What was done, as a sentence: "guard released GPU 3: ...". The caller frees it. */
char *guard_step_sentence(const struct guard_step *step);

struct guard_steps {
	struct guard_step *steps;
	size_t count;
	size_t unreserved, idle, sick; /* what there is at present: accounts on a GPU, GPUs, GPUs */
	char *before; /* the state that signals were decided on (before.h); NULL: there are none */
};

void guard_steps_clear(struct guard_steps *s);

/* One pass: cleans up, then adds marks, events and releases to the plan, and lists what is done and
   why. Signals are the caller's to send, after the commit. Never fails. */
void plan_guard(const struct pool_state *state, const struct plan_facts *facts,
		const struct guard_facts *guard, const struct guard_rules *rules, struct plan *p,
		struct guard_steps *ret_steps);

/* Whether another pass has found things out since that scan began: what this one has seen may be
   over by now, and would be told a second time. */
bool plan_guard_is_late(const struct pool_state *state, const struct plan_facts *facts,
			int64_t scan_ns);

/* The warnings after told_ns and before since_ns were never told, and will not be: they are void.
   For whoever moves the mark PLAN_TOLD. */
void plan_guard_untold(const struct pool_state *state, const struct plan_facts *facts,
		       int64_t told_ns, int64_t since_ns, struct plan *p);

/* What has become of a signal. */
enum guard_sent {
	GUARD_NOT_SENT, /* it failed: a later pass tries again */
	GUARD_SENT,
	GUARD_GONE, /* there is no such process any more */
};

/* Records that signals were sent: `sent` per step, which counts for TERM, KILL and SIGNAL_RUN. */
void plan_guard_sent(const struct pool_state *state, const struct plan_facts *facts,
		     const struct guard_facts *guard, const struct guard_steps *steps,
		     const enum guard_sent *sent, struct plan *p);

#endif
