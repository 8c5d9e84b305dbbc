/* The pool at one moment; see snapshot.h. */
#include "pool/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/look.h"
#include "pool/private.h"

/* Shows the pool as the cleanup leaves it, and records that. */
static void snapshot_cleanup(struct pool *p, struct snapshot *s)
{
	AUTO(liveness_clear) struct liveness liveness = {0};
	AUTO(pool_state_clear) struct pool_state loaded = {0};
	AUTO(plan_clear) struct plan plan = {0};
	struct plan_facts facts;
	struct err e = {0};
	bool news = false; /* more than heartbeats and doubts */
	int r = 0;

	observe_liveness(&p->observer, &s->state, &liveness);
	facts = observe_facts(&p->observer, &liveness, &p->config.policy);
	facts.now_ns = s->now_ns;
	facts.boot_ns = s->boot_ns;
	facts.monotonic_ns = s->monotonic_ns;
	plan_cleanup(&s->state, &facts, &plan);
	if (!plan.changes_count)
		return;
	/* The plan points into the state that it was made on. */
	loaded = s->state;
	pool_state_copy(&s->state, &loaded);
	for (size_t i = 0; r == 0 && i < plan.changes_count; i++) {
		const struct change *c = &plan.changes[i];

		news |= !c->quiet;
		/* A heartbeat that the cleanup renews says nothing of the supervisor: the old one
		   is shown. */
		if (c->kind != CHANGE_RENEW || c->renew.reservation->doubt.wall_ns != TIME_NONE)
			r = change_apply(&s->state, c, &e);
	}
	if (r == 0)
		r = pool_cleanup(p, &e);
	if (r < 0 && news)
		s->warning = mem_printf("ended reservations could not be recorded: %s", e.text);
	else
		s->warning = pool_take_notice(p);
}

/* The first process that runs a known model; the holder's processes count before others. */
static void snapshot_model(struct model_search *search, struct gpu_view *view)
{
	for (int foreign = 0; foreign < 2 && !view->model.model; foreign++) {
		for (size_t i = 0; view->gpu && i < view->gpu->processes_count; i++) {
			const struct process *process = &view->gpu->processes[i];

			if (process->foreign == (foreign == 1) && process->pid > 0 &&
			    model_search(search, process->pid, &view->model))
				return;
		}
	}
}

/* Not where the pids are those of other processes here. */
static void snapshot_models(struct snapshot *s)
{
	AUTO(model_search_clear) struct model_search search = {0};

	for (size_t i = 0; !s->seen.foreign_pids && i < s->views_count; i++)
		snapshot_model(&search, &s->views[i]);
}

void pool_forecast_snapshot(struct pool *p, struct snapshot *s)
{
	struct plan_facts facts;

	if (!s->state.queue_count && !s->state.reservations_count)
		return;
	observe_liveness(&p->observer, &s->state, &s->liveness);
	facts = snapshot_facts(s);
	pool_forecast(p, &s->state, &facts, s->state.queue_count, &s->forecast);
	snapshot_fill_waiters(s);
}

/*
 * A run that started between reading the state and looking at the GPUs would appear as use without
 * a reservation. So where there is such use, the state is read once more; the newer one counts.
 */
static void snapshot_reload(struct pool *p, struct snapshot *s)
{
	struct pool_state newer = {0};
	bool suspicious = false;

	for (size_t i = 0; i < s->state.slots_count; i++)
		suspicious |= !s->state.slots[i].reservation && s->seen.use[i] == USE_BUSY;
	if (!suspicious || pool_load(p, STORE_READ, &newer, NULL) < 0)
		return;
	if (newer.slots_count == s->state.slots_count) {
		pool_state_clear(&s->state);
		s->state = newer;
	} else {
		pool_state_clear(&newer);
	}
}

/* The pool of another host: its GPUs are not those that were scanned, and what has ended there
   cannot be told from here. */
static void snapshot_of_other(const struct pool *p, struct snapshot *s)
{
	const struct machine *host = &s->state.host;
	AUTO_FREE char *problem = mem_printf("the GPUs of %s cannot be seen from this host",
					     host->name ? host->name : "another host");

	observation_clear(&s->seen);
	observe_nothing(&s->state, problem, &s->seen);
	s->warning = pool_describe_other(p, &s->state);
}

int pool_snapshot(struct pool *p, struct snapshot *ret_snapshot, struct err *e)
{
	struct snapshot s = {0};
	bool other;
	int r = pool_load(p, STORE_READ, &s.state, e);

	if (r == 0)
		r = plan_require(&s.state, e);
	if (r < 0) {
		pool_state_clear(&s.state);
		return r;
	}
	observe_gpus(&p->config, &p->observer, &s.state, NULL, &s.seen);
	other = pool_host_match(p, &s.state, &s.seen.scan) == MACHINE_OTHER;
	if (other)
		snapshot_of_other(p, &s);
	else
		snapshot_reload(p, &s);
	s.monotonic_ns = clock_monotonic_ns();
	clock_moment(&s.now_ns, &s.boot_ns);
	memcpy(s.clock, p->observer.clock, sizeof(s.clock));
	plan_rebase_state(&s.state, s.clock, s.now_ns, s.boot_ns);
	plan_policy_copy(&s.policy, &p->config.policy);
	if (!other)
		snapshot_cleanup(p, &s);
	observe_processes(&s.seen, &s.state);
	s.difference = snapshot_difference(&s.state, &s.seen);
	snapshot_fill_views(&s);
	s.look_due &= !other && pool_look_is_trusted(p, &s.seen);
	snapshot_models(&s);
	*ret_snapshot = s;
	return 0;
}
