/* Times that were taken before the clock was set; see rebase.h. */
#include "plan/rebase.h"

#include <string.h>

struct time_base plan_time_base(const struct plan_facts *facts)
{
	struct time_base base = {0};

	if (!facts->clock || !*facts->clock)
		return base;
	strncpy(base.clock, facts->clock, sizeof(base.clock) - 1);
	base.offset_ns = facts->now_ns - facts->boot_ns;
	return base;
}

/* By how much the clock was set between two offsets. Whole seconds: the two clocks are read one
   after the other, and every process must find the same number. Less than half a second is nothing.
 */
static int64_t step_ns(int64_t offset_ns, int64_t before_ns)
{
	int64_t difference_ns = offset_ns - before_ns, half_ns = NS_PER_SECOND / 2;
	int64_t seconds =
		(difference_ns + (difference_ns < 0 ? -half_ns : half_ns)) / NS_PER_SECOND;

	return seconds * NS_PER_SECOND;
}

static bool is_same_clock(const char *a, const char *b)
{
	return *a && !strcmp(a, b);
}

int64_t plan_rebase_time(int64_t time_ns, const struct time_base *from, const struct time_base *to)
{
	if (time_ns == TIME_NONE || !is_same_clock(from->clock, to->clock))
		return time_ns;
	return time_ns + step_ns(to->offset_ns, from->offset_ns);
}

/* Moves a base to the clocks of now; by how much its times move with it. */
static int64_t rebase(struct time_base *base, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns;

	if (!is_same_clock(base->clock, clock))
		return 0;
	by_ns = step_ns(now_ns - boot_ns, base->offset_ns);
	base->offset_ns += by_ns;
	return by_ns;
}

static void move(int64_t *time_ns, int64_t by_ns)
{
	if (*time_ns != TIME_NONE)
		*time_ns += by_ns;
}

/* A heartbeat, and the doubt that it ends. */
static void move_signs(int64_t *heartbeat_ns, struct doubt *doubt, int64_t by_ns)
{
	if (doubt->heartbeat_ns == *heartbeat_ns)
		move(&doubt->heartbeat_ns, by_ns);
	move(heartbeat_ns, by_ns);
	move(&doubt->wall_ns, by_ns);
}

void plan_rebase(struct reservation *r, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns = rebase(&r->base, clock, now_ns, boot_ns);

	move(&r->start_ns, by_ns);
	move(&r->expiry_ns, by_ns);
	move(&r->deadline_ns, by_ns);
	move_signs(&r->heartbeat_ns, &r->doubt, by_ns);
}

static void rebase_entry(struct queue_entry *q, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns = rebase(&q->base, clock, now_ns, boot_ns);

	move(&q->since_ns, by_ns);
	move(&q->give_up_ns, by_ns);
	move_signs(&q->heartbeat_ns, &q->doubt, by_ns);
}

static void rebase_activity(struct activity *a, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns = rebase(&a->base, clock, now_ns, boot_ns);

	move(&a->seen_ns, by_ns);
	move(&a->last_active_ns, by_ns);
	move(&a->idle_since_ns, by_ns);
}

static void rebase_mark(struct mark *m, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns = rebase(&m->base, clock, now_ns, boot_ns);

	move(&m->since_ns, by_ns);
	move(&m->seen_ns, by_ns);
	move(&m->warned_ns, by_ns);
	move(&m->acted_ns, by_ns);
}

void plan_rebase_state(struct pool_state *state, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	for (size_t i = 0; i < state->slots_count; i++)
		rebase_activity(&state->slots[i].activity, clock, now_ns, boot_ns);
	for (size_t i = 0; i < state->reservations_count; i++)
		plan_rebase(state->reservations[i], clock, now_ns, boot_ns);
	for (size_t i = 0; i < state->queue_count; i++)
		rebase_entry(&state->queue[i], clock, now_ns, boot_ns);
	for (size_t i = 0; i < state->marks_count; i++)
		rebase_mark(&state->marks[i], clock, now_ns, boot_ns);
}
