/* Holders and GPUs as this host sees them; see observe.h. */
#include "pool/observe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/proc.h"
#include "host/process.h"
#include "pool/private.h"

char *pool_host_label(void)
{
	AUTO_FREE char *name = host_name(), *namespace = host_pid_namespace();

	return namespace ? mem_printf("%s/%s", name, namespace) : mem_steal(&name);
}

void observer_init(struct observer *o)
{
	o->host = pool_host_label();
	o->boot_id = host_boot_id();
	host_clock_name(o->boot_id, o->clock);
	o->own_pids = strchr(o->host, '/') != NULL;
}

void observer_clear(struct observer *o)
{
	free(o->host);
	free(o->boot_id);
	*o = (struct observer){0};
}

/* The pid namespace in a host's label; "": the first one. */
static const char *label_namespace(const char *label)
{
	const char *slash = strrchr(label, '/');

	return slash ? slash : "";
}

bool observer_is_here(const struct observer *o, const struct holder *h)
{
	return h->host && h->boot_id && o->boot_id && !strcmp(h->boot_id, o->boot_id) &&
	       !strcmp(label_namespace(h->host), label_namespace(o->host));
}

bool observer_sees(const struct observer *o, const struct holder *h)
{
	if (!h->host || !h->boot_id || !h->command.pid || !o->boot_id)
		return false;
	return observer_is_here(o, h) ||
	       (strcmp(h->boot_id, o->boot_id) != 0 && !strcmp(h->host, o->host));
}

enum holder_life observe_life(const struct observer *o, const struct reservation *r)
{
	const struct holder *h = &r->holder;
	enum host_life command, supervisor;

	if (r->type == RESERVATION_MANUAL || !observer_sees(o, h))
		return HOLDER_OUT_OF_SIGHT;
	if (strcmp(h->boot_id, o->boot_id) != 0)
		return HOLDER_GONE;
	command = host_process_life(&h->command);
	supervisor = command == HOST_GONE ? host_process_life(&h->supervisor) : HOST_GONE;
	if (command == HOST_ALIVE)
		return HOLDER_ALIVE;
	if (command == HOST_HIDDEN || supervisor == HOST_HIDDEN)
		return HOLDER_OUT_OF_SIGHT;
	if (supervisor == HOST_GONE)
		return HOLDER_GONE;
	return host_process_is_stopped(&h->supervisor) ? HOLDER_STOPPED : HOLDER_ENDING;
}

bool *observe_ignored(const struct observer *o, const struct pool_state *state)
{
	bool *is_alive = mem_alloc(state->ignored_count, sizeof(*is_alive));

	for (size_t i = 0; i < state->ignored_count; i++) {
		const struct holder *h = &state->ignored[i].holder;

		/* Where /proc hides other accounts' processes, the pid has to do. */
		is_alive[i] = observer_sees(o, h) && !strcmp(h->boot_id, o->boot_id) &&
			      host_process_life(&h->command) != HOST_GONE;
	}
	return is_alive;
}

enum holder_life observe_waiter(const struct observer *o, const struct queue_entry *q)
{
	const struct process_ref *waiter = &q->holder.command;
	struct process_info info;

	if (!observer_sees(o, &q->holder))
		return HOLDER_OUT_OF_SIGHT;
	if (strcmp(q->holder.boot_id, o->boot_id) != 0)
		return HOLDER_GONE;
	/* Hundreds may wait: one read for each, unless there is a doubt. */
	if (host_process_stat(waiter->pid, &info) == 0 && info.start_ticks == waiter->start_ticks &&
	    !host_state_is_gone(info.state))
		return host_state_is_stopped(info.state) ? HOLDER_STOPPED : HOLDER_ALIVE;
	return host_process_life(waiter) == HOST_GONE ? HOLDER_GONE : HOLDER_OUT_OF_SIGHT;
}

void observe_liveness(const struct observer *o, const struct pool_state *state,
		      struct liveness *ret_liveness)
{
	ret_liveness->holders = mem_alloc(state->reservations_count, sizeof(enum holder_life));
	for (size_t i = 0; i < state->reservations_count; i++)
		ret_liveness->holders[i] = observe_life(o, state->reservations[i]);
	ret_liveness->waiting = mem_alloc(state->queue_count, sizeof(enum holder_life));
	for (size_t i = 0; i < state->queue_count; i++)
		ret_liveness->waiting[i] = observe_waiter(o, &state->queue[i]);
}

void liveness_clear(struct liveness *l)
{
	free(l->holders);
	free(l->waiting);
	*l = (struct liveness){0};
}

struct plan_facts observe_facts(const struct observer *o, const struct liveness *l,
				const struct plan_policy *policy)
{
	struct plan_facts facts = {
		.clock = o->clock,
		.monotonic_ns = clock_monotonic_ns(),
		.life = l->holders,
		.waiting = l->waiting,
		.policy = policy,
	};

	clock_moment(&facts.now_ns, &facts.boot_ns);
	return facts;
}

/* Whether nothing tells for certain which GPU a slot is, or what programs call it. */
static bool is_missing(const struct observation *o, const struct pool_state *state, size_t i)
{
	if (o->problem)
		return !state->slots[i].uuid && !gpu_is_simulated(state->provider);
	return !o->gpus[i] || !o->gpus[i]->visible;
}

/* Says why the use of a slot is unknown, or why it is of none. */
static char *observe_reason(const struct observation *o, size_t i)
{
	const struct gpu *gpu = o->gpus[i];

	if (o->problem)
		return mem_strdup(o->problem);
	if (gpu && gpu->health == HEALTH_FAULTY && gpu->health_reason)
		return mem_strdup(gpu->health_reason);
	if (gpu && gpu->problem)
		return mem_strdup(gpu->problem);
	if (o->use[i] == USE_MISSING)
		return mem_printf("programs cannot select it for certain%s%s%s",
				  o->scan.no_ordinals ? " by its number (" : "",
				  o->scan.no_ordinals ? o->scan.no_ordinals : "",
				  o->scan.no_ordinals ? ")" : "");
	return mem_strdup("the driver does not report how much memory is used");
}

