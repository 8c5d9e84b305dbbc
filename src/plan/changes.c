/* What a plan consists of: changes, and what they point to. See changes.h. */
#include "plan/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/rebase.h"

/* ---- the plan ---- */

void plan_clear(struct plan *p)
{
	reservation_free(p->granted);
	reservation_free(p->collected);
	for (size_t i = 0; i < p->owned_count; i++)
		free(p->owned[i]);
	free(p->owned);
	free(p->changes);
	free(p->affected_gpus);
	free(p->extended);
	*p = (struct plan){0};
}

struct change *plan_add(struct plan *p, enum change_kind kind)
{
	struct change *c;

	p->changes = mem_resize(p->changes, p->changes_count + 1, sizeof(*p->changes));
	c = &p->changes[p->changes_count++];
	*c = (struct change){.kind = kind};
	return c;
}

void *plan_own(struct plan *p, void *memory)
{
	p->owned = mem_resize(p->owned, p->owned_count + 1, sizeof(*p->owned));
	p->owned[p->owned_count++] = memory;
	return memory;
}

void plan_note_affected(struct plan *p, int id)
{
	p->affected_gpus =
		mem_resize(p->affected_gpus, p->affected_gpus_count + 1, sizeof(*p->affected_gpus));
	p->affected_gpus[p->affected_gpus_count++] = id;
	gpu_ids_sort(p->affected_gpus, p->affected_gpus_count);
}

/* ---- reservations ---- */

static struct reservation *make_reservation(const struct plan_request *request, const char *id,
					    const struct plan_facts *facts)
{
	struct reservation *r = reservation_new();
	int64_t now_ns = facts->now_ns;

	memcpy(r->id, id, ID_SIZE);
	r->user = mem_strdup(request->user ? request->user : request->actor.account);
	r->account = mem_strdup(request->actor.account);
	r->uid = quantity_of((int64_t)request->actor.uid);
	r->type = request->type;
	r->start_ns = now_ns;
	r->note = mem_strdup(request->note);
	r->base = plan_time_base(facts);
	if (request->type == RESERVATION_MANUAL) {
		r->expiry_ns = now_ns + request->duration_ns;
	} else {
		r->heartbeat_ns = now_ns;
		r->deadline_ns = request->duration_ns ? now_ns + request->duration_ns : TIME_NONE;
		holder_copy(&r->holder, &request->holder);
	}
	return r;
}

struct reservation *plan_grant(struct plan *p, const struct plan_request *request, const char *id,
			       int *gpus, size_t count, const struct plan_facts *facts)
{
	struct reservation *r = make_reservation(request, id, facts);

	r->gpus = gpus;
	r->gpus_count = count;
	plan_add(p, CHANGE_GRANT)->grant.reservation = r;
	if (!p->asked)
		p->asked = plan_own(p, plan_request_text(request));
	return r;
}

struct change_end *plan_end(struct plan *p, const struct reservation *r, const int *gpus,
			    size_t count, int64_t end_ns, enum end_reason reason, const char *actor)
{
	int *copy = plan_own(p, mem_alloc(count, sizeof(*copy)));
	struct change_end *end = &plan_add(p, CHANGE_END)->end;

	memcpy(copy, gpus, count * sizeof(*copy));
	*end = (struct change_end){
		.reservation = r,
		.gpus = copy,
		.gpus_count = count,
		/* A clock that was set back must not make a record that ends before it starts. */
		.end_ns = end_ns > r->start_ns ? end_ns : r->start_ns,
		.reason = reason,
		.actor = actor ? plan_own(p, mem_strdup(actor)) : NULL,
	};
	return end;
}

void plan_release_part(struct plan *p, const struct reservation *r, const int *ids,
		       size_t ids_count, int64_t now_ns, const char *actor)
{
	AUTO_FREE int *part = mem_alloc(r->gpus_count, sizeof(*part));
	size_t count = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		if (gpu_ids_have(ids, ids_count, r->gpus[i]))
			part[count++] = r->gpus[i];
	}
	plan_end(p, r, part, count, now_ns, actor ? END_FORCED : END_RELEASED, actor);
	for (size_t i = 0; i < count; i++)
		plan_note_affected(p, part[i]);
}

struct reservation *plan_renew_copy(struct plan *p, const struct reservation *r, bool quiet)
{
	/* Shallow: the change only reads it, and the state outlives the plan. */
	struct reservation *renewed = plan_own(p, mem_alloc(1, sizeof(*renewed)));
	struct change *c = plan_add(p, CHANGE_RENEW);

	*renewed = *r;
	c->renew.reservation = renewed;
	c->quiet = quiet;
	return renewed;
}

void plan_renew(struct plan *p, const struct reservation *r, int64_t now_ns,
		const struct process_ref *command, const struct process_ref *supervisor)
{
	struct reservation *renewed = plan_renew_copy(p, r, true);

	renewed->heartbeat_ns = now_ns;
	renewed->doubt = (struct doubt){0};
	if (command)
		renewed->holder.command = *command;
	if (supervisor)
		renewed->holder.supervisor = *supervisor;
}

void plan_renew_part(struct plan *p, const struct reservation *r, int64_t duration_ns,
		     int64_t now_ns)
{
	struct reservation *renewed = plan_renew_copy(p, r, true);

	if (r->type == RESERVATION_MANUAL)
		renewed->expiry_ns = now_ns + duration_ns;
	else
		renewed->heartbeat_ns = now_ns;
}

