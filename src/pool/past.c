/* What was reserved and what is; see past.h. */
#include "pool/past.h"

#include <string.h>

#include "pool/private.h"

/* True for the record of a reservation that the state shows as running. */
static bool is_running(const struct pool_state *state, const struct usage_record *record)
{
	const struct reservation *r;

	if (record->gpu < 0 || (size_t)record->gpu >= state->slots_count)
		return false;
	r = state->slots[record->gpu].reservation;
	return r && r->start_ns == record->start_ns && !strcmp(r->id, record->reservation_id);
}

int past_read(struct pool *p, const struct pool_state *state, int64_t from_ns, int64_t to_ns,
	      past_add *add, void *sum, struct err *e)
{
	const struct usage_record *record = NULL;
	int r = store_history_begin_brief(p->store, from_ns, to_ns, e);

	if (r < 0)
		return r;
	while ((r = store_history_next(p->store, &record, e)) > 0) {
		if (!is_running(state, record))
			add(record, sum);
	}
	store_history_end(p->store);
	return r;
}

bool past_read_running(struct pool *p, const struct pool_state *state, int64_t now_ns,
		       past_add_running *add, void *sum)
{
	struct plan_facts facts = observe_facts(&p->observer, &(struct liveness){0}, NULL);
	bool ended = false;

	facts.now_ns = now_ns;
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		int64_t end_ns = now_ns;
		enum end_reason reason;

		/* Nobody uses what is only collected for a request that waits. */
		if (plan_is_collected(state, r))
			continue;
		ended |= plan_has_ended(r, observe_life(&p->observer, r), &facts, &reason, &end_ns);
		add(state, r, end_ns, sum);
	}
	return ended;
}
