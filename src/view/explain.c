/* Why a request waits, in sentences: view_explain of queue.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "view/queue.h"
#include "view/status.h"
#include "view/words.h"

/* One explanation on its way. */
struct explain {
	const struct snapshot *s;
	struct plan_facts facts;
	size_t place;
	const struct queue_entry *q;
	struct str *out;
};

/* "request 1a2b3c4d of alice" */
static void add_request(struct str *out, const struct queue_entry *q)
{
	AUTO_FREE char *user = view_who(q->user, q->account);

	str_addf(out, "request %.8s of %s", q->id, user);
}

static void explain_request(const struct explain *x)
{
	const struct queue_entry *q = x->q;
	char time[CLOCK_MINUTE_SIZE], waited[CLOCK_DURATION_SIZE];
	AUTO_FREE char *user = view_who(q->user, q->account);
	size_t wanted = plan_entry_count(q);

	str_addf(x->out, "Request %.8s of %s is waiting for %zu GPU%s", q->id, user, wanted,
		 str_plural(wanted));
	if (q->requested_ids) {
		AUTO_FREE char *ids = str_from_ids(q->requested_ids, q->requested_ids_count);

		str_addf(x->out, ", exactly %s", ids);
	}
	if (q->gpu_type || q->min_memory_mb || q->eligible) {
		AUTO_FREE char *kind = plan_kind_text(q->gpu_type, q->min_memory_mb);
		AUTO_FREE char *shown = text_shown(kind);
		AUTO_FREE char *ids = str_from_ids(q->eligible, q->eligible_count);

		str_addf(x->out, "%s%s%s%s", *shown ? " " : "", shown,
			 q->eligible ? ", one of " : "", q->eligible ? ids : "");
	}
	str_addf(x->out, ", since %s (%s).\n", clock_local_minute(plan_waits_since_ns(q), time),
		 clock_duration(x->s->now_ns - plan_waits_since_ns(q), waited));
	if (q->give_up_ns > x->s->now_ns)
		str_addf(x->out, "It gives up at %s.\n", clock_local_minute(q->give_up_ns, time));
}

/* Whether both could use one GPU. */
static bool are_rivals(const struct explain *x, const struct queue_entry *other)
{
	for (size_t i = 0; i < x->s->state.slots_count; i++) {
		if (plan_entry_wants(x->q, (int)i) && plan_entry_wants(other, (int)i))
			return true;
	}
	return false;
}

static void explain_line(const struct explain *x)
{
	const struct pool_state *state = &x->s->state;
	size_t ahead = 0;

	for (size_t i = 0; i < x->place; i++) {
		const struct queue_entry *q = &state->queue[i];
		size_t wanted = plan_entry_count(q);

		if (plan_waiter_state(state, &x->facts, i) != WAITER_ACTIVE || !are_rivals(x, q))
			continue;
		str_add(x->out, ahead++ ? "Also ahead of it: " : "Ahead of it in the queue: ");
		add_request(x->out, q);
		str_addf(x->out, " (%zu GPU%s).\n", wanted, str_plural(wanted));
	}
	if (!ahead)
		str_addf(x->out,
			 "Position %zu of %zu; nobody ahead of it is waiting for the same "
			 "GPUs.\n",
			 x->place + 1, state->queue_count);
}

/* Who holds a GPU, and until when. */
static void explain_holder(const struct explain *x, const struct reservation *r)
{
	AUTO_FREE char *user = view_who(r->user, r->account);
	char time[CLOCK_MINUTE_SIZE];
	size_t i = 0;

	while (x->s->state.reservations[i] != r)
		i++;
	str_addf(x->out, "is reserved by %s (%s)", user, reservation_type_name(r->type));
	clock_local_minute(x->s->forecast.ends_ns[i], time);
	switch (x->s->forecast.bases[i]) {
	case END_BASIS_ENDED:
		str_add(x->out, ", whose command has ended");
		break;
	case END_BASIS_NONE:
		str_add(x->out, "; for how long is unknown");
		break;
	case END_BASIS_EXPIRY:
		str_addf(x->out, " until %s", time);
		break;
	case END_BASIS_LIMIT:
		str_addf(x->out, " until %s at the latest (its time limit)", time);
		break;
	case END_BASIS_PAST:
		str_addf(x->out, ", until about %s judging by earlier runs of that account", time);
		break;
	}
}

/* A GPU that is collected for the request itself, or for another one. */
static void explain_part(const struct explain *x, const struct reservation *r)
{
	size_t place = plan_queue_find(&x->s->state, r->queue_id);

	if (!strcmp(r->queue_id, x->q->id)) {
		str_add(x->out, "is collected for this request");
		return;
	}
	str_add(x->out, "is collected for ");
	if (place < x->s->state.queue_count)
		add_request(x->out, &x->s->state.queue[place]);
	else
		str_add(x->out, "a request that is gone");
}

