/*
 * What a waiting request sleeps on, and sleeping: pool_wait_sleep of wait.h. Nothing is polled: a
 * commit, the end of a process, an expiry each wake it, and a timer stands behind them.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"
#include "host/tree.h"
#include "pool/wait_private.h"

/* A look every now and then, whatever happens: for who is next, and for those behind. Where other
   programs change the store without a word, this is what notices. */
#define BACKSTOP_NS QUEUE_HEARTBEAT_NS
#define BACKSTOP_SILENT_NS NS_PER_SECOND
/* Those behind come later after a commit, one after the other, so that they do not stand in the
   way of who is next. */
#define STAGGER_NEAR_NS (4 * NS_PER_MS)
#define STAGGER_FAR_NS (20 * NS_PER_MS)
#define STAGGER_LAST_NS (2 * NS_PER_SECOND)

void alarm_init(struct alarm *a)
{
	*a = (struct alarm){.clock_fd = -1, .clock_due_ns = INT64_MAX, .stagger_ns = INT64_MAX};
}

void alarm_clear(struct alarm *a)
{
	for (size_t i = 0; i < a->pidfds_count; i++)
		mem_auto_close(&a->pidfds[i]);
	mem_auto_close(&a->clock_fd);
	alarm_init(a);
}

static void alarm_watch(struct alarm *a, const struct process_ref *process)
{
	if (a->pidfds_count == WAIT_WATCHED_MAX || process->pid <= 0)
		return;
	if (host_pidfd_open(process, &a->pidfds[a->pidfds_count], NULL) == 0)
		a->pidfds_count++;
	else if (host_process_life(process) == HOST_GONE)
		a->due_ns = clock_monotonic_ns(); /* between the step and now */
}

static void alarm_at(struct alarm *a, int64_t wall_ns)
{
	if (wall_ns != TIME_NONE && wall_ns < a->clock_due_ns)
		a->clock_due_ns = wall_ns;
}

/* Who holds a GPU that the request is next for. */
static void watch_holder(struct alarm *a, const struct reservation *r, enum holder_life life,
			 int64_t now_ns)
{
	if (r->type == RESERVATION_MANUAL)
		alarm_at(a, r->expiry_ns);
	else if (life == HOLDER_ALIVE)
		alarm_watch(a, &r->holder.command);
	else if (life == HOLDER_ENDING)
		alarm_watch(a, &r->holder.supervisor);
	else if (life == HOLDER_OUT_OF_SIGHT)
		alarm_at(a, plan_last_heartbeat_ns(r, now_ns) + HEARTBEAT_LIMIT_NS + NS_PER_MS);
}

/* Processes on a GPU that nobody holds: it is free when they are gone. */
static void watch_users(struct pool_wait *w, size_t slot)
{
	const struct gpu *gpu = slot < w->look.seen.count ? w->look.seen.gpus[slot] : NULL;

	for (size_t i = 0; gpu && !w->look.seen.foreign_pids && i < gpu->processes_count; i++) {
		struct process_ref process;

		if (gpu->processes[i].pid > 0 &&
		    host_process_ref(gpu->processes[i].pid, &process, NULL) == 0)
			alarm_watch(&w->alarm, &process);
	}
}

/* Those before it: the end of the one just before, and when any of them falls silent. Each watches
   its neighbour, so whoever dies is noticed by the one behind, who tells all by a commit. */
static void watch_line(struct pool_wait *w, const struct pool_state *state,
		       const struct plan_facts *facts, size_t place)
{
	for (size_t i = 0; i < place; i++) {
		const struct queue_entry *q = &state->queue[i];
		int64_t sign_ns = plan_entry_last_heartbeat_ns(q, facts->now_ns);

		if (sign_ns + QUEUE_HEARTBEAT_LIMIT_NS >= facts->now_ns)
			alarm_at(&w->alarm, sign_ns + QUEUE_HEARTBEAT_LIMIT_NS + NS_PER_MS);
		if (q->give_up_ns > facts->now_ns)
			alarm_at(&w->alarm, q->give_up_ns);
	}
	if (place && place < state->queue_count &&
	    observer_sees(&w->pool->observer, &state->queue[place - 1].holder))
		alarm_watch(&w->alarm, &state->queue[place - 1].holder.command);
}

static bool are_rivals(const struct pool_state *state, const struct queue_entry *a,
		       const struct queue_entry *b)
{
	if (!a->requested_ids || !b->requested_ids)
		return true;
	for (size_t k = 0; k < state->slots_count; k++) {
		if (plan_entry_wants(a, (int)k) && plan_entry_wants(b, (int)k))
			return true;
	}
	return false;
}

size_t alarm_rank(const struct pool_state *state, size_t place)
{
	size_t rank = 0;

	for (size_t i = 0; place < state->queue_count && i < place; i++)
		rank += are_rivals(state, &state->queue[i], &state->queue[place]);
	return rank;
}

