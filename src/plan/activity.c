/* What reservations do with their GPUs; see activity.h. */
#include "plan/activity.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "plan/rebase.h"

/* A scan that is older tells nothing of now: the process that took it was stopped. */
#define SCAN_AGE_NS (60 * NS_PER_SECOND)
/* Power meters are not exact: energy counts as a sign from so much more power on, and from so long
   a time on. */
#define POWER_SHARE 8
#define POWER_SLACK_MW 5000
#define ENERGY_MIN_MS 2000

/* A driver takes a sample of the utilization in so long, at most. */
#define SAMPLE_NS NS_PER_SECOND

/* One GPU at a look, and the look before. */
struct look {
	const struct activity *before;
	const struct gpu *gpu;
	int64_t now_ns;     /* when the scan began */
	bool continues;     /* the same card and clock as at the look before */
	int64_t from_ns;    /* what is new has happened after that: the last look, or the grant */
	int64_t elapsed_ns; /* since then; 0: it says nothing of the time between */
};

static int64_t card_of(const struct gpu *gpu)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *c = gpu->uuid; c && *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	return gpu->uuid ? (int64_t)(hash >> 1) : 0;
}

static bool is_same_clock(const struct time_base *a, const char *clock)
{
	return clock && *a->clock && !strcmp(a->clock, clock);
}

static struct look begin(const struct activity *before, const struct reservation *r,
			 const struct gpu *gpu, const struct plan_facts *facts, int64_t now_ns)
{
	struct look l = {.before = before, .gpu = gpu, .now_ns = now_ns, .from_ns = now_ns};

	if (before->seen_ns == TIME_NONE) {
		if (is_same_clock(&r->base, facts->clock))
			l.from_ns = r->start_ns;
	} else if (is_same_clock(&before->base, facts->clock) && before->card == card_of(gpu)) {
		l.continues = true;
		l.from_ns = before->seen_ns;
	}
	l.elapsed_ns = now_ns - l.from_ns;
	return l;
}

static bool has_energy(const struct look *l)
{
	const struct activity *b = l->before;

	return l->continues && b->energy_mj.known && b->power_mw.known && l->gpu->power_mw.known &&
	       l->gpu->energy_mj.known && l->gpu->energy_mj.value >= b->energy_mj.value;
}

/* Whether it has taken more energy since the last look than a GPU that did nothing. */
static bool has_burnt(const struct look *l)
{
	int64_t ms = l->elapsed_ns / NS_PER_MS, power_mw, slack_mw;

	if (!has_energy(l) || ms < ENERGY_MIN_MS || ms > ACTIVITY_COUNTED_GAP_NS / NS_PER_MS)
		return false;
	power_mw = l->gpu->power_mw.value > l->before->power_mw.value ? l->gpu->power_mw.value
								      : l->before->power_mw.value;
	slack_mw =
		power_mw / POWER_SHARE > POWER_SLACK_MW ? power_mw / POWER_SHARE : POWER_SLACK_MW;
	return l->gpu->energy_mj.value - l->before->energy_mj.value >
	       (power_mw + slack_mw) * ms / 1000;
}

static bool has_changed(const struct look *l)
{
	return l->continues && l->before->memory_mb.known && l->gpu->memory_used_mb.known &&
	       l->before->memory_mb.value != l->gpu->memory_used_mb.value;
}

/* When it was last active, as far as this look shows; TIME_NONE: it shows nothing. A change has
   happened at some time since the last look: it counts as now. */
static int64_t find_sign(const struct look *l)
{
	const struct gpu *g = l->gpu;
	int64_t busy_ns;

	if ((g->utilization_percent.known && g->utilization_percent.value) || has_changed(l) ||
	    has_burnt(l))
		return l->now_ns;
	if (!g->busy_ago_ms.known)
		return TIME_NONE;
	busy_ns = l->now_ns - g->busy_ago_ms.value * NS_PER_MS;
	/* The newest sample of the last look may not have been there yet. */
	return busy_ns > l->from_ns - (l->continues ? SAMPLE_NS : 0) ? busy_ns : TIME_NONE;
}

/* Whether the two looks are near enough to tell what was between them. */
static bool is_covered(const struct look *l)
{
	int64_t limit_ns = has_energy(l) ? ACTIVITY_COUNTED_GAP_NS : ACTIVITY_GAP_NS;

	if (l->elapsed_ns <= 0)
		return false;
	return l->elapsed_ns <= limit_ns ||
	       (l->gpu->samples_ms.known &&
		l->gpu->samples_ms.value >= l->elapsed_ns / NS_PER_MS + 1);
}

static struct activity look(const struct look *l, const struct plan_facts *facts)
{
	struct activity a = *l->before;
	int64_t sign_ns = find_sign(l);
	bool covered = is_covered(l);

	if (sign_ns != TIME_NONE) {
		a.last_active_ns = sign_ns;
		a.idle_since_ns = TIME_NONE;
		a.active_ns += covered ? l->elapsed_ns : 0;
	} else if (l->gpu->utilization_percent.known) {
		if (!covered || a.idle_since_ns == TIME_NONE)
			a.idle_since_ns = l->now_ns;
		a.idle_ns += covered ? l->elapsed_ns : 0;
	} else {
		a.idle_since_ns = TIME_NONE;
	}
	a.seen_ns = l->now_ns;
	a.memory_mb = l->gpu->memory_used_mb;
	a.power_mw = l->gpu->power_mw;
	a.energy_mj = l->gpu->energy_mj;
	a.card = card_of(l->gpu);
	a.base = plan_time_base(facts);
	return a;
}

