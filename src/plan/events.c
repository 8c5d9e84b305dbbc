/* What the changes of a plan mean for people; see events.h. */
#include "plan/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/before.h"
#include "plan/events_admin.h"
#include "plan/queue.h"

/* What is noticed so much later than it was says so. */
#define LATE_NS (60 * NS_PER_SECOND)

static void set_reservation(struct event *v, const struct reservation *r, const char *actor)
{
	making_set_subject(v, r->account, r->user, r->uid, actor);
	if (*r->id && !r->queue_id)
		v->reservation_id = (char *)(uintptr_t)r->id;
	v->queue_id = r->queue_id;
}

static void set_entry(struct event *v, const struct queue_entry *q, const char *actor)
{
	making_set_subject(v, q->account, q->user, q->uid, actor);
	v->queue_id = (char *)(uintptr_t)q->id;
}

/* ---- the queue ---- */

/* The loaded entry of a change; NULL: it is new. */
static const struct queue_entry *loaded_entry(const struct events_making *m,
					      const struct queue_entry *q)
{
	size_t place = plan_queue_find(m->state, q->id);

	return place < m->state->queue_count ? &m->state->queue[place] : NULL;
}

/* The entry of the request that the plan grants: dropped, of the same account and process. */
static const struct queue_entry *granted_entry(const struct events_making *m)
{
	const struct reservation *r = m->plan->granted;

	for (size_t i = 0; r && i < m->changes_count; i++) {
		const struct change *c = &m->plan->changes[i];
		const struct queue_entry *q = c->kind == CHANGE_DROP ? c->drop.entry : NULL;

		if (q && q->type == r->type &&
		    account_is_same(q->uid, q->account, r->uid, r->account) &&
		    plan_entry_count(q) == r->gpus_count &&
		    (r->type == RESERVATION_MANUAL ||
		     q->holder.command.pid == r->holder.command.pid))
			return q;
	}
	return NULL;
}

static char *who_left(struct events_making *m, const struct queue_entry *q)
{
	char waited[CLOCK_DURATION_SIZE];
	const char *who = making_label(m->plan, q->user, q->account);

	clock_duration(m->facts->now_ns - plan_waits_since_ns(q), waited);
	if (q->give_up_ns != TIME_NONE && m->facts->now_ns >= q->give_up_ns)
		return mem_printf("the request of %s gave up after %s", who, waited);
	if (m->author && making_is_same_text(m->author, q->account))
		return mem_printf("the request of %s left the queue after %s", who, waited);
	return mem_printf("the request of %s is gone: its process has ended", who);
}

static void drop(struct events_making *m, const struct queue_entry *q)
{
	/* It got its GPUs, or its end was told when it was cancelled. */
	if (q == granted_entry(m) || q->cancelled || making_says(m, EVENT_LEFT, NULL, q->id))
		return;
	set_entry(making_add(m, EVENT_LEFT, who_left(m, q)), q, NULL);
}

static void cancel(struct events_making *m, const struct queue_entry *q)
{
	const char *who = making_label(m->plan, q->user, q->account);
	bool own = !m->author || making_is_same_text(m->author, q->account);
	char *reason = own ? mem_printf("the request of %s was cancelled", who)
			   : mem_printf("%s cancelled the request of %s", m->author, who);

	if (!making_says(m, EVENT_LEFT, NULL, q->id))
		set_entry(making_add(m, EVENT_LEFT, reason), q, m->author);
	else
		free(reason);
}

static void put(struct events_making *m, const struct queue_entry *q)
{
	const struct queue_entry *loaded = loaded_entry(m, q);
	const char *who = making_label(m->plan, q->user, q->account);
	size_t count = plan_entry_count(q), others = m->state->queue_count;
	AUTO_FREE char *place = NULL;

	if (loaded && q->cancelled && !loaded->cancelled)
		cancel(m, q);
	if (loaded || making_says(m, EVENT_QUEUED, NULL, q->id))
		return;
	if (others)
		place = mem_printf("behind %zu other request%s", others, str_plural(others));
	set_entry(making_add(m, EVENT_QUEUED,
			     mem_printf("%s waits for %zu GPU%s, %s", who, count, str_plural(count),
					place ? place : "first in the queue")),
		  q, NULL);
}

/* ---- reservations ---- */

