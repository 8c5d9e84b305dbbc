/* Longer manual reservations: plan_extend. */
#include "plan/extend.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/cleanup.h"
#include "plan/limits.h"
#include "plan/queue.h"

/* What `ids` name must have an expiry. */
static int check_types(const struct pool_state *state, const struct plan_extension *x,
		       struct err *e)
{
	for (size_t i = 0; i < x->ids_count; i++) {
		const struct reservation *r = state->slots[x->ids[i]].reservation;

		if (r->type == RESERVATION_RUN)
			return err_set(e, EINVAL,
				       "GPU %d is held by a run, which ends when its command does: "
				       "there is nothing to extend",
				       x->ids[i]);
		if (r->expiry_ns == TIME_NONE)
			return err_set(e, EINVAL,
				       "the reservation of GPU %d has no end: there is nothing to "
				       "extend",
				       x->ids[i]);
	}
	return 0;
}

/* A reservation has one expiry for all its GPUs: the error names those that were left out. They are
   not taken along, since others may want them. */
static int check_whole(const struct reservation *r, const struct plan_extension *x, struct err *e)
{
	AUTO(str_clear) struct str all = {0};
	int named = -1, missing = 0;

	for (size_t i = 0; i < r->gpus_count; i++) {
		bool is = gpu_ids_have(x->ids, x->ids_count, r->gpus[i]);

		named = is ? r->gpus[i] : named;
		missing += !is;
		str_addf(&all, "%s%d", i ? "," : "", r->gpus[i]);
	}
	if (!missing)
		return 0;
	return err_set(
		e, EINVAL,
		"GPU %d is reserved together with others: extend all of them (--gpu-ids %s), or "
		"release the others first",
		named, str_text(&all));
}

/* Waiting requests come before the present holder. */
static int check_queue(const struct pool_state *state, const struct plan_facts *facts,
		       const struct reservation *r, const struct plan_extension *x, struct err *e)
{
	for (size_t i = 0; i < r->gpus_count; i++) {
		const struct queue_entry *first =
			plan_first_for(state, facts, r->gpus[i], state->queue_count);
		AUTO_FREE char *who = first ? account_label(first->user, first->account) : NULL;

		if (first && !(x->force && plan_is_administrator(&x->actor)))
			return err_set(e, EBUSY,
				       "GPU %d cannot be extended: %s is waiting for it (request "
				       "%.8s; only administrators can override that, with --force)",
				       r->gpus[i], who, first->id);
	}
	return 0;
}

static int extend_one(const struct pool_state *state, const struct plan_facts *facts,
		      const struct reservation *r, const struct plan_extension *x, struct plan *p,
		      struct err *e)
{
	AUTO_FREE char *expiring = mem_printf(PLAN_EXPIRING "%s", r->id);
	struct reservation *longer;
	int status = check_queue(state, facts, r, x, e);

	if (status < 0)
		return status;
	if (r->expiry_ns - facts->now_ns > PARSE_DURATION_MAX_NS - x->duration_ns)
		return err_set(e, ERANGE,
			       "GPU %d cannot be extended that far: a reservation must end within "
			       "3650 days from now",
			       r->gpus[0]);
	/* Whoever was told when it ends is told again. */
	plan_drop_mark(p, state, expiring);
	/* Not quietly: processes that wait or watch have set their timers by the old expiry. */
	longer = plan_renew_copy(p, r, false);
	longer->expiry_ns += x->duration_ns;
	status = plan_check_extension(state, facts, &x->actor, longer, x->duration_ns, e);
	if (status < 0)
		return status;
	p->extended = mem_resize(p->extended, p->extended_count + 1, sizeof(struct reservation *));
	p->extended[p->extended_count++] = longer;
	return 0;
}

/* Whether it is one of those that are meant. */
static bool is_meant(const struct pool_state *state, const struct reservation *r,
		     const struct plan_extension *x)
{
	if (!x->ids)
		return r->type == RESERVATION_MANUAL && r->expiry_ns != TIME_NONE &&
		       plan_owns(&x->actor, r) && !plan_is_collected(state, r);
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (gpu_ids_have(x->ids, x->ids_count, r->gpus[i]))
			return true;
	}
	return false;
}

int plan_extend(const struct pool_state *state, const struct plan_facts *facts,
		const struct plan_extension *x, struct plan *p, struct err *e)
{
	int status = plan_require(state, e);

	if (status < 0)
		return status;
	plan_cleanup(state, facts, p);
	status = plan_check_held(state, p, &x->actor, x->ids, x->ids_count, e);
	if (status == 0)
		status = check_types(state, x, e);
	for (size_t i = 0; status == 0 && i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];

		if (!is_meant(state, r, x) || plan_ends_any(p, r))
			continue;
		if (x->ids)
			status = check_whole(r, x, e);
		if (status == 0)
			status = extend_one(state, facts, r, x, p, e);
	}
	if (status == 0 && !p->extended_count)
		return err_set(
			e, ENOENT,
			"you hold no manually reserved GPUs: there is nothing to extend (has the "
			"reservation expired? reserve again)");
	return status;
}
