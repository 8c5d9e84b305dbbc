/* A run that takes over what was reserved by hand; see claim.h. */
#include "plan/claim.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "plan/actor.h"
#include "plan/cleanup.h"
#include "plan/limits.h"
#include "plan/offer.h"
#include "plan/queue.h"

int plan_claim(const struct pool_state *state, const struct plan_facts *facts,
	       const struct plan_request *request, const char *id, struct plan *p, struct err *e)
{
	const struct reservation *held = pool_state_find(state, id);
	struct plan_request asked = *request;
	int *gpus;
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	plan_cleanup(state, facts, p);
	if (!held || held->type != RESERVATION_MANUAL || !plan_owns(&request->actor, held) ||
	    plan_is_collected(state, held) || plan_ends_any(p, held))
		return err_set(e, ENOENT,
			       "you have no manual reservation '%.40s' (it may have expired): "
			       "nothing was reserved",
			       id);
	asked.ids = held->gpus;
	asked.ids_count = held->gpus_count;
	r = plan_check_policy(facts->policy, &asked, e);
	if (r < 0)
		return r;
	gpus = mem_alloc(held->gpus_count, sizeof(*gpus));
	memcpy(gpus, held->gpus, held->gpus_count * sizeof(*gpus));
	plan_release_part(p, held, held->gpus, held->gpus_count, facts->now_ns, NULL);
	plan_end_aside(state, gpus, held->gpus_count, p);
	p->granted = plan_grant(p, request, request->id, gpus, held->gpus_count, facts);
	return 0;
}
