/* Holders that seem to be silent; see doubt.h. */
#include "plan/doubt.h"

#include <string.h>

/* How long a doubt of another host, or of the boot before, is left alone. */
#define DOUBT_OF_OTHERS_NS HEARTBEAT_LIMIT_NS

bool plan_is_silent(int64_t heartbeat_ns, int64_t limit_ns, int64_t now_ns)
{
	return now_ns - heartbeat_ns > limit_ns || heartbeat_ns - now_ns > limit_ns;
}

static bool is_same_clock(const struct doubt *d, const struct plan_facts *facts)
{
	return !strcmp(d->clock, facts->clock ? facts->clock : "");
}

/* The time since the first look, without that in which the host was suspended: nobody can renew
   then. Between the clocks of two hosts, or across a boot, it is a guess. */
static int64_t elapsed_ns(const struct doubt *d, const struct plan_facts *facts)
{
	return is_same_clock(d, facts) ? facts->monotonic_ns - d->monotonic_ns
				       : facts->now_ns - d->wall_ns;
}

bool plan_is_doubted(const struct doubt *d, int64_t heartbeat_ns, const struct plan_facts *facts)
{
	if (d->wall_ns == TIME_NONE || d->heartbeat_ns != heartbeat_ns || elapsed_ns(d, facts) < 0)
		return false;
	return is_same_clock(d, facts) || elapsed_ns(d, facts) < DOUBT_OF_OTHERS_NS;
}

bool plan_is_confirmed(const struct doubt *d, int64_t heartbeat_ns, int64_t interval_ns,
		       const struct plan_facts *facts)
{
	return is_same_clock(d, facts) && plan_is_doubted(d, heartbeat_ns, facts) &&
	       elapsed_ns(d, facts) >= interval_ns + DOUBT_SLACK_NS;
}

int64_t plan_doubt_left_ns(const struct doubt *d, int64_t interval_ns,
			   const struct plan_facts *facts)
{
	int64_t pause_ns =
		is_same_clock(d, facts) ? interval_ns + DOUBT_SLACK_NS : DOUBT_OF_OTHERS_NS;

	return pause_ns - elapsed_ns(d, facts);
}

struct doubt plan_doubt(int64_t heartbeat_ns, const struct plan_facts *facts)
{
	struct doubt d = {
		.heartbeat_ns = heartbeat_ns,
		.wall_ns = facts->now_ns,
		.monotonic_ns = facts->monotonic_ns,
	};

	if (facts->clock)
		strncpy(d.clock, facts->clock, sizeof(d.clock) - 1);
	return d;
}