static char *granted_text(struct events_making *m, const struct reservation *r, const char *gpus,
			  const struct queue_entry *entry)
{
	const char *who = making_label(m->plan, r->user, r->account);
	char length[CLOCK_DURATION_SIZE], waited[CLOCK_DURATION_SIZE];
	AUTO_FREE char *until = NULL, *after = NULL;

	if (r != m->plan->granted && r->start_ns != m->facts->now_ns)
		return mem_printf("%s has %s again: the reservation was missing in the pool", who,
				  gpus);
	if (r->type == RESERVATION_MANUAL)
		until = mem_printf("for %s",
				   clock_duration(r->expiry_ns - m->facts->now_ns, length));
	if (entry)
		after = mem_printf(
			" after waiting %s",
			clock_duration(m->facts->now_ns - plan_waits_since_ns(entry), waited));
	return mem_printf("%s got %s %s%s", who, gpus, until ? until : "for a run",
			  after ? after : "");
}

static void grant(struct events_making *m, const struct reservation *r)
{
	const char *gpus = making_gpus(m->plan, r->gpus, r->gpus_count);
	const struct queue_entry *entry = r == m->plan->granted ? granted_entry(m) : NULL;
	struct event *v;

	if (r->queue_id) {
		const char *who = making_label(m->plan, r->user, r->account);

		v = making_add(m, EVENT_COLLECTED,
			       mem_printf("%s %s kept for the waiting request of %s", gpus,
					  r->gpus_count == 1 ? "is" : "are", who));
	} else if (making_says(m, EVENT_GRANTED, r->id, entry ? entry->id : NULL)) {
		return;
	} else {
		v = making_add(m, EVENT_GRANTED, granted_text(m, r, gpus, entry));
	}
	set_reservation(v, r, NULL);
	making_set_gpus(v, r->gpus, r->gpus_count);
	if (entry)
		v->queue_id = (char *)(uintptr_t)entry->id;
}

static char *end_text(struct events_making *m, const struct change_end *c, const char *gpus)
{
	const struct reservation *r = c->reservation;
	const char *who = making_label(m->plan, r->user, r->account);
	char length[CLOCK_DURATION_SIZE], late[CLOCK_DURATION_SIZE];
	int64_t late_ns = m->facts->now_ns - c->end_ns;
	AUTO_FREE char *ago = late_ns > LATE_NS
				      ? mem_printf(", %s ago", clock_duration(late_ns, late))
				      : mem_strdup("");

	if (c->why)
		return mem_strdup(c->why);
	clock_duration(c->end_ns - r->start_ns, length);
	switch (c->reason) {
	case END_EXPIRED:
		return mem_printf("the reservation of %s on %s expired after %s%s", who, gpus,
				  length, ago);
	case END_HOLDER_DIED:
		return mem_printf("the run of %s on %s ended after %s without a release: its "
				  "processes are gone%s",
				  who, gpus, length, ago);
	case END_STALE:
		return mem_printf("the run of %s on %s was given up after %s: it has sent no "
				  "heartbeat",
				  who, gpus, length);
	case END_FORCED:
		return mem_printf("%s released %s, which %s had for %s",
				  c->actor ? c->actor : "an administrator", gpus, who, length);
	case END_RELEASED:
		break;
	}
	if (r->type == RESERVATION_RUN)
		return mem_printf("the run of %s on %s ended after %s%s", who, gpus, length, ago);
	return mem_printf("%s released %s after %s", who, gpus, length);
}

/* What was collected goes back to the others, unless its request gets it now. */
static void give_back(struct events_making *m, const struct change_end *c)
{
	const struct reservation *r = c->reservation;
	const char *who = making_label(m->plan, r->user, r->account);
	const struct queue_entry *entry = granted_entry(m);
	struct event *v;

	if (!r->queue_id || (entry && !strcmp(entry->id, r->queue_id)))
		return;
	v = making_add(m, EVENT_RELEASED,
		       mem_printf("%s %s no longer kept for the request of %s",
				  making_gpus(m->plan, c->gpus, c->gpus_count),
				  c->gpus_count == 1 ? "is" : "are", who));
	set_reservation(v, r, NULL);
	making_set_gpus(v, c->gpus, c->gpus_count);
}

