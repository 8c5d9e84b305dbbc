/* What the files of a waiting request share: wait.c (its life), wait_step.c (one step),
   wait_standing.c (what is shown), wait_alarm.c and wait_sleep.c (sleeping). */
#ifndef POOL_WAIT_PRIVATE_H
#define POOL_WAIT_PRIVATE_H

#include "pool/private.h"
#include "pool/wait.h"
#include "pool/wait_evaluate.h"

/* How many processes are watched at a time; for the others there are the timers. */
#define WAIT_WATCHED_MAX 200

/* The pause between scans of the same GPUs. At first it is short, since a driver frees memory a
   moment after its process has ended; then it doubles, since each scan costs something. */
#define SCAN_PAUSE_FIRST_NS (5 * NS_PER_MS)
#define SCAN_PAUSE_LAST_NS (20 * NS_PER_SECOND)

/* What a waiting request sleeps on. */
struct alarm {
	struct process_ref collectors[WAIT_FAR_RANK]; /* requests ahead that have collected a GPU
							 that it could use */
	size_t collectors_count;
	int pidfds[WAIT_WATCHED_MAX]; /* processes whose end may matter */
	size_t pidfds_count;
	int clock_fd;       /* timerfd on the wall clock, which also reports jumps; -1: none */
	int64_t due_ns;     /* monotonic: the next step at the latest */
	int64_t stagger_ns; /* monotonic: the step that follows a commit; INT64_MAX: none */
	size_t rank;        /* see struct wait_evaluation */
};

struct pool_wait {
	struct pool *pool;
	struct plan_request request;
	char entry_id[ID_SIZE];
	int64_t begun_ns;       /* monotonic */
	int64_t enqueued_ns;    /* see struct queue_entry; TIME_NONE: has not joined */
	int64_t joined_boot_ns; /* clock_boot_ns: when it has */
	int64_t give_up_ns;     /* wall clock, for others to see; TIME_NONE: none */
	int64_t deadline_ns;    /* monotonic: the same for itself; INT64_MAX: none */
	int64_t heartbeat_ns;   /* monotonic: the next one is due */
	int64_t observe_ns; /* monotonic: it looks at all others then, however far behind it is */
	int interrupt_fd;   /* see pool_wait_interrupt; 0: none */
	bool granted;

	struct scan_cache cache;
	uint64_t scan_prospects;   /* see wait_prospects: when the scan was taken */
	int64_t scan_pause_ns;     /* until the next scan, if nothing else happens */
	struct scan_cache outlook; /* for the estimate alone, where no decision needs a scan */
	int64_t *idle_since_ns;    /* see struct plan_facts; NULL: no scan yet */
	size_t idle_count;
	struct wait_watch watch;

	struct alarm alarm;
	int failures; /* steps in a row that the store did not answer */

	struct pool_standing standing;
	int *collected;
	char *awaits, *passed_over, *trouble;
	char *declined; /* why it declined GPUs, as stored by itself and not yet told; NULL */
};

/* ---- wait_step.c ---- */

/* What a step has loaded and decided. */
struct step {
	struct pool_wait *wait;
	struct attempt last;
	bool is_current; /* the next evaluation need not load again */
	bool far;        /* see struct wait_situation */
	bool renews;     /* it commits its heartbeats, and nothing else */
	bool is_news;    /* that is not enough */
	bool refused;    /* the last decision has refused the request */
	char part_id[ID_SIZE];
	struct wait_evaluation evaluation;
};

void step_clear(struct step *s);

/* Evaluates, and commits what the evaluation says. *ret_action is what was done: WAIT_SLEEP,
   WAIT_COLLECT (then more may be to be had), or WAIT_GRANTED with s->last.plan.granted. */
int step_run(struct step *s, enum wait_action *ret_action, struct err *e);

/* ---- wait_standing.c ---- */

/* Also brings the next step forward where the estimate lacks a scan: nobody waits for the driver
   before it is told that it waits at all. */
void standing_set(struct pool_wait *w, struct step *s);

/* ---- wait_alarm.c ---- */

void alarm_init(struct alarm *a);
void alarm_clear(struct alarm *a);

/* Watches no process any more; nothing is due. The clock goes on. */
void alarm_reset(struct alarm *a);

/* Reads the clock's timer, which is readable: it is time, or the clock was set. */
void alarm_read_clock(struct pool_wait *w);

/* Sets what is slept on after a step that did not get all. */
void alarm_set(struct pool_wait *w, const struct step *s);

/* Whether one of the collectors is stopped (Ctrl-Z): then what it has collected is to be had. */
bool alarm_collector_is_stopped(const struct alarm *a);

#endif
