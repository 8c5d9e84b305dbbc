/* Lengthening reservations: pool_extend of pool.h. What is allowed is plan_extend's decision. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pool/events.h"
#include "pool/private.h"

void pool_extended_clear(struct pool_extended *x)
{
	for (size_t i = 0; i < x->count; i++)
		reservation_free(x->reservations[i]);
	free(x->reservations);
	*x = (struct pool_extended){0};
}

static int decide_extend(const struct pool_state *state, const struct plan_facts *facts,
			 void *argument, struct plan *plan, struct err *e)
{
	return plan_extend(state, facts, argument, plan, e);
}

int pool_extend(struct pool *p, const struct plan_extension *extension,
		struct pool_extended *ret_extended, struct err *e)
{
	struct plan_extension asked = *extension;
	struct transaction t = {
		.decide = decide_extend, .argument = &asked, .author = &extension->actor};
	AUTO(attempt_clear) struct attempt attempt = {0};
	const struct plan *plan = &attempt.plan;
	int r = pool_transact(p, &t, &attempt, e);

	if (r == -EDQUOT && e) {
		const struct plan_request request = {.actor = extension->actor,
						     .ids = extension->ids,
						     .ids_count = extension->ids_count};

		pool_note_refusal(p, &attempt, &request, e);
	}
	if (r < 0)
		return r;
	ret_extended->count = plan->extended_count;
	ret_extended->reservations = mem_alloc(plan->extended_count, sizeof(struct reservation *));
	for (size_t i = 0; i < plan->extended_count; i++)
		ret_extended->reservations[i] = reservation_copy(plan->extended[i]);
	return 0;
}