/* The wall clock may be set: then what is due then is looked at anew. */
static void arm_clock(struct alarm *a)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = a->clock_due_ns / NS_PER_SECOND,
			     .tv_nsec = a->clock_due_ns % NS_PER_SECOND},
	};

	/* Also where nothing is due, in the year 2262: for the jumps. */
	a->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (a->clock_fd >= 0)
		timerfd_settime(a->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at,
				NULL);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The longest time until the next step. */
static int64_t backstop_ns(struct store *store, size_t rank)
{
	if (store_watch(store) < 0 || (store_has_external_writers(store) && rank < 2))
		return earlier((int64_t)(rank + 1) * BACKSTOP_SILENT_NS, BACKSTOP_NS);
	return BACKSTOP_NS;
}

void alarm_set(struct pool_wait *w, const struct pool_state *state, const struct plan_facts *facts)
{
	size_t place = plan_queue_find(state, w->entry_id);
	int64_t now_ns = clock_monotonic_ns();
	struct alarm *a = &w->alarm;

	alarm_clear(a);
	a->rank = alarm_rank(state, place);
	a->due_ns = now_ns + backstop_ns(w->pool->store, a->rank);
	for (size_t i = 0; a->rank < RANK_FAR && i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if ((place < state->queue_count &&
		     !plan_entry_wants(&state->queue[place], (int)i)) ||
		    plan_is_withheld(state, facts->policy, (int)i) ||
		    plan_first_for(state, facts, (int)i, place))
			continue;
		if (!r || r->queue_id)
			watch_users(w, i);
		for (size_t k = 0; r && !r->queue_id && k < state->reservations_count; k++) {
			if (state->reservations[k] == r)
				watch_holder(a, r, facts->life[k], facts->now_ns);
		}
	}
	watch_line(w, state, facts, place);
	if (w->looks && w->look.taken_ns)
		a->due_ns = earlier(a->due_ns, w->look.taken_ns + w->look_pause_ns);
	a->due_ns = earlier(a->due_ns, earlier(w->heartbeat_ns, w->deadline_ns));
	arm_clock(a);
}

static bool clock_was_set(const struct alarm *a)
{
	uint64_t times;

	return read(a->clock_fd, &times, sizeof(times)) < 0 && errno == ECANCELED;
}

/* After a commit: at once for who is next, later for those behind. */
static void alarm_stagger(struct alarm *a)
{
	int64_t near = a->rank < 2 ? 0 : (int64_t)(a->rank < RANK_FAR ? a->rank : RANK_FAR) - 1;
	int64_t far = a->rank < RANK_FAR ? 0 : (int64_t)(a->rank - RANK_FAR);
	int64_t pause_ns = near * STAGGER_NEAR_NS + far * STAGGER_FAR_NS;

	a->stagger_ns = clock_monotonic_ns() + earlier(pause_ns, STAGGER_LAST_NS);
}

static int poll_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns - clock_monotonic_ns();

	if (left_ns <= 0)
		return 0;
	if (left_ns > 3600 * NS_PER_SECOND)
		return 3600000;
	return (int)(left_ns / NS_PER_MS) + 1;
}

int pool_wait_sleep(struct pool_wait *w, int interrupt_fd, int64_t tick_ns, bool *ret_step)
{
	struct alarm *a = &w->alarm;
	int64_t tick_due_ns = tick_ns == INT64_MAX ? INT64_MAX : clock_monotonic_ns() + tick_ns;

	*ret_step = true;
	for (;;) {
		struct pollfd fds[3 + WAIT_WATCHED_MAX];
		nfds_t count = 3;
		int64_t step_ns = earlier(a->due_ns, a->stagger_ns);
		bool watching = a->stagger_ns == INT64_MAX && !w->failures;

		fds[0] = (struct pollfd){.fd = interrupt_fd, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = watching ? store_watch(w->pool->store) : -1,
					 .events = POLLIN};
		fds[2] = (struct pollfd){.fd = a->clock_fd, .events = POLLIN};
		for (size_t i = 0; i < a->pidfds_count; i++)
			fds[count++] = (struct pollfd){.fd = a->pidfds[i], .events = POLLIN};
		if (poll(fds, count, poll_ms(earlier(step_ns, tick_due_ns))) < 0 && errno != EINTR)
			return 0;
		if (fds[0].revents)
			return 1;
		for (nfds_t i = 3; i < count; i++) {
			if (fds[i].revents) {
				/* It may have been the last one on a GPU. */
				scan_cache_clear(&w->look);
				w->look_pause_ns = LOOK_PAUSE_FIRST_NS;
				return 0;
			}
		}
		if (fds[2].revents) {
			/* Set forward, it makes all signs of life look old. */
			if (clock_was_set(a))
				w->heartbeat_ns = 0;
			return 0;
		}
		if (fds[1].revents) {
			store_watch_drain(w->pool->store);
			alarm_stagger(a);
			if (a->rank < 2)
				return 0;
		}
		if (clock_monotonic_ns() >= step_ns) {
			/* What was committed while it let others go first is seen at once. */
			if (a->stagger_ns != INT64_MAX)
				store_watch_drain(w->pool->store);
			return 0;
		}
		if (clock_monotonic_ns() >= tick_due_ns) {
			*ret_step = false;
			return 0;
		}
	}
}
