/* What has happened; see events.h. */
#include "pool/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pool/private.h"

/* Refusals of an account that are this close are one event. So many of the newest events are looked
   at for that. */
#define REFUSALS_NS (60 * NS_PER_SECOND)
#define REFUSALS_LOOK 200

void event_list_clear(struct event_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		event_clear(&l->events[i]);
	free(l->events);
	*l = (struct event_list){0};
}

static bool is_same(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static bool has_one_of(const struct event *event, const int *gpus, size_t count)
{
	for (size_t i = 0; i < event->gpus_count; i++) {
		if (gpu_ids_have(gpus, count, event->gpus[i]))
			return true;
	}
	return false;
}

bool event_filter_takes(const struct event_filter *f, const struct event *event)
{
	if (f->some_kinds && !f->kinds[event->kind])
		return false;
	if (f->gpus && !has_one_of(event, f->gpus, f->gpus_count))
		return false;
	return !f->account || is_same(event->account, f->account) ||
	       is_same(event->user, f->account) || is_same(event->actor, f->account);
}

static void add(struct event_list *l, const struct event *event)
{
	/* Doubles: there may be a million. */
	if ((l->count & (l->count + 1)) == 0)
		l->events = mem_resize(l->events, 2 * l->count + 2, sizeof(*l->events));
	event_copy(&l->events[l->count++], event);
}

static void turn_round(struct event_list *l)
{
	for (size_t i = 0; i < l->count / 2; i++) {
		struct event first = l->events[i];

		l->events[i] = l->events[l->count - 1 - i];
		l->events[l->count - 1 - i] = first;
	}
}

int pool_events_begin(struct pool *p, int64_t since_ns, const char *after, struct err *e)
{
	const struct event_range range = {.since_ns = since_ns, .after = after};

	return store_events_begin(p->store, &range, e);
}

int pool_events_next(struct pool *p, const struct event **ret_event, struct err *e)
{
	return store_events_next(p->store, ret_event, e);
}

void pool_events_end(struct pool *p)
{
	store_events_end(p->store);
}

int pool_events(struct pool *p, const struct event_filter *filter, int64_t since_ns,
		const char *after, size_t limit, struct event_list *ret_list, struct err *e)
{
	/* With a limit from the newest on: what is older than that is not read. */
	const struct event_range range = {
		.since_ns = since_ns,
		.after = after,
		.newest_first = limit > 0,
	};
	AUTO(event_list_clear) struct event_list list = {0};
	const struct event *event;
	int r = store_events_begin(p->store, &range, e);

	while (r == 0 && (r = store_events_next(p->store, &event, e)) > 0) {
		r = 0;
		if (!*list.newest || !limit)
			memcpy(list.newest, event->id, sizeof(list.newest));
		if (!event_filter_takes(filter, event))
			continue;
		list.cut = limit && list.count == limit;
		if (list.cut)
			break;
		add(&list, event);
	}
	store_events_end(p->store);
	if (r < 0)
		return r;
	if (limit)
		turn_round(&list);
	*ret_list = list;
	list = (struct event_list){0};
	return 0;
}

int pool_events_check(struct pool *p, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = pool_load(p, STORE_READ, &state, e);

	return r < 0 ? r : plan_require(&state, e);
}

int pool_event(struct pool *p, const char *id, struct event *ret_event, struct err *e)
{
	int r = store_event_find(p->store, id, ret_event, e);

	if (r == 0)
		r = pool_events_check(p, e);
	if (r == 0)
		return err_set(e, ENOENT,
			       "there is no event %s (any more): 'canhazgpu events' lists them",
			       id);
	return r < 0 ? r : 0;
}

/* ---- refusals ---- */

/* Whether the same account was refused like that a moment ago. */
static bool was_noted(struct pool *p, const struct plan_request *request, enum event_kind kind,
		      int64_t now_ns)
{
	const struct event_range range = {.since_ns = now_ns - REFUSALS_NS, .newest_first = true};
	const struct event *event;
	bool noted = false;
	size_t seen = 0;

	if (store_events_begin(p->store, &range, NULL) < 0)
		return true;
	while (!noted && seen++ < REFUSALS_LOOK && store_events_next(p->store, &event, NULL) > 0)
		noted = event->kind == kind && is_same(event->account, request->actor.account);
	store_events_end(p->store);
	/* So much has happened in a minute that one more refusal is no news. */
	return noted || seen > REFUSALS_LOOK;
}

void pool_note_refusal(struct pool *p, struct attempt *a, const struct plan_request *request,
		       const struct err *why)
{
	const struct transaction t = {.without_events = true};
	/* By the host's rules, or for want of GPUs. */
	enum event_kind kind = why->code == EDQUOT ? EVENT_REFUSED : EVENT_REQUESTED;

	if ((why->code != EDQUOT && why->code != EBUSY) || !a->state.initialized ||
	    was_noted(p, request, kind, a->facts.now_ns))
		return;
	plan_clear(&a->plan);
	plan_add_refusal(&a->state, &a->facts, request, kind, why->text, &a->plan);
	(void)pool_commit(p, &t, a, NULL);
}

/* ---- acts ---- */

struct act {
	const struct plan_actor *actor;
	const char *reason;
};

static int decide_act(const struct pool_state *state, const struct plan_facts *facts,
		      void *argument, struct plan *plan, struct err *e)
{
	const struct act *act = argument;
	struct event *event;
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	event = plan_add_event(plan, EVENT_ADMIN, facts->now_ns);
	event->actor = (char *)(uintptr_t)act->actor->account;
	event->reason = (char *)(uintptr_t)act->reason;
	return 0;
}

void pool_note_act(struct pool *p, const struct plan_actor *actor, const char *reason)
{
	struct act act = {.actor = actor, .reason = reason};
	struct transaction t = {
		.decide = decide_act,
		.host = HOST_ANY,
		.argument = &act,
		.author = actor,
		.without_liveness = true,
	};

	(void)pool_transact(p, &t, NULL, NULL);
}