bool plan_ends(const struct plan *p, const struct reservation *r, int gpu)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_END && c->end.reservation == r &&
		    gpu_ids_have(c->end.gpus, c->end.gpus_count, gpu))
			return true;
	}
	return false;
}

bool plan_ends_any(const struct plan *p, const struct reservation *r)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		if (p->changes[i].kind == CHANGE_END && p->changes[i].end.reservation == r)
			return true;
	}
	return false;
}

/* ---- events, marks, activity ---- */

struct event *plan_add_event(struct plan *p, enum event_kind kind, int64_t now_ns)
{
	struct event *event = plan_own(p, mem_alloc(1, sizeof(*event)));
	struct change *c = plan_add(p, CHANGE_EVENT);

	c->quiet = true;
	c->event.event = event;
	event->kind = kind;
	event->time_ns = now_ns;
	return event;
}

/* The mark of that key which the plan stores already, if it does. */
static struct mark *find_mark(const struct plan *p, const char *key)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_MARK && !c->mark.drop && !strcmp(c->mark.mark->key, key))
			return (struct mark *)(uintptr_t)c->mark.mark;
	}
	return NULL;
}

struct mark *plan_put_mark(struct plan *p, const struct pool_state *state,
			   const struct plan_facts *facts, const char *key)
{
	const struct mark *loaded = pool_state_mark(state, key);
	struct mark *mark = find_mark(p, key);
	struct change *c;

	if (mark)
		return mark;
	mark = plan_own(p, mem_alloc(1, sizeof(*mark)));
	if (loaded)
		*mark = *loaded; /* its texts are the state's, which outlives the plan */
	else
		*mark = (struct mark){.key = plan_own(p, mem_strdup(key)),
				      .since_ns = facts->now_ns};
	mark->seen_ns = facts->now_ns;
	mark->base = plan_time_base(facts);
	c = plan_add(p, CHANGE_MARK);
	c->quiet = true;
	c->mark.mark = mark;
	return mark;
}

void plan_drop_mark(struct plan *p, const struct pool_state *state, const char *key)
{
	const struct mark *mark = pool_state_mark(state, key);
	struct change *c;

	if (!mark)
		return;
	c = plan_add(p, CHANGE_MARK);
	c->quiet = true;
	c->mark = (struct change_mark){.mark = mark, .drop = true};
}

void plan_forget_wishes(struct plan *p, const struct pool_state *state,
			const struct plan_facts *facts)
{
	for (size_t i = 0; i < state->marks_count; i++) {
		const struct mark *mark = &state->marks[i];

		if (strncmp(mark->key, PLAN_WISH, strlen(PLAN_WISH)) != 0 ||
		    pool_state_find(state, mark->key + strlen(PLAN_WISH)))
			continue;
		if (mark->acted_ns == TIME_NONE)
			plan_put_mark(p, state, facts, mark->key)->acted_ns = facts->now_ns;
		else if (facts->now_ns - mark->acted_ns > PLAN_TOLD_NS)
			plan_drop_mark(p, state, mark->key);
	}
}

void plan_put_wish(struct plan *p, const struct pool_state *state, const struct plan_facts *facts,
		   const struct plan_request *request)
{
	AUTO_FREE char *key = mem_printf(PLAN_WISH "%s", request->id);

	if (!request->notify || request->type != RESERVATION_MANUAL)
		return;
	plan_forget_wishes(p, state, facts);
	plan_put_mark(p, state, facts, key)->text = plan_own(p, mem_strdup(request->notify));
}

void plan_put_activity(struct plan *p, const struct slot *slot, const struct activity *activity)
{
	struct change *c = plan_add(p, CHANGE_ACTIVITY);

	c->quiet = true;
	c->activity = (struct change_activity){
		.reservation_id = slot->reservation->id, .gpu = slot->id, .activity = *activity};
}

/* ---- queue entries ---- */

static struct change *find_put(struct plan *p, const struct queue_entry *q)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		struct change *c = &p->changes[i];

		if (c->kind == CHANGE_PUT && !strcmp(c->put.entry->id, q->id))
			return c;
	}
	return NULL;
}

struct queue_entry *plan_put_copy(struct plan *p, const struct queue_entry *q, bool quiet)
{
	struct change *c = find_put(p, q);
	struct queue_entry *copy;

	if (c) {
		c->quiet &= quiet;
		return (struct queue_entry *)(uintptr_t)c->put.entry;
	}
	/* Shallow, as in plan_renew_copy. */
	copy = plan_own(p, mem_alloc(1, sizeof(*copy)));
	c = plan_add(p, CHANGE_PUT);
	*copy = *q;
	c->put.entry = copy;
	c->quiet = quiet;
	return copy;
}

void plan_cancel_entry(struct plan *p, const struct queue_entry *q)
{
	struct queue_entry *copy = plan_put_copy(p, q, false);

	copy->cancelled = true;
	copy->give_up_ns = TIME_NONE;
	copy->collected_count = 0;
}

void plan_drop(struct plan *p, const struct queue_entry *q)
{
	plan_add(p, CHANGE_DROP)->drop.entry = q;
}

bool plan_drops(const struct plan *p, const struct queue_entry *q)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_DROP && !strcmp(c->drop.entry->id, q->id))
			return true;
	}
	return false;
}

bool plan_changes_entry(const struct plan *p, const struct queue_entry *q)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct queue_entry *changed = change_entry(&p->changes[i]);

		if (changed && !strcmp(changed->id, q->id))
			return true;
	}
	return false;
}
