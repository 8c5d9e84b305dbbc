/* Lengthening reservations: pool_extend of pool.h. What is allowed is plan_extend's decision. */
#include <stdlib.h>

#include "base/mem.h"
#include "pool/private.h"

void pool_extended_clear(struct pool_extended *x)
{
	for (size_t i = 0; i < x->count; i++)
		reservation_free(x->reservations[i]);
	free(x->reservations);
	*x = (struct pool_extended){0};
}

struct extend {
	const struct plan_extension *extension;
	struct pool_extended extended; /* the result */
};

static int decide_extend(const struct pool_state *state, const struct plan_facts *facts,
			 void *argument, struct plan *plan, struct err *e)
{
	struct extend *x = argument;
	int r = plan_extend(state, facts, x->extension, plan, e);

	if (r < 0)
		return r;
	pool_extended_clear(&x->extended);
	x->extended.reservations = mem_alloc(plan->extended_count, sizeof(struct reservation *));
	while (x->extended.count < plan->extended_count) {
		x->extended.reservations[x->extended.count] =
			reservation_copy(plan->extended[x->extended.count]);
		x->extended.count++;
	}
	return 0;
}

int pool_extend(struct pool *p, const struct plan_extension *extension,
		struct pool_extended *ret_extended, struct err *e)
{
	struct extend x = {.extension = extension};
	int r = pool_transact(p, decide_extend, &x, e);

	if (r < 0) {
		pool_extended_clear(&x.extended);
		return r;
	}
	*ret_extended = x.extended;
	return 0;
}
