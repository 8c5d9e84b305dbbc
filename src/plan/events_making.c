/* What the files of events share; see events_making.h. */
#include "plan/events_making.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

char *making_gpus(struct plan *p, const int *gpus, size_t count)
{
	AUTO_FREE char *ranges = str_join_ranges(gpus, count);

	return plan_own(p, mem_printf("GPU%s %s", str_plural(count), ranges));
}

char *making_label(struct plan *p, const char *user, const char *account)
{
	return plan_own(p, account_label(user, account));
}

bool making_is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool making_says(const struct events_making *m, enum event_kind kind, const char *reservation_id,
		 const char *queue_id)
{
	for (size_t i = 0; i < m->changes_count; i++) {
		const struct change *c = &m->plan->changes[i];
		const struct event *v = c->kind == CHANGE_EVENT ? c->event.event : NULL;

		if (v && v->kind == kind &&
		    making_is_same_text(v->reservation_id, reservation_id) &&
		    making_is_same_text(v->queue_id, queue_id))
			return true;
	}
	return false;
}

struct event *making_add(struct events_making *m, enum event_kind kind, char *reason)
{
	struct event *v = plan_add_event(m->plan, kind, m->facts->now_ns);

	v->reason = plan_own(m->plan, reason);
	if (event_kind_is_decision(kind) && !m->decision)
		m->decision = v;
	return v;
}

void making_set_subject(struct event *v, const char *account, const char *user, struct quantity uid,
			const char *actor)
{
	v->account = (char *)(uintptr_t)account;
	v->user = (char *)(uintptr_t)user;
	v->uid = uid;
	if (actor && !making_is_same_text(actor, account))
		v->actor = (char *)(uintptr_t)actor;
}

void making_set_gpus(struct event *v, const int *gpus, size_t count)
{
	v->gpus = (int *)(uintptr_t)gpus;
	v->gpus_count = count;
}
