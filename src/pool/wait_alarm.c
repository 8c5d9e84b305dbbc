/*
 * What a waiting request sleeps on: the ends of processes, and the two times that wait_evaluate
 * gives. (Commits and jumps of the clock come on top: wait_sleep.c.)
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"
#include "host/tree.h"
#include "pool/wait_private.h"

/* The timer is set even where nothing is due (for the year 2262): it reports jumps of the clock,
   after which the times have to be evaluated again. True for one that came since the last time:
   setting it makes the kernel forget that. */
static bool set_clock(struct alarm *a, int64_t due_ns)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = due_ns / NS_PER_SECOND, .tv_nsec = due_ns % NS_PER_SECOND},
	};

	return timerfd_settime(a->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at,
			       NULL) < 0 &&
	       errno == ECANCELED;
}

/* The clock is watched from the beginning: it may be set while a step is under way. */
void alarm_init(struct alarm *a)
{
	*a = (struct alarm){
		.clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
		.stagger_ns = INT64_MAX,
	};
	set_clock(a, INT64_MAX);
}

void alarm_reset(struct alarm *a)
{
	for (size_t i = 0; i < a->pidfds_count; i++)
		mem_auto_close(&a->pidfds[i]);
	a->pidfds_count = a->collectors_count = 0;
	a->stagger_ns = INT64_MAX;
}

void alarm_clear(struct alarm *a)
{
	alarm_reset(a);
	mem_auto_close(&a->clock_fd);
}

/* Set forward, it makes all heartbeats look old. */
static void clock_was_set(struct pool_wait *w)
{
	w->heartbeat_ns = 0;
	w->alarm.due_ns = clock_monotonic_ns();
}

void alarm_read_clock(struct pool_wait *w)
{
	uint64_t times;

	if (read(w->alarm.clock_fd, &times, sizeof(times)) < 0 && errno == ECANCELED)
		clock_was_set(w);
}

static void watch_process(struct alarm *a, const struct process_ref *process)
{
	/* Without pidfds the timers do: what ends is released by a commit, most often. */
	if (a->pidfds_count == WAIT_WATCHED_MAX || process->pid <= 0 || !host_has_pidfd())
		return;
	if (host_pidfd_open(process, &a->pidfds[a->pidfds_count], NULL) == 0)
		a->pidfds_count++;
	else if (host_process_life(process) == HOST_GONE)
		a->due_ns = clock_monotonic_ns(); /* it ended since the evaluation */
}

/* The process whose end frees a GPU that the request is next for. */
static void watch_holder(struct alarm *a, const struct reservation *r, enum holder_life life)
{
	if (r->type == RESERVATION_MANUAL)
		return;
	if (life == HOLDER_ALIVE)
		watch_process(a, &r->holder.command);
	else if (life == HOLDER_ENDING)
		watch_process(a, &r->holder.supervisor);
}

/* Processes on a GPU that is not reserved: it is free when they are gone. */
static void watch_users(struct pool_wait *w, size_t slot)
{
	const struct observation *o = &w->cache.observation;
	const struct gpu *gpu = slot < o->count ? o->gpus[slot] : NULL;

	for (size_t i = 0; gpu && !o->foreign_pids && i < gpu->processes_count; i++) {
		struct process_ref process;

		if (gpu->processes[i].pid > 0 &&
		    host_process_ref(gpu->processes[i].pid, &process, NULL) == 0)
			watch_process(&w->alarm, &process);
	}
}

static void watch_gpus(struct pool_wait *w, const struct pool_state *state,
		       const struct plan_facts *facts, size_t place)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (!wait_is_next_for(state, facts, place, (int)i))
			continue;
		if (!r || r->queue_id)
			watch_users(w, i);
		else
			watch_holder(&w->alarm, r, wait_holder_life(state, facts, r));
	}
}

/* The requests ahead that keep a GPU which it could use: a process that is stopped sends no word.
 */
static void watch_collectors(struct pool_wait *w, const struct pool_state *state, size_t place)
{
	struct alarm *a = &w->alarm;

	for (size_t i = 0; i < place && place < state->queue_count; i++) {
		const struct queue_entry *q = &state->queue[i];
		bool rival = false;

		for (size_t k = 0; k < q->collected_count; k++)
			rival |= plan_entry_wants(&state->queue[place], q->collected[k]);
		if (rival && a->collectors_count < WAIT_FAR_RANK &&
		    observer_sees(&w->pool->observer, &q->holder))
			a->collectors[a->collectors_count++] = q->holder.command;
	}
}

bool alarm_collector_is_stopped(const struct alarm *a)
{
	for (size_t i = 0; i < a->collectors_count; i++) {
		if (host_process_is_stopped(&a->collectors[i]))
			return true;
	}
	return false;
}

/* The process of the request just before it. Each watches its neighbour, so the end of any of them
   is noticed by the one behind, which notifies all by a commit. */
static void watch_neighbour(struct pool_wait *w, const struct pool_state *state, size_t place)
{
	if (place && place < state->queue_count &&
	    observer_sees(&w->pool->observer, &state->queue[place - 1].holder))
		watch_process(&w->alarm, &state->queue[place - 1].holder.command);
}

void alarm_set(struct pool_wait *w, const struct step *s)
{
	const struct pool_state *state = &s->last.state;
	size_t place = plan_queue_find(state, w->entry_id);
	struct alarm *a = &w->alarm;

	alarm_reset(a);
	a->rank = s->evaluation.rank;
	a->due_ns = s->evaluation.until_ns;
	if (a->rank < WAIT_FAR_RANK) {
		watch_gpus(w, state, &s->last.facts, place);
		watch_collectors(w, state, place);
	}
	watch_neighbour(w, state, place);
	if (set_clock(a, s->evaluation.wall_until_ns))
		clock_was_set(w);
}
