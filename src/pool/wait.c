/* The life of a waiting request; see wait.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/events.h"
#include "pool/wait_private.h"

/* How often a step evaluates again because it has changed something. */
#define ROUNDS_MAX 200
/* While the store does not answer. */
#define TROUBLE_PAUSE_NS (250 * NS_PER_MS)
#define TROUBLE_PAUSE_LAST_NS (2 * NS_PER_SECOND)

void pool_wait_begin(struct pool *p, const struct plan_request *request, int64_t limit_ns,
		     struct pool_wait **ret_wait)
{
	struct pool_wait *w = mem_alloc(1, sizeof(*w));

	w->pool = p;
	w->begun_ns = clock_monotonic_ns();
	w->enqueued_ns = TIME_NONE;
	w->watch.due_ns = INT64_MAX;
	pool_wait_change(w, request, limit_ns);
	id_new(w->entry_id);
	alarm_init(&w->alarm);
	*ret_wait = w;
}

void pool_wait_change(struct pool_wait *w, const struct plan_request *request, int64_t limit_ns)
{
	int64_t deadline_ns = limit_ns ? w->begun_ns + limit_ns : INT64_MAX;

	w->request = *request;
	w->request.backfill = pool_backfills(w->pool);
	if (deadline_ns != w->deadline_ns)
		w->give_up_ns = limit_ns ? clock_now_ns() + (deadline_ns - clock_monotonic_ns())
					 : TIME_NONE;
	w->deadline_ns = deadline_ns;
	w->observe_ns = 0;
	/* What was scanned was judged by the thresholds of then. */
	scan_cache_clear(&w->cache);
	scan_cache_clear(&w->outlook);
	w->scan_pause_ns = SCAN_PAUSE_FIRST_NS;
}

void pool_wait_interrupt(struct pool_wait *w, int fd)
{
	w->interrupt_fd = fd;
}

/* Takes it out of the queue. What it was granted by a commit whose answer was lost ends, too:
   nobody uses it. */
static int decide_leave(const struct pool_state *state, const struct plan_facts *facts,
			void *argument, struct plan *plan, struct err *e)
{
	const struct pool_wait *w = argument;
	const struct reservation *granted = pool_state_find(state, w->request.id);

	(void)e;
	plan_leave(state, w->entry_id, facts->now_ns, plan);
	if (granted)
		plan_end(plan, granted, granted->gpus, granted->gpus_count, facts->now_ns,
			 END_RELEASED, NULL);
	return 0;
}

struct pool_wait *pool_wait_end(struct pool_wait *w)
{
	struct transaction leave = {.decide = decide_leave,
				    .host = HOST_ANY,
				    .argument = w,
				    .author = w ? &w->request.actor : NULL};

	if (!w)
		return NULL;
	if (w->enqueued_ns != TIME_NONE && !w->granted)
		pool_transact(w->pool, &leave, NULL, NULL);
	alarm_clear(&w->alarm);
	store_unwatch(w->pool->store);
	scan_cache_clear(&w->cache);
	scan_cache_clear(&w->outlook);
	free(w->collected);
	free(w->idle_since_ns);
	free(w->awaits);
	free(w->passed_over);
	free(w->declined);
	free(w->trouble);
	free(w);
	return NULL;
}

void pool_wait_endp(struct pool_wait **w)
{
	*w = pool_wait_end(*w);
}

const struct pool_standing *pool_wait_standing(const struct pool_wait *w)
{
	return &w->standing;
}

/* A request that was refused stays refused. A store that does not answer may come back, and
   whatever it says meanwhile (a disk quota is used up, a password file is empty), it refuses
   nothing. */
static bool is_final(const struct step *s, int r)
{
	/* Another host's pool, or one that a newer version has taken over, is none for this process
	   for good. */
	if (s->wait->enqueued_ns == TIME_NONE || r == -EREMOTE || r == -EPROTONOSUPPORT)
		return true;
	return s->refused &&
	       (r == -ECANCELED || r == -ERANGE || r == -EINVAL || r == -EPERM || r == -EDQUOT);
}

/* Sleeps longer and longer until the store answers again, but not beyond the limit. */
static int step_failed(const struct step *s, int r, const struct err *e)
{
	struct pool_wait *w = s->wait;
	int64_t pause_ns = TROUBLE_PAUSE_NS << (w->failures < 6 ? w->failures : 6);

	if (is_final(s, r))
		return r;
	w->failures++;
	mem_replace(&w->trouble, e && *e->text ? e->text : strerror(-r));
	w->standing.trouble = w->trouble;
	alarm_reset(&w->alarm);
	w->alarm.due_ns = clock_monotonic_ns() +
			  (pause_ns < TROUBLE_PAUSE_LAST_NS ? pause_ns : TROUBLE_PAUSE_LAST_NS);
	if (w->alarm.due_ns > w->deadline_ns)
		w->alarm.due_ns = w->deadline_ns;
	return 0;
}

int pool_wait_step(struct pool_wait *w, struct pool_grant *ret_grant, struct err *e)
{
	AUTO(step_clear) struct step s = {.wait = w};
	enum wait_action action = WAIT_COLLECT;
	int r = 0;

	if (w->deadline_ns != INT64_MAX && w->enqueued_ns != TIME_NONE &&
	    clock_monotonic_ns() >= w->deadline_ns)
		return err_set(e, ETIME, "gave up waiting");
	/* Before the pool is loaded, so that no later commit goes unnoticed. */
	store_watch(w->pool->store);
	for (int round = 0; r == 0 && action == WAIT_COLLECT && round < ROUNDS_MAX; round++)
		r = step_run(&s, &action, e);
	if (r < 0 && e && s.refused)
		pool_note_refusal(w->pool, &s.last, &w->request, e);
	if (r < 0)
		return step_failed(&s, r, e);
	if (action == WAIT_GRANTED) {
		w->granted = true;
		scan_cache_grant(&w->cache, &s.last.plan, ret_grant);
		return 1;
	}
	w->failures = 0;
	standing_set(w, &s);
	alarm_set(w, &s);
	return 0;
}
