/* A reservation with a supervisor; see supervised.h. Called by run.c and adopt.c. */
#include "cmd/supervised.h"

#include <errno.h>

#include "base/mem.h"
#include "cmd/orders_fill.h"
#include "host/process.h"

/* How often another supervisor is started for one that was killed, or froze, before it watched. */
#define LAUNCH_RETRIES 3

/* All but the reservation. */
static int fill(const struct invocation *in, const struct supervised *s, struct orders *o,
		struct err *e)
{
	int r = orders_fill(in, o, e);

	/* All that outlives the command ends with the pid namespace, as soon as we do. */
	if (s->launch.tell_fd >= 0)
		o->until = UNTIL_COMMAND;
	return r;
}

int supervised_open(const struct invocation *in, struct supervised *s, struct err *e)
{
	int r = fill(in, s, &s->orders, e);

	if (r == 0)
		r = launch_begin(&s->launch, e);
	if (r == 0)
		r = pool_open(&s->orders.pool, &s->pool, e);
	return r;
}

int supervised_change(const struct invocation *in, struct supervised *s, struct err *e)
{
	AUTO(orders_clear) struct orders fresh = {0};
	struct orders before = s->orders;
	int r = fill(in, s, &fresh, e);

	if (r < 0)
		return r;
	mem_replace(&fresh.pool.store_url, before.pool.store_url);
	s->orders = fresh;
	fresh = before;
	pool_reconfigure(s->pool, &s->orders.pool);
	return 0;
}

struct holder supervised_holder(const struct supervised *s, const struct process_ref *command)
{
	return (struct holder){.host = pool_host_label(),
			       .boot_id = host_boot_id(),
			       .command = *command,
			       .supervisor = s->launch.supervisor};
}

/*
 * Starts another supervisor where the first is gone or does not answer: while a request waits,
 * possibly for hours, the kernel may have killed it for lack of memory, or somebody has stopped it.
 * The reservation then names the new one.
 */
static int supervise_with_retry(struct supervised *s, const struct plan_actor *actor, struct err *e)
{
	struct reservation *granted = s->orders.reservation;
	int r = launch_orders(&s->launch, &s->orders, e);

	for (int retry = 0; (r == -EPIPE || r == -ETIMEDOUT) && retry < LAUNCH_RETRIES; retry++) {
		launch_clear(&s->launch);
		r = launch_begin(&s->launch, e);
		if (r < 0)
			break;
		granted->holder.supervisor = s->launch.supervisor;
		r = pool_set_supervisor(s->pool, actor, granted->id, &s->launch.supervisor, e);
		if (r == 0)
			r = launch_orders(&s->launch, &s->orders, e);
	}
	return r;
}

int supervised_begin(struct supervised *s, const struct plan_actor *actor,
		     const struct reservation *granted, struct err *e)
{
	int r;

	s->orders.reservation = reservation_copy(granted);
	r = supervise_with_retry(s, actor, e);
	if (r < 0)
		pool_end(s->pool, actor, granted->id, clock_boot_ns(), NULL);
	return r;
}

void supervised_clear(struct supervised *s)
{
	launch_clear(&s->launch);
	orders_clear(&s->orders);
	s->pool = pool_close(s->pool);
}