static void end(struct events_making *m, const struct change_end *c)
{
	const struct reservation *r = c->reservation;
	enum event_kind kind = c->reason == END_EXPIRED ? EVENT_EXPIRED : EVENT_RELEASED;
	struct event *v;

	if (c->unrecorded) {
		give_back(m, c);
		return;
	}
	if (making_says(m, kind, *r->id ? r->id : NULL, r->queue_id))
		return;
	v = making_add(m, kind, end_text(m, c, making_gpus(m->plan, c->gpus, c->gpus_count)));
	set_reservation(v, r, c->actor);
	making_set_gpus(v, c->gpus, c->gpus_count);
}

/* A new end: of a manual reservation, or of a run with a time limit. */
static void renew(struct events_making *m, const struct reservation *r)
{
	const struct reservation *loaded = m->state->slots[r->gpus[0]].reservation;
	int64_t now_ns = m->facts->now_ns, end_ns = TIME_NONE, before_ns = TIME_NONE;
	char left[CLOCK_DURATION_SIZE];
	struct event *v;

	if (!loaded || strcmp(loaded->id, r->id) != 0 || r->queue_id)
		return;
	end_ns = r->type == RESERVATION_MANUAL ? r->expiry_ns : r->deadline_ns;
	before_ns = r->type == RESERVATION_MANUAL ? loaded->expiry_ns : loaded->deadline_ns;
	if (end_ns == before_ns || making_says(m, EVENT_EXTENDED, r->id, NULL))
		return;
	v = making_add(
		m, EVENT_EXTENDED,
		mem_printf("%s now has %s for %s from now, %s than before",
			   making_label(m->plan, r->user, r->account),
			   making_gpus(m->plan, r->gpus, r->gpus_count),
			   end_ns == TIME_NONE ? "any time" : clock_duration(end_ns - now_ns, left),
			   end_ns == TIME_NONE || (before_ns != TIME_NONE && end_ns > before_ns)
				   ? "longer"
				   : "shorter"));
	set_reservation(v, r, m->author);
	making_set_gpus(v, r->gpus, r->gpus_count);
}

/* ---- all ---- */

static void add_event_of(struct events_making *m, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_GRANT:
		grant(m, c->grant.reservation);
		break;
	case CHANGE_END:
		end(m, &c->end);
		break;
	case CHANGE_RENEW:
		renew(m, c->renew.reservation);
		break;
	case CHANGE_PUT:
		put(m, c->put.entry);
		break;
	case CHANGE_DROP:
		drop(m, c->drop.entry);
		break;
	case CHANGE_INIT:
	case CHANGE_DRAIN:
	case CHANGE_IGNORE:
	case CHANGE_UNITS:
	case CHANGE_HOST:
		events_of_administrator(m, c);
		break;
	case CHANGE_EVENT:
		if (event_kind_is_decision(c->event.event->kind) && !m->decision)
			m->decision = (struct event *)(uintptr_t)c->event.event;
		break;
	case CHANGE_CHECK:
	case CHANGE_TOPOLOGY:
	case CHANGE_ACTIVITY:
	case CHANGE_MARK:
		break;
	}
}

void plan_add_events(const struct pool_state *state, const struct plan_facts *facts,
		     const char *author, struct plan *p)
{
	struct events_making m = {
		.state = state,
		.facts = facts,
		.author = author,
		.plan = p,
		.changes_count = p->changes_count,
	};

	/* A request joins before it is given anything. */
	for (int joining = 1; joining >= 0; joining--) {
		for (size_t i = 0; i < m.changes_count; i++) {
			const struct change c = p->changes[i]; /* the list may move */

			if ((c.kind == CHANGE_PUT && !c.put.entry->version) == joining &&
			    (!c.quiet || c.kind == CHANGE_EVENT))
				add_event_of(&m, &c);
		}
	}
	/* Once for all events of the commit. */
	if (m.decision && !m.decision->before && state->initialized)
		m.decision->before = plan_own(p, plan_state_text(state, facts, p->asked));
}

void plan_add_refusal(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, enum event_kind kind, const char *why,
		      struct plan *p)
{
	AUTO_FREE char *asked = plan_request_text(request);
	const char *user = request->user ? request->user : request->actor.account;
	struct event *v = plan_add_event(p, kind, facts->now_ns);

	making_set_subject(v, request->actor.account, user,
			   quantity_of((int64_t)request->actor.uid), NULL);
	v->reason =
		plan_own(p, mem_printf("%s asked for %s, and was refused: %s",
				       making_label(p, user, request->actor.account), asked, why));
	v->before = plan_own(p, plan_state_text(state, facts, asked));
}
