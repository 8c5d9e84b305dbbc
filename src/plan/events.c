/* What the changes of a plan mean for people; see events.h. */
#include "plan/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/before.h"
#include "plan/queue.h"

/* What is noticed so much later than it was says so. */
#define LATE_NS (60 * NS_PER_SECOND)

struct making {
	const struct pool_state *state;
	const struct plan_facts *facts;
	const char *author;
	struct plan *plan;
	size_t changes_count;   /* without the events that are added */
	struct event *decision; /* the first one that was decided on this state */
};

/* "GPU 3", "GPUs 0-2". Owned by the plan. */
static char *gpus_text(struct plan *p, const int *gpus, size_t count)
{
	AUTO_FREE char *ranges = str_join_ranges(gpus, count);

	return plan_own(p, mem_printf("GPU%s %s", str_plural(count), ranges));
}

static char *label(struct plan *p, const char *user, const char *account)
{
	return plan_own(p, account_label(user, account));
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Whether the plan itself has an event of that kind about that reservation or entry. */
static bool is_said(const struct making *m, enum event_kind kind, const char *reservation_id,
		    const char *queue_id)
{
	for (size_t i = 0; i < m->changes_count; i++) {
		const struct change *c = &m->plan->changes[i];
		const struct event *v = c->kind == CHANGE_EVENT ? c->event.event : NULL;

		if (v && v->kind == kind && is_same_text(v->reservation_id, reservation_id) &&
		    is_same_text(v->queue_id, queue_id))
			return true;
	}
	return false;
}

static struct event *add(struct making *m, enum event_kind kind, char *reason)
{
	struct event *v = plan_add_event(m->plan, kind, m->facts->now_ns);

	v->reason = plan_own(m->plan, reason);
	if (event_kind_is_decision(kind) && !m->decision)
		m->decision = v;
	return v;
}

/* Whom it concerns; `actor`: who did it, or NULL. */
static void set_subject(struct event *v, const char *account, const char *user, struct quantity uid,
			const char *actor)
{
	v->account = (char *)(uintptr_t)account;
	v->user = (char *)(uintptr_t)user;
	v->uid = uid;
	if (actor && !is_same_text(actor, account))
		v->actor = (char *)(uintptr_t)actor;
}

/* GPUs that stay as they are until the plan is committed. */
static void set_gpus(struct event *v, const int *gpus, size_t count)
{
	v->gpus = (int *)(uintptr_t)gpus;
	v->gpus_count = count;
}

static void set_reservation(struct event *v, const struct reservation *r, const char *actor)
{
	set_subject(v, r->account, r->user, r->uid, actor);
	if (*r->id && !r->queue_id)
		v->reservation_id = (char *)(uintptr_t)r->id;
	v->queue_id = r->queue_id;
}

static void set_entry(struct event *v, const struct queue_entry *q, const char *actor)
{
	set_subject(v, q->account, q->user, q->uid, actor);
	v->queue_id = (char *)(uintptr_t)q->id;
}

/* ---- the queue ---- */

/* The loaded entry of a change; NULL: it is new. */
static const struct queue_entry *loaded_entry(const struct making *m, const struct queue_entry *q)
{
	size_t place = plan_queue_find(m->state, q->id);

	return place < m->state->queue_count ? &m->state->queue[place] : NULL;
}

/* The entry of the request that the plan grants: dropped, of the same account and process. */
static const struct queue_entry *granted_entry(const struct making *m)
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

static char *who_left(struct making *m, const struct queue_entry *q)
{
	char waited[CLOCK_DURATION_SIZE];
	const char *who = label(m->plan, q->user, q->account);

	clock_duration(m->facts->now_ns - plan_waits_since_ns(q), waited);
	if (q->give_up_ns != TIME_NONE && m->facts->now_ns >= q->give_up_ns)
		return mem_printf("the request of %s gave up after %s", who, waited);
	if (m->author && is_same_text(m->author, q->account))
		return mem_printf("the request of %s left the queue after %s", who, waited);
	return mem_printf("the request of %s is gone: its process has ended", who);
}

static void drop(struct making *m, const struct queue_entry *q)
{
	/* It got its GPUs, or its end was told when it was cancelled. */
	if (q == granted_entry(m) || q->cancelled || is_said(m, EVENT_LEFT, NULL, q->id))
		return;
	set_entry(add(m, EVENT_LEFT, who_left(m, q)), q, NULL);
}

static void cancel(struct making *m, const struct queue_entry *q)
{
	const char *who = label(m->plan, q->user, q->account);
	bool own = !m->author || is_same_text(m->author, q->account);
	char *reason = own ? mem_printf("the request of %s was cancelled", who)
			   : mem_printf("%s cancelled the request of %s", m->author, who);

	if (!is_said(m, EVENT_LEFT, NULL, q->id))
		set_entry(add(m, EVENT_LEFT, reason), q, m->author);
	else
		free(reason);
}

static void put(struct making *m, const struct queue_entry *q)
{
	const struct queue_entry *loaded = loaded_entry(m, q);
	const char *who = label(m->plan, q->user, q->account);
	size_t count = plan_entry_count(q);

	if (loaded && q->cancelled && !loaded->cancelled)
		cancel(m, q);
	if (loaded || is_said(m, EVENT_QUEUED, NULL, q->id))
		return;
	set_entry(add(m, EVENT_QUEUED,
		      mem_printf("%s waits for %zu GPU%s, behind %zu other request%s", who, count,
				 str_plural(count), m->state->queue_count,
				 str_plural(m->state->queue_count))),
		  q, NULL);
}

/* ---- reservations ---- */

static char *granted_text(struct making *m, const struct reservation *r, const char *gpus,
			  const struct queue_entry *entry)
{
	const char *who = label(m->plan, r->user, r->account);
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

static void grant(struct making *m, const struct reservation *r)
{
	const char *gpus = gpus_text(m->plan, r->gpus, r->gpus_count);
	const struct queue_entry *entry = r == m->plan->granted ? granted_entry(m) : NULL;
	struct event *v;

	if (r->queue_id) {
		const char *who = label(m->plan, r->user, r->account);

		v = add(m, EVENT_COLLECTED,
			mem_printf("%s %s kept for the waiting request of %s", gpus,
				   r->gpus_count == 1 ? "is" : "are", who));
	} else if (is_said(m, EVENT_GRANTED, r->id, entry ? entry->id : NULL)) {
		return;
	} else {
		v = add(m, EVENT_GRANTED, granted_text(m, r, gpus, entry));
	}
	set_reservation(v, r, NULL);
	set_gpus(v, r->gpus, r->gpus_count);
	if (entry)
		v->queue_id = (char *)(uintptr_t)entry->id;
}

static char *end_text(struct making *m, const struct change_end *c, const char *gpus)
{
	const struct reservation *r = c->reservation;
	const char *who = label(m->plan, r->user, r->account);
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
static void give_back(struct making *m, const struct change_end *c)
{
	const struct reservation *r = c->reservation;
	const char *who = label(m->plan, r->user, r->account);
	const struct queue_entry *entry = granted_entry(m);
	struct event *v;

	if (!r->queue_id || (entry && !strcmp(entry->id, r->queue_id)))
		return;
	v = add(m, EVENT_RELEASED,
		mem_printf("%s %s no longer kept for the request of %s",
			   gpus_text(m->plan, c->gpus, c->gpus_count),
			   c->gpus_count == 1 ? "is" : "are", who));
	set_reservation(v, r, NULL);
	set_gpus(v, c->gpus, c->gpus_count);
}

static void end(struct making *m, const struct change_end *c)
{
	const struct reservation *r = c->reservation;
	enum event_kind kind = c->reason == END_EXPIRED ? EVENT_EXPIRED : EVENT_RELEASED;
	struct event *v;

	if (c->unrecorded) {
		give_back(m, c);
		return;
	}
	if (is_said(m, kind, *r->id ? r->id : NULL, r->queue_id))
		return;
	v = add(m, kind, end_text(m, c, gpus_text(m->plan, c->gpus, c->gpus_count)));
	set_reservation(v, r, c->actor);
	set_gpus(v, c->gpus, c->gpus_count);
}

/* A new end: of a manual reservation, or of a run with a time limit. */
static void renew(struct making *m, const struct reservation *r)
{
	const struct reservation *loaded = m->state->slots[r->gpus[0]].reservation;
	int64_t now_ns = m->facts->now_ns, end_ns = TIME_NONE, before_ns = TIME_NONE;
	char left[CLOCK_DURATION_SIZE];
	struct event *v;

	if (!loaded || strcmp(loaded->id, r->id) != 0 || r->queue_id)
		return;
	end_ns = r->type == RESERVATION_MANUAL ? r->expiry_ns : r->deadline_ns;
	before_ns = r->type == RESERVATION_MANUAL ? loaded->expiry_ns : loaded->deadline_ns;
	if (end_ns == before_ns || is_said(m, EVENT_EXTENDED, r->id, NULL))
		return;
	v = add(m, EVENT_EXTENDED,
		mem_printf("%s now has %s for %s from now, %s than before",
			   label(m->plan, r->user, r->account),
			   gpus_text(m->plan, r->gpus, r->gpus_count),
			   end_ns == TIME_NONE ? "any time" : clock_duration(end_ns - now_ns, left),
			   end_ns == TIME_NONE || (before_ns != TIME_NONE && end_ns > before_ns)
				   ? "longer"
				   : "shorter"));
	set_reservation(v, r, m->author);
	set_gpus(v, r->gpus, r->gpus_count);
}

/* ---- administrators ---- */

static void drain(struct making *m, const struct change_drain *c)
{
	const char *who = c->actor ? c->actor : m->author ? m->author : "an administrator";
	const char *gpus = gpus_text(m->plan, c->gpus, c->gpus_count);
	struct event *v = c->actor ? add(m, EVENT_DRAINED,
					 mem_printf("%s took %s out of service%s%s", who, gpus,
						    c->note ? ": " : "", c->note ? c->note : ""))
				   : add(m, EVENT_UNDRAINED,
					 mem_printf("%s put %s back into service", who, gpus));

	v->actor = (char *)(uintptr_t)who;
	set_gpus(v, c->gpus, c->gpus_count);
}

static void administer(struct making *m, char *reason)
{
	add(m, EVENT_ADMIN, reason)->actor = (char *)(uintptr_t)m->author;
}

static void init(struct making *m, const struct change_init *c)
{
	administer(m, mem_printf("%s %s the pool: %zu GPU%s (%s)",
				 m->author ? m->author : "an administrator",
				 m->state->initialized ? "recreated" : "made", c->gpus_count,
				 str_plural(c->gpus_count), c->provider));
}

/* What numbers mean: not where only what was not recorded is filled in. */
static void set_units(struct making *m, const struct change_units *c)
{
	size_t before = m->state->slots_count, added = 0, gone = 0, others = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct slot *old = i < before ? &m->state->slots[i] : NULL;

		added += !old ||
			 (old->retired_ns != TIME_NONE && c->slots[i].retired_ns == TIME_NONE);
		gone += old && old->retired_ns == TIME_NONE && c->slots[i].retired_ns != TIME_NONE;
		others += old && old->uuid && !is_same_text(old->uuid, c->slots[i].uuid);
	}
	if (!m->state->initialized || added + gone + others == 0)
		return;
	administer(m, mem_printf("%s recorded the GPUs again: %zu added, %zu gone, %zu replaced",
				 m->author ? m->author : "an administrator", added, gone, others));
}

static void ignore(struct making *m, const struct change_ignore *c)
{
	const struct ignored_process *process = c->process;

	/* The ends of ignored processes are found by whoever ignores the next one. */
	if (c->drop && !m->author)
		return;
	administer(m, mem_printf("%s has process %d (%s) %s",
				 m->author ? m->author : "an administrator",
				 (int)process->holder.command.pid,
				 process->name ? process->name : "unknown",
				 c->drop ? "counted again" : "ignored"));
}

static void set_host(struct making *m, const struct machine *host)
{
	const char *before = m->state->host.name;

	if (m->state->host.id && !is_same_text(m->state->host.id, host->id))
		administer(m, mem_printf("the pool is now that of %s, and was that of %s",
					 host->name ? host->name : "another host",
					 before ? before : "another host"));
}

/* ---- all ---- */

static void add_event_of(struct making *m, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_INIT:
		init(m, &c->init);
		break;
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
	case CHANGE_DRAIN:
		drain(m, &c->drain);
		break;
	case CHANGE_IGNORE:
		ignore(m, &c->ignore);
		break;
	case CHANGE_UNITS:
		set_units(m, &c->units);
		break;
	case CHANGE_HOST:
		set_host(m, c->host.host);
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
	struct making m = {
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

	set_subject(v, request->actor.account, user, quantity_of((int64_t)request->actor.uid),
		    NULL);
	v->reason = plan_own(p, mem_printf("%s asked for %s, and was refused: %s",
					   label(p, user, request->actor.account), asked, why));
	v->before = plan_own(p, plan_state_text(state, facts, asked));
}
