/* The decisions about refreshes; see refresh_step.h. */
#include "web/refresh_step.h"

#include "base/clock.h"

/* A change is told this long after it was noticed, even if reading the pool takes longer. */
#define TELL_NS (50 * NS_PER_MS)
/* Changes that follow each other this fast are told together. */
#define GATHER_NS (40 * NS_PER_MS)

/* A refresh with a driver that hangs takes this long at most, as a rule; for so much longer than
   the interval the documents before it are still good. */
#define SLOW_NS (6 * NS_PER_SECOND)

/* A request right after a change gets the state after it, if that does not take longer than this.
 */
#define FRESH_NS (300 * NS_PER_MS)
#define WAIT_NS (35 * NS_PER_SECOND)

/* After a refresh that could not begin. */
#define RETRY_NS (NS_PER_SECOND / 4)

void refresh_state_init(struct refresh_state *s, int64_t interval_ns)
{
	*s = (struct refresh_state){
		.interval_ns = interval_ns,
		.asked_ns = INT64_MIN / 2,
		.tell_ns = INT64_MAX,
	};
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How long a request has to wait for a newer document; 0: the present one is good. */
static int64_t wait_ns(const struct refresh_state *s, int64_t now_ns)
{
	int64_t age_ns = now_ns - s->shown_ns;

	if (!s->shown || age_ns > 2 * s->interval_ns + SLOW_NS)
		return WAIT_NS;
	if (s->changed || (s->busy && s->tell_ns != INT64_MAX))
		return FRESH_NS;
	return age_ns <= 2 * s->interval_ns || s->busy ? 0 : WAIT_NS;
}

/* Tells the streams at a time, or a moment later if they have just been told. */
static void tell_at(struct refresh_state *s, int64_t time_ns)
{
	if (time_ns < s->told_ns + GATHER_NS)
		time_ns = s->told_ns + GATHER_NS;
	s->tell_ns = earlier(s->tell_ns, time_ns);
}

/* When the next refresh is due: now or earlier, later, or not at all. */
static int64_t due_ns(const struct refresh_state *s, const struct refresh_event *event,
		      int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;

	if (event->watched || now_ns - s->asked_ns <= s->interval_ns)
		next_ns = s->changed ? now_ns : s->begun_ns + s->interval_ns;
	if (event->awaited)
		next_ns = now_ns;
	return next_ns < s->resume_ns ? s->resume_ns : next_ns;
}

static void on_request(struct refresh_state *s, const struct refresh_event *event, int64_t now_ns,
		       struct refresh_action *action)
{
	s->asked_ns = now_ns;
	action->wait_ns = event->waited ? 0 : wait_ns(s, now_ns);
}

static void on_tick(struct refresh_state *s, const struct refresh_event *event, int64_t now_ns,
		    struct refresh_action *action)
{
	int64_t next_ns;

	if (now_ns >= s->tell_ns) {
		s->tell_ns = INT64_MAX;
		s->told_ns = now_ns;
		action->tell = true;
	}
	action->next_ns = s->tell_ns;
	if (s->busy)
		return;
	next_ns = due_ns(s, event, now_ns);
	action->begin = now_ns >= next_ns;
	action->next_ns = earlier(s->tell_ns, action->begin ? now_ns + RETRY_NS : next_ns);
}

static void on_begin(struct refresh_state *s, int64_t now_ns, struct refresh_action *action)
{
	s->busy = true;
	s->begun_ns = now_ns;
	s->changed = false;
	action->next_ns = s->tell_ns; /* its end comes first */
}

static void on_end(struct refresh_state *s, const struct refresh_event *event, int64_t now_ns,
		   struct refresh_action *action)
{
	bool different =
		!s->shown || s->failed != event->failed || s->fingerprint != event->fingerprint;

	s->busy = false;
	s->shown = true;
	s->shown_ns = s->begun_ns;
	s->failed = event->failed;
	s->fingerprint = event->fingerprint;
	/* Where reading the pool is slow, no more than half of the time goes into it. */
	s->resume_ns = 2 * now_ns - s->begun_ns;
	/* A change that came meanwhile is told by the next one, and requests that came after it
	   wait for that. */
	if (different || (s->tell_ns != INT64_MAX && !s->changed))
		tell_at(s, now_ns);
	action->wake_ns = s->changed ? s->begun_ns : INT64_MAX;
}

struct refresh_action refresh_step(struct refresh_state *s, const struct refresh_event *event,
				   int64_t now_ns)
{
	struct refresh_action action = {.next_ns = INT64_MAX};

	switch (event->kind) {
	case REFRESH_REQUEST:
		on_request(s, event, now_ns, &action);
		break;
	case REFRESH_CHANGE:
		s->changed = true;
		tell_at(s, now_ns + TELL_NS);
		break;
	case REFRESH_TICK:
		on_tick(s, event, now_ns, &action);
		break;
	case REFRESH_BEGIN:
		on_begin(s, now_ns, &action);
		break;
	case REFRESH_END:
		on_end(s, event, now_ns, &action);
		break;
	}
	return action;
}
