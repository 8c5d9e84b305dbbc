/* Reservations whose host's clock was set; see rebase.h. */
#include "plan/rebase.h"

#include <string.h>

/* Whole seconds: the two clocks are read one after the other, and every process must find the same
   number. Less than half a second is nothing. */
static int64_t step_ns(int64_t offset_ns, int64_t before_ns)
{
	int64_t difference_ns = offset_ns - before_ns, half_ns = NS_PER_SECOND / 2;
	int64_t seconds =
		(difference_ns + (difference_ns < 0 ? -half_ns : half_ns)) / NS_PER_SECOND;

	return seconds * NS_PER_SECOND;
}

static void move(int64_t *time_ns, int64_t by_ns)
{
	if (*time_ns != TIME_NONE)
		*time_ns += by_ns;
}

void plan_rebase(struct reservation *r, const char *clock, int64_t now_ns, int64_t boot_ns)
{
	int64_t by_ns;

	if (!*r->base.clock || strcmp(r->base.clock, clock) != 0)
		return;
	by_ns = step_ns(now_ns - boot_ns, r->base.offset_ns);
	if (!by_ns)
		return;
	r->base.offset_ns += by_ns;
	move(&r->start_ns, by_ns);
	move(&r->expiry_ns, by_ns);
	move(&r->deadline_ns, by_ns);
	if (r->doubt.heartbeat_ns == r->heartbeat_ns)
		move(&r->doubt.heartbeat_ns, by_ns);
	move(&r->heartbeat_ns, by_ns);
	move(&r->doubt.wall_ns, by_ns);
}
