/* Which reservations have ended, and which seem to have; see ended.h. */
#include "plan/ended.h"

#include "plan/doubt.h"

int64_t plan_last_heartbeat_ns(const struct reservation *r, int64_t now_ns)
{
	if (r->start_ns > now_ns && r->heartbeat_ns != TIME_NONE)
		return r->heartbeat_ns;
	return r->heartbeat_ns > r->start_ns ? r->heartbeat_ns : r->start_ns;
}

int64_t plan_silence_limit_ns(enum holder_life life)
{
	switch (life) {
	case HOLDER_OUT_OF_SIGHT:
		return HEARTBEAT_LIMIT_NS;
	case HOLDER_ENDING:
		return HEARTBEAT_INTERVAL_NS;
	default:
		return INT64_MAX;
	}
}

static bool is_silent(const struct reservation *r, enum holder_life life, int64_t now_ns)
{
	return r->type == RESERVATION_RUN && plan_is_silent(plan_last_heartbeat_ns(r, now_ns),
							    plan_silence_limit_ns(life), now_ns);
}

/* One that names no host is of another program, which ends it when it is silent. */
static bool is_confirmed(const struct reservation *r, const struct plan_facts *facts)
{
	return !r->holder.host ||
	       plan_is_confirmed(&r->doubt, r->heartbeat_ns, HEARTBEAT_INTERVAL_NS, facts);
}

bool plan_is_suspect(const struct reservation *r, enum holder_life life,
		     const struct plan_facts *facts, bool *ret_doubted)
{
	*ret_doubted = plan_is_doubted(&r->doubt, r->heartbeat_ns, facts);
	return is_silent(r, life, facts->now_ns) && !is_confirmed(r, facts);
}

bool plan_has_ended(const struct reservation *r, enum holder_life life,
		    const struct plan_facts *facts, enum end_reason *ret_reason,
		    int64_t *ret_end_ns)
{
	int64_t now_ns = facts->now_ns, heartbeat_ns = plan_last_heartbeat_ns(r, now_ns);
	bool stale = is_silent(r, life, now_ns) && is_confirmed(r, facts);

	if (r->type == RESERVATION_MANUAL) {
		if (r->expiry_ns == TIME_NONE || now_ns < r->expiry_ns)
			return false;
		*ret_reason = END_EXPIRED;
		*ret_end_ns = r->expiry_ns;
		return true;
	}
	if (life == HOLDER_GONE || life == HOLDER_STOPPED || (life == HOLDER_ENDING && stale)) {
		/* It ended between its last heartbeat and now; nobody saw when. A heartbeat follows
		   every HEARTBEAT_INTERVAL_NS, so it is not charged for more than that. */
		*ret_reason = END_HOLDER_DIED;
		*ret_end_ns = now_ns - heartbeat_ns < HEARTBEAT_INTERVAL_NS
				      ? now_ns
				      : heartbeat_ns + HEARTBEAT_INTERVAL_NS;
		return true;
	}
	if (stale) {
		*ret_reason = END_STALE;
		*ret_end_ns = heartbeat_ns < now_ns ? heartbeat_ns : now_ns;
		return true;
	}
	return false;
}
