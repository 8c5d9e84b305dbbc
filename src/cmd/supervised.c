/* A reservation with a supervisor; see supervised.h. Called by run.c and adopt.c. */
#include "cmd/supervised.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/context.h"
#include "host/process.h"

/* How often another supervisor is started for one that was killed before it watched. */
#define LAUNCH_RETRIES 3

/* All but the reservation. How `run` is to be supervised counts for what is adopted, too. */
static int orders_from(const struct invocation *in, struct orders *o, struct err *e)
{
	AUTO_FREE char *on_lost = mem_printf("%s.on-lost", in->command->name);

	o->grace_ns = settings_duration_ns(in->settings, "run.grace");
	o->stop_signal = SIGINT;
	o->until = UNTIL_GPUS;
	o->heartbeat_ns = settings_duration_ns(in->settings, "run.heartbeat");
	o->kill_on_lost = !strcmp(settings_text(in->settings, on_lost), "kill");
	return pool_config_from(in, &o->pool, e);
}

int supervised_open(const struct invocation *in, struct supervised *s, struct err *e)
{
	int r = orders_from(in, &s->orders, e);

	if (r == 0)
		r = launch_begin(&s->launch, e);
	if (r == 0)
		r = pool_open(&s->orders.pool, &s->pool, e);
	return r;
}

struct holder supervised_holder(const struct supervised *s, const struct process_ref *command)
{
	return (struct holder){.host = pool_host_label(),
			       .boot_id = host_boot_id(),
			       .command = *command,
			       .supervisor = s->launch.supervisor};
}

/*
 * Starts another supervisor where the first is gone: while a request waits, possibly for hours, the
 * kernel may have killed it for lack of memory. The reservation then names the new one.
 */
static int supervise_with_retry(struct supervised *s, const struct plan_actor *actor, struct err *e)
{
	struct reservation *granted = s->orders.reservation;
	int r = launch_orders(&s->launch, &s->orders, e);

	for (int retry = 0; r == -EPIPE && retry < LAUNCH_RETRIES; retry++) {
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
		pool_end(s->pool, actor, granted->id, clock_now_ns(), NULL);
	return r;
}

void supervised_clear(struct supervised *s)
{
	launch_clear(&s->launch);
	orders_clear(&s->orders);
	s->pool = pool_close(s->pool);
}
