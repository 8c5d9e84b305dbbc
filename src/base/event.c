/* What has happened to a pool; see event.h. */
#include "base/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	bool told, decision;
} kinds[EVENT_KINDS] = {
	[EVENT_REQUESTED] = {"requested", false, false},
	[EVENT_QUEUED] = {"queued", false, true},
	[EVENT_GRANTED] = {"granted", true, true},
	[EVENT_COLLECTED] = {"collected", false, true},
	[EVENT_LEFT] = {"left", false, false},
	[EVENT_RELEASED] = {"released", true, false},
	[EVENT_EXPIRING] = {"expiring", true, false},
	[EVENT_EXPIRED] = {"expired", true, false},
	[EVENT_EXTENDED] = {"extended", false, false},
	[EVENT_IDLE] = {"idle", false, false},
	[EVENT_ACTIVE] = {"active", false, false},
	[EVENT_UNRESERVED_BEGUN] = {"unreserved-begun", false, false},
	[EVENT_UNRESERVED_ENDED] = {"unreserved-ended", false, false},
	[EVENT_DRAINED] = {"drained", false, false},
	[EVENT_UNDRAINED] = {"undrained", false, false},
	[EVENT_SICK] = {"sick", true, false},
	[EVENT_WELL] = {"well", false, false},
	[EVENT_REFUSED] = {"refused", false, true},
	[EVENT_ADMIN] = {"admin", false, false},
	[EVENT_WARNED] = {"warned", true, false},
	[EVENT_STOPPED] = {"stopped", true, true},
};

const char *event_kind_name(enum event_kind kind)
{
	return kinds[kind].name;
}

bool event_kind_parse(const char *name, enum event_kind *ret_kind)
{
	for (int i = 0; name && i < EVENT_KINDS; i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		*ret_kind = (enum event_kind)i;
		return true;
	}
	return false;
}

bool event_kind_is_told(enum event_kind kind)
{
	return kinds[kind].told;
}

bool event_kind_is_decision(enum event_kind kind)
{
	return kinds[kind].decision;
}

void event_clear(struct event *e)
{
	free(e->account);
	free(e->user);
	free(e->actor);
	free(e->gpus);
	free(e->reservation_id);
	free(e->queue_id);
	free(e->reason);
	free(e->details);
	free(e->before);
	*e = (struct event){0};
}

void event_copy(struct event *to, const struct event *from)
{
	*to = *from;
	to->account = mem_strdup(from->account);
	to->user = mem_strdup(from->user);
	to->actor = mem_strdup(from->actor);
	to->gpus = mem_alloc(from->gpus_count, sizeof(*to->gpus));
	if (from->gpus_count)
		memcpy(to->gpus, from->gpus, from->gpus_count * sizeof(*to->gpus));
	to->reservation_id = mem_strdup(from->reservation_id);
	to->queue_id = mem_strdup(from->queue_id);
	to->reason = mem_strdup(from->reason);
	to->details = mem_strdup(from->details);
	to->before = mem_strdup(from->before);
}
