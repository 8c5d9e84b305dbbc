/* How another host is followed, decided without I/O; see follow_step.h. */
#include "remote/follow_step.h"

void follow_state_init(struct follow_state *s, int64_t limit_ns)
{
	*s = (struct follow_state){.limit_ns = limit_ns};
}

static int64_t pause_ns(unsigned failures, double random)
{
	int64_t pause = FOLLOW_PAUSE_LEAST_NS;

	while (failures-- > 1 && pause < FOLLOW_PAUSE_MOST_NS)
		pause *= 2;
	if (pause > FOLLOW_PAUSE_MOST_NS)
		pause = FOLLOW_PAUSE_MOST_NS;
	return (int64_t)((double)pause * (0.8 + random * 0.4));
}

/* A server that is restarted is back at the next attempt: it is away only if that fails, too. */
static struct follow_action fail(struct follow_state *s, double random, int64_t now_ns)
{
	if (++s->failures >= 2 || s->status != FOLLOW_UP)
		s->status = FOLLOW_AWAY;
	s->stream = FOLLOW_CLOSED;
	s->fetching = s->changed = false;
	s->next_ns = now_ns + pause_ns(s->failures, random);
	return (struct follow_action){.close = true};
}

static struct follow_action rest(struct follow_state *s)
{
	follow_state_init(s, s->limit_ns);
	return (struct follow_action){.close = true};
}

/* Documents that are due; INT64_MAX while one is on its way, or nothing has changed. */
static int64_t due_ns(const struct follow_state *s)
{
	int64_t due = s->changed                   ? s->next_ns
		      : s->stream == FOLLOW_POLLED ? s->begun_ns + FOLLOW_POLL_NS
						   : INT64_MAX;

	return s->fetching ? INT64_MAX : due;
}

/* When a stream has been silent for too long, INT64_MAX: there is none. */
static int64_t silent_ns(const struct follow_state *s)
{
	if (s->stream == FOLLOW_OPENING)
		return s->heard_ns + s->limit_ns;
	return s->stream == FOLLOW_OPEN ? s->heard_ns + FOLLOW_SILENCE_NS : INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct follow_action tick(struct follow_state *s, const struct follow_event *event,
				 int64_t now_ns)
{
	struct follow_action action = {.next_ns = INT64_MAX};
	bool was_opening = s->stream == FOLLOW_OPENING;

	if (!s->wanted)
		return action;
	if (now_ns >= silent_ns(s)) {
		action = fail(s, event->random, now_ns);
		action.problem = was_opening ? "no answer" : "its event stream is silent";
	}
	if (s->stream == FOLLOW_CLOSED && now_ns >= s->next_ns) {
		s->stream = FOLLOW_OPENING;
		s->heard_ns = now_ns;
		action.open = true;
	}
	if (now_ns >= due_ns(s)) {
		s->fetching = action.fetch = true;
		s->changed = false;
		s->begun_ns = now_ns;
	}
	action.next_ns = s->stream == FOLLOW_CLOSED ? s->next_ns : earlier(due_ns(s), silent_ns(s));
	return action;
}

struct follow_action follow_step(struct follow_state *s, const struct follow_event *event,
				 int64_t now_ns)
{
	switch (event->kind) {
	case FOLLOW_WANT:
		s->wanted = true;
		break;
	case FOLLOW_REST:
		return rest(s);
	case FOLLOW_STREAM_BEGINS:
	case FOLLOW_STREAM_MISSING:
		s->stream = event->kind == FOLLOW_STREAM_BEGINS ? FOLLOW_OPEN : FOLLOW_POLLED;
		s->heard_ns = now_ns;
		s->changed = true;
		break;
	case FOLLOW_CHANGE:
		s->changed = true;
		s->heard_ns = now_ns;
		break;
	case FOLLOW_HEARD:
		s->heard_ns = now_ns;
		break;
	case FOLLOW_FETCHED:
		s->fetching = false;
		s->status = FOLLOW_UP;
		s->failures = 0;
		s->next_ns = s->begun_ns + FOLLOW_GAP_NS;
		if (s->next_ns < now_ns + event->cost_ns * FOLLOW_SHARE)
			s->next_ns = now_ns + event->cost_ns * FOLLOW_SHARE;
		break;
	case FOLLOW_FAILED:
		return fail(s, event->random, now_ns);
	case FOLLOW_TICK:
		return tick(s, event, now_ns);
	}
	return (struct follow_action){0};
}