/* Why a GPU cannot be taken, as others read it. */
static char *observe_use_reason(const struct observation *o, size_t i, int64_t threshold_mb)
{
	const struct gpu *gpu = o->gpus[i];

	if (o->use[i] == USE_IDLE)
		return NULL;
	if (o->use[i] == USE_FAULTY)
		return mem_printf("cannot be used: %s", o->problems[i]);
	if (o->use[i] >= USE_UNKNOWN)
		return mem_printf("cannot be read by it: %s", o->problems[i]);
	if (!gpu->memory_used_mb.known)
		return mem_strdup("is in use");
	return mem_printf("uses %" PRId64 " MB, more than its memory.threshold of %" PRId64 " MB",
			  gpu->memory_used_mb.value, threshold_mb);
}

static void begin_observation(struct observation *o, const struct pool_state *state)
{
	*o = (struct observation){.taken_ns = clock_now_ns(), .count = state->slots_count};
	o->gpus = mem_alloc(o->count, sizeof(struct gpu *));
	o->problems = mem_alloc(o->count, sizeof(char *));
	o->use = mem_alloc(o->count, sizeof(*o->use));
	o->reasons = mem_alloc(o->count, sizeof(char *));
}

void observe_nothing(const struct pool_state *state, const char *problem, struct observation *o)
{
	begin_observation(o, state);
	o->ignored = mem_alloc(state->ignored_count, sizeof(*o->ignored));
	o->problem = mem_strdup(problem);
	for (size_t i = 0; i < o->count; i++) {
		o->use[i] = USE_UNKNOWN;
		o->problems[i] = observe_reason(o, i);
	}
}

/*
 * When GPUs last changed hands. A scan from before does not show what an old holder has left
 * behind: a GPU that was idle then may not be handed out now. Nor does it show what a new one uses,
 * which matters to people, but not to a decision.
 */
static int64_t last_change_ns(const struct pool_state *state, bool for_grant)
{
	int64_t last_ns = TIME_NONE;

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		if (slot->last_released_ns > last_ns)
			last_ns = slot->last_released_ns;
		if (!for_grant && slot->reservation && slot->reservation->start_ns > last_ns)
			last_ns = slot->reservation->start_ns;
	}
	return last_ns;
}

static struct gpu_options scan_options(const struct pool_config *config,
				       const struct observer *observer,
				       const struct pool_state *state, const struct scan_wish *wish)
{
	struct gpu_options options = pool_gpu_options_of(config, state);

	options.since_ns = last_change_ns(state, wish && wish->for_grant);
	options.fresh = observer->fresh || (wish && wish->fresh);
	if (wish) {
		int limit_ms = options.timeout_ms > 0 ? options.timeout_ms : GPU_SCAN_TIMEOUT_MS;
		int64_t left_ms = (wish->deadline_ns - clock_monotonic_ns()) / NS_PER_MS + 1;

		options.interrupt_fd = wish->interrupt_fd;
		if (wish->deadline_ns && left_ms < limit_ms)
			options.timeout_ms = left_ms > 1 ? (int)left_ms : 1;
	}
	return options;
}

/* What each slot means in the scan, and how it counts. */
static void judge(const struct pool_config *config, const struct pool_state *state,
		  struct observation *o)
{
	if (!o->problem)
		plan_match_gpus(state, &o->scan, MATCH_CERTAIN, o->gpus, o->problems);
	for (size_t i = 0; i < o->count; i++) {
		if (o->gpus[i] && !o->foreign_pids)
			plan_forgive(o->gpus[i], state->ignored, o->ignored, state->ignored_count);
		o->use[i] = plan_gpu_use(o->gpus[i], config->memory_threshold_mb);
		if (o->use[i] != USE_FAULTY && is_missing(o, state, i))
			o->use[i] = USE_MISSING;
		if (o->use[i] >= USE_UNKNOWN && !o->problems[i])
			o->problems[i] = observe_reason(o, i);
		o->reasons[i] = observe_use_reason(o, i, config->memory_threshold_mb);
	}
}

void observe_scan(const struct pool_config *config, const struct pool_state *state,
		  struct scan *scan, struct observation *o)
{
	begin_observation(o, state);
	o->ignored = mem_alloc(state->ignored_count, sizeof(*o->ignored));
	o->scan = *scan;
	*scan = (struct scan){0};
	judge(config, state, o);
}

void observe_gpus(const struct pool_config *config, const struct observer *observer,
		  const struct pool_state *state, const struct scan_wish *wish,
		  struct observation *o)
{
	struct gpu_options options = scan_options(config, observer, state, wish);
	struct err e = {0};

	begin_observation(o, state);
	if (gpu_scan(&options, &o->scan, &e) < 0)
		o->problem = mem_strdup(e.text);
	else
		o->taken_ns = o->scan.begun_ns;
	/* Drivers count as the first pid namespace does. */
	o->foreign_pids = observer->own_pids && !gpu_is_simulated(state->provider);
	o->ignored = observe_ignored(observer, state);
	judge(config, state, o);
}

void observation_clear(struct observation *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->problems[i]);
	for (size_t i = 0; o->reasons && i < o->count; i++)
		free(o->reasons[i]);
	free(o->problems);
	free(o->reasons);
	free(o->gpus);
	free(o->use);
	free(o->ignored);
	free(o->problem);
	scan_clear(&o->scan);
	*o = (struct observation){0};
}
