/* What wait.c (deciding) and wait_sleep.c (sleeping) share. */
#ifndef POOL_WAIT_PRIVATE_H
#define POOL_WAIT_PRIVATE_H

#include "plan/queue.h"
#include "pool/private.h"
#include "pool/scan_cache.h"
#include "pool/wait.h"

/* How many processes are watched at a time; of the others the timers tell. */
#define WAIT_WATCHED_MAX 200

/* With so many requests before it that want the same GPUs, a request only looks where it stands:
   whoever dies is noticed by the one behind. */
#define RANK_FAR 8

/* Looks at the same GPUs: at first soon, since a driver frees memory a moment after its process
   has ended; then less and less often, since each look costs something. */
#define LOOK_PAUSE_FIRST_NS (5 * NS_PER_MS)

/* What a waiting request sleeps on. */
struct alarm {
	int pidfds[WAIT_WATCHED_MAX]; /* processes whose end may matter */
	size_t pidfds_count;
	int clock_fd;         /* timerfd on the wall clock, which tells of jumps, too; -1: none */
	int64_t clock_due_ns; /* what it is set to; INT64_MAX: nothing */
	int64_t due_ns;       /* monotonic: the next step at the latest */
	int64_t stagger_ns; /* monotonic: a commit was seen, the step follows then; INT64_MAX: none
			     */
	size_t rank;        /* requests before this one that want the same GPUs */
};

struct pool_wait {
	struct pool *pool;
	struct plan_request request;
	char entry_id[ID_SIZE];
	int64_t enqueued_ns;  /* TIME_NONE: has not joined */
	int64_t give_up_ns;   /* wall clock, for others to see; TIME_NONE: none */
	int64_t deadline_ns;  /* monotonic: the same for itself; INT64_MAX: none */
	int64_t heartbeat_ns; /* monotonic: the next one is due */
	bool granted;

	struct scan_cache look;
	uint64_t look_of;      /* hash of the GPUs that could be had when it was taken */
	int64_t look_pause_ns; /* until the next look, where nothing else happens */
	bool looks;            /* the last step has looked, and the next one will */

	struct alarm alarm;
	int failures; /* steps in a row that the store did not answer */

	struct pool_standing standing;
	int *collected;
	char *awaits, *trouble;
};

void alarm_init(struct alarm *a);
void alarm_clear(struct alarm *a);

/* How many requests before that place want something that it wants, dead or alive. */
size_t alarm_rank(const struct pool_state *state, size_t place);

/* Sets what is slept on after a step that did not get all: the state is as it was loaded. */
void alarm_set(struct pool_wait *w, const struct pool_state *state, const struct plan_facts *facts);

#endif
