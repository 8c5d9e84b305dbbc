/* The entry of a waiting request: what the others see of it. See waiting.h. */
#include "plan/waiting.h"

#include <string.h>

#include "base/mem.h"
#include "plan/doubt.h"
#include "plan/limits.h"
#include "plan/offer.h"
#include "plan/place.h"
#include "plan/queue.h"
#include "plan/rebase.h"

/* The same list for the entry; owned by the plan. */
static void list_eligible(const struct waiting *w, struct plan *p, struct queue_entry *entry)
{
	int *ids;

	if (!w->eligible)
		return;
	ids = plan_own(p, mem_alloc(w->state->slots_count, sizeof(*ids)));
	memcpy(ids, w->eligible, w->eligible_count * sizeof(*ids));
	entry->eligible = ids;
	entry->eligible_count = w->eligible_count;
	if (plan_demands_place(w->request) && entry->collected_count)
		plan_keep_group(&w->topology, w->request, entry->collected[0], ids,
				&entry->eligible_count);
}

/* All that is collected for the request after this decision, ascending; owned by the plan. */
static void waiting_list(const struct waiting *w, struct plan *p, struct queue_entry *entry)
{
	size_t more = p->collected ? p->collected->gpus_count : 0;
	int *gpus = plan_own(p, mem_alloc(w->state->slots_count + more, sizeof(*gpus)));

	entry->collected_count = 0;
	for (size_t i = 0; i < w->state->slots_count; i++) {
		if (w->all[i].own)
			gpus[entry->collected_count++] = w->all[i].id;
	}
	for (size_t i = 0; i < more; i++)
		gpus[entry->collected_count++] = p->collected->gpus[i];
	gpu_ids_sort(gpus, entry->collected_count);
	entry->collected = gpus;
}

/* Behind everybody, also where the clock was set back or stands still. A microsecond is more than
   Redis loses: its scores are doubles. */
static int64_t waiting_joins_ns(const struct waiting *w)
{
	int64_t last_ns = 0;

	if (w->wait->enqueued_ns != TIME_NONE)
		return w->wait->enqueued_ns;
	for (size_t i = 0; i < w->state->queue_count; i++) {
		if (w->state->queue[i].enqueued_ns > last_ns)
			last_ns = w->state->queue[i].enqueued_ns;
	}
	return last_ns < w->facts->now_ns ? w->facts->now_ns : last_ns + 1000;
}

/* The entry of a request that is not in the queue. All texts are the request's. */
static struct queue_entry *waiting_join(const struct waiting *w, bool quiet, struct plan *p)
{
	const struct plan_request *request = w->request;
	const char *user = request->user ? request->user : request->actor.account;
	struct queue_entry entry = {
		.user = plan_own(p, mem_strdup(user)),
		.account = plan_own(p, mem_strdup(request->actor.account)),
		.uid = quantity_of((int64_t)request->actor.uid),
		.type = request->type,
		.requested_count = (int)w->wanted,
		.requested_ids_count = request->ids_count,
		.gpu_type = request->gpu_type ? plan_own(p, mem_strdup(request->gpu_type)) : NULL,
		.min_memory_mb = request->min_memory_mb,
		.duration_ns = request->type == RESERVATION_MANUAL ? request->duration_ns : 0,
		.note = request->note ? plan_own(p, mem_strdup(request->note)) : NULL,
		.enqueued_ns = waiting_joins_ns(w),
		.holder = request->holder,
	};

	memcpy(entry.id, w->wait->entry_id, ID_SIZE);
	if (request->ids) {
		entry.requested_ids =
			plan_own(p, mem_alloc(request->ids_count, sizeof(*request->ids)));
		memcpy(entry.requested_ids, request->ids,
		       request->ids_count * sizeof(*request->ids));
	}
	return plan_put_copy(p, &entry, quiet);
}

/* One that was absent and is active again may be first for something: that is news. */
static bool was_silent(const struct queue_entry *before, int64_t now_ns)
{
	return plan_is_silent(plan_entry_last_heartbeat_ns(before, now_ns),
			      QUEUE_HEARTBEAT_LIMIT_NS, now_ns);
}

/* What is collected gets a heartbeat, too: other programs free what is silent or past its expiry.
   (What has just been given back in part waits for the next time.) */
static void waiting_renew(const struct waiting *w, struct plan *p)
{
	for (size_t i = 0; i < w->state->reservations_count; i++) {
		const struct reservation *r = w->state->reservations[i];

		if (!plan_ends_any(p, r) && r->queue_id && !strcmp(r->queue_id, w->wait->entry_id))
			plan_renew_part(p, r, w->request->duration_ns, w->facts->now_ns);
	}
}

/* Whether its times are told by another clock: it joins only now; or another program, or one in
   another time namespace, has left it without. */
static bool has_other_clock(const struct waiting *w)
{
	const struct time_base here = plan_time_base(w->facts);

	return !w->entry || strcmp(w->entry->base.clock, here.clock) != 0;
}

bool waiting_renew_entry(const struct waiting *w, struct plan *p)
{
	const struct queue_entry *before = w->entry;
	struct queue_entry *put;

	if (!before || before->cancelled || before->offer.made_ns > OFFER_NONE ||
	    before->give_up_ns != w->wait->give_up_ns || was_silent(before, w->facts->now_ns) ||
	    has_other_clock(w) ||
	    before->account_limit != plan_limit_gpus(w->facts->policy, &w->request->actor))
		return false;
	put = plan_put_copy(p, before, true);
	put->heartbeat_ns = w->facts->now_ns;
	put->doubt = (struct doubt){0};
	waiting_renew(w, p);
	return true;
}

void waiting_put(const struct waiting *w, struct plan *p)
{
	const struct queue_entry *before = w->entry;
	struct queue_entry now = {
		.offer.made_ns = OFFER_NONE,
		.base = plan_time_base(w->facts),
		.account_limit = plan_limit_gpus(w->facts->policy, &w->request->actor),
	};
	struct queue_entry *put;
	bool news;

	waiting_list(w, p, &now);
	list_eligible(w, p, &now);
	news = !before ||
	       plan_answer(w->state, w->facts, before, w->all, w->blocked, p, &now.offer) ||
	       was_silent(before, w->facts->now_ns) || before->give_up_ns != w->wait->give_up_ns ||
	       before->account_limit != now.account_limit ||
	       !gpu_ids_are_same(before->collected, before->collected_count, now.collected,
				 now.collected_count) ||
	       (now.eligible &&
		(!before->eligible || !gpu_ids_are_same(before->eligible, before->eligible_count,
							now.eligible, now.eligible_count)));
	if (!news && !w->wait->heartbeat)
		return;
	put = before ? plan_put_copy(p, before, !news) : waiting_join(w, !news, p);
	if (now.eligible) {
		put->eligible = now.eligible;
		put->eligible_count = now.eligible_count;
	}
	put->collected = now.collected;
	put->collected_count = now.collected_count;
	put->heartbeat_ns = w->facts->now_ns;
	put->doubt = (struct doubt){0};
	put->give_up_ns = w->wait->give_up_ns;
	put->account_limit = now.account_limit;
	put->offer = now.offer;
	if (has_other_clock(w)) {
		put->since_ns = w->facts->now_ns - w->wait->waited_ns;
		put->base = now.base;
	}
	if (w->wait->heartbeat)
		waiting_renew(w, p);
}