enum activity_state plan_activity(const struct activity *a, int64_t now_ns, int64_t *ret_since_ns)
{
	*ret_since_ns = TIME_NONE;
	if (a->seen_ns == TIME_NONE || now_ns - a->seen_ns > ACTIVITY_GAP_NS ||
	    a->seen_ns - now_ns > ACTIVITY_GAP_NS)
		return ACTIVITY_UNKNOWN;
	if (a->idle_since_ns != TIME_NONE) {
		*ret_since_ns = a->idle_since_ns;
		return ACTIVITY_IDLE;
	}
	return a->last_active_ns != TIME_NONE && a->seen_ns - a->last_active_ns <= ACTIVITY_GAP_NS
		       ? ACTIVITY_ACTIVE
		       : ACTIVITY_UNKNOWN;
}

static void add_event(struct plan *p, const struct slot *slot, enum event_kind kind, int64_t now_ns,
		      int64_t idle_ns)
{
	const struct reservation *r = slot->reservation;
	struct event *e = plan_add_event(p, kind, now_ns);
	char idle[CLOCK_DURATION_SIZE];

	clock_duration(idle_ns, idle);
	e->account = r->account;
	e->user = r->user;
	e->uid = r->uid;
	e->gpus = plan_own(p, mem_alloc(1, sizeof(int)));
	e->gpus[0] = slot->id;
	e->gpus_count = 1;
	e->reservation_id = (char *)(uintptr_t)r->id;
	if (kind == EVENT_IDLE)
		e->reason = mem_printf("GPU %d has done nothing for %s", slot->id, idle);
	else if (idle_ns > 0)
		e->reason = mem_printf("GPU %d is used again, after %s", slot->id, idle);
	else
		e->reason = mem_printf("GPU %d is used again", slot->id);
	plan_own(p, e->reason);
}

/* Says once that it has become idle, and that it is used again. */
static void tell(struct plan *p, const struct slot *slot, const struct plan_facts *facts,
		 struct activity *a)
{
	const struct activity *before = &slot->activity;
	int64_t limit_ns = facts->policy && facts->policy->idle_after_ns
				   ? facts->policy->idle_after_ns
				   : ACTIVITY_IDLE_NS;
	bool idle = a->idle_since_ns != TIME_NONE;

	if (!before->told_idle && idle && a->seen_ns - a->idle_since_ns >= limit_ns) {
		a->told_idle = true;
		add_event(p, slot, EVENT_IDLE, facts->now_ns, a->seen_ns - a->idle_since_ns);
	} else if (before->told_idle && !idle && a->last_active_ns != before->last_active_ns) {
		a->told_idle = false;
		add_event(p, slot, EVENT_ACTIVE, facts->now_ns,
			  before->idle_since_ns == TIME_NONE
				  ? 0
				  : a->last_active_ns - before->idle_since_ns);
	}
}

/* Whether a look is recorded: it is time, or the next one would not see what it has seen. */
static bool is_due(const struct activity *before, const struct look *l, const struct activity *a)
{
	return !l->continues || l->elapsed_ns >= ACTIVITY_LOOK_NS ||
	       a->told_idle != before->told_idle ||
	       (before->idle_since_ns != TIME_NONE && a->idle_since_ns == TIME_NONE);
}

static struct activity look_at_slot(const struct slot *slot, const struct plan_facts *facts,
				    const struct gpu *gpu, int64_t taken_ns, struct plan *p)
{
	const struct activity *before = &slot->activity;
	struct look l = begin(before, slot->reservation, gpu, facts, taken_ns);
	struct activity a;

	/* The same scan, or one from before the reservation: it shows what was known, or another's
	   use. */
	if ((l.continues || before->seen_ns == TIME_NONE) && l.elapsed_ns < 0)
		return *before;
	if (l.continues && !l.elapsed_ns)
		return *before;
	a = look(&l, facts);
	tell(p, slot, facts, &a);
	if (is_due(before, &l, &a))
		plan_put_activity(p, slot, &a);
	return a;
}

/* Nobody is expected to use what is only collected; a reservation of another program has no id to
   keep it by. */
static bool is_watched(const struct reservation *r)
{
	return r && !r->queue_id && *r->id;
}

bool plan_look_is_due(const struct pool_state *state, const struct plan_facts *facts)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct activity *a = &state->slots[i].activity;

		if (is_watched(state->slots[i].reservation) &&
		    (a->seen_ns == TIME_NONE || !is_same_clock(&a->base, facts->clock) ||
		     facts->now_ns - a->seen_ns >= ACTIVITY_LOOK_NS))
			return true;
	}
	return false;
}

void plan_look(const struct pool_state *state, const struct plan_facts *facts,
	       struct gpu *const *gpus, int64_t taken_ns, struct plan *p, struct activity *ret)
{
	int64_t age_ns = facts->now_ns - taken_ns;

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];
		struct activity a = slot->activity;

		if (gpus && gpus[i] && is_watched(slot->reservation) && age_ns >= 0 &&
		    age_ns <= SCAN_AGE_NS && !plan_ends(p, slot->reservation, slot->id))
			a = look_at_slot(slot, facts, gpus[i], taken_ns, p);
		if (ret)
			ret[i] = a;
	}
}