static void explain_free(const struct explain *x, size_t gpu)
{
	AUTO_FREE char *withheld = plan_why_withheld(&x->s->state, x->facts.policy, (int)gpu);
	AUTO_FREE char *why = text_shown(withheld);

	if (why)
		str_addf(x->out, "is out of service: %s", why);
	else if (x->s->views[gpu].use == USE_BUSY)
		str_add(x->out, "is in use without a reservation");
	else if (x->s->views[gpu].use == USE_FAULTY)
		str_add(x->out, "is not handed out: its driver says that it cannot be used");
	else if (x->s->views[gpu].use >= USE_UNKNOWN)
		str_addf(x->out, "is not handed out: its use is unknown");
	else
		str_add(x->out, "is free");
}

static void explain_gpu(const struct explain *x, size_t gpu)
{
	const struct slot *slot = &x->s->state.slots[gpu];
	const struct queue_entry *first =
		plan_first_for(&x->s->state, &x->facts, (int)gpu, x->place);
	bool collected = slot->reservation && slot->reservation->queue_id;

	str_addf(x->out, "GPU %zu ", gpu);
	if (slot->problem)
		str_add(x->out, "is not handed out: its state cannot be read");
	else if (collected)
		explain_part(x, slot->reservation);
	else if (slot->reservation)
		explain_holder(x, slot->reservation);
	else
		explain_free(x, gpu);
	if (first && !collected) {
		str_add(x->out, "; ");
		add_request(x->out, first);
		str_add(x->out, " comes first");
	}
	str_add(x->out, ".\n");
}

/* The GPU that becomes free soonest, as far as that is known, and who gets it. */
static void explain_next(const struct explain *x)
{
	const struct pool_state *state = &x->s->state;
	const struct queue_entry *first;
	struct plan_next_free next;
	char time[CLOCK_MINUTE_SIZE];

	if (!plan_next_free(state, &x->facts, &x->s->forecast, x->q, &next))
		return;
	first = plan_first_for(state, &x->facts, next.gpu, state->queue_count);
	str_addf(x->out, "Next, as far as is known: GPU %d at %s, for ", next.gpu,
		 clock_local_minute(next.time_ns, time));
	if (!first || first == x->q)
		str_add(x->out, "this request");
	else
		add_request(x->out, first);
	str_add(x->out, ".\n");
}

/* Why nothing is kept for it, or not every GPU. */
static void explain_absence(const struct explain *x)
{
	AUTO_FREE char *why = text_shown(x->s->waiters[x->place].passed_over);

	if (x->q->cancelled)
		str_add(x->out, "It was cancelled, and is about to leave the queue.\n");
	else if (why)
		str_addf(x->out,
			 "It is passed over: %s. It keeps its place, but others are served "
			 "meanwhile.\n",
			 why);
	else
		str_add(x->out, "It is about to leave the queue.\n");
}

/* What it lacks, and when it starts, as far as that can be told. */
static void explain_start(const struct explain *x)
{
	size_t wanted = plan_entry_count(x->q), has = x->q->collected_count;
	int64_t start_ns = x->s->waiters[x->place].start_ns;
	char time[CLOCK_MINUTE_SIZE];
	AUTO_FREE char *about = NULL;

	if (x->s->waiters[x->place].state != WAITER_ACTIVE) {
		explain_absence(x);
		return;
	}
	if (x->s->waiters[x->place].passed_over)
		explain_absence(x);
	str_addf(x->out, "It has %zu of %zu GPU%s", has, wanted, str_plural(wanted));
	if (has) {
		AUTO_FREE char *ids = str_from_ids(x->q->collected, has);

		str_addf(x->out, ", %s,", ids);
	}
	str_add(x->out, " and takes each that becomes free unless a request ahead of it could use "
			"it.\n");
	if (start_ns == TIME_NONE) {
		str_add(x->out,
			"Its start cannot be estimated: it is unknown when some of these GPUs "
			"become free.\n");
		return;
	}
	if (start_ns <= x->s->now_ns) {
		str_add(x->out, "It should start any moment.\n");
		return;
	}
	about = view_about(start_ns - x->s->now_ns);
	str_addf(x->out, "It is expected to start at about %s (in %s), if these times hold.\n",
		 clock_local_minute(start_ns, time), about);
}

int view_explain(const struct snapshot *s, const char *id, char **ret_text, struct err *e)
{
	struct str out = {0};
	struct explain x = {.s = s, .facts = snapshot_facts(s), .out = &out};
	int r = plan_queue_match(&s->state, id, &x.place, e);

	if (r < 0)
		return r;
	x.q = &s->state.queue[x.place];
	explain_request(&x);
	explain_line(&x);
	for (size_t i = 0; i < s->state.slots_count; i++) {
		if (plan_entry_wants(x.q, (int)i))
			explain_gpu(&x, i);
	}
	explain_next(&x);
	explain_start(&x);
	*ret_text = str_steal(&out);
	return 0;
}
