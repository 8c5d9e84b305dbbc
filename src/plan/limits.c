/* Limits that the host's administrator sets, and who is bound by them: see limits.h. */
#include "plan/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/queue.h"
#include "plan/withheld.h"

/* The limits that bind the actor; NULL: none do. */
static const struct plan_policy *binding(const struct plan_policy *policy,
					 const struct plan_actor *actor)
{
	return plan_is_administrator(actor) ? NULL : policy;
}

int64_t plan_limit_of(int64_t host_limit, const struct plan_group_limit *groups, size_t count)
{
	int64_t most = 0, least_unknown = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t value = groups[i].value;

		if (groups[i].member == PLAN_MEMBER && value > most)
			most = value;
		if (groups[i].member == PLAN_MEMBER_UNKNOWN &&
		    (!least_unknown || value < least_unknown))
			least_unknown = value;
	}
	/* More groups would make it only more. */
	if (most)
		return most;
	return least_unknown && (!host_limit || least_unknown < host_limit) ? least_unknown
									    : host_limit;
}

int64_t plan_longest_run_ns(const struct plan_policy *policy, const struct plan_actor *actor)
{
	policy = binding(policy, actor);
	return policy && policy->max_run_ns ? policy->max_run_ns : INT64_MAX;
}

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

/* "4h 0m 0s" of reservation or waiting, against what was asked. */
static int refuse_length(const char *what, const char *key, int64_t limit_ns, int64_t asked_ns,
			 struct err *e)
{
	char limit[CLOCK_DURATION_SIZE], asked[CLOCK_DURATION_SIZE];

	return err_set(e, EDQUOT, "limit of %s %s on this host (%s): you ask for %s",
		       clock_duration(limit_ns, limit), what, key, clock_duration(asked_ns, asked));
}

int plan_check_policy(const struct plan_policy *policy, const struct plan_request *request,
		      struct err *e)
{
	char limit[CLOCK_DURATION_SIZE];

	policy = binding(policy, &request->actor);
	if (!policy)
		return 0;
	if (policy->note_required && is_blank(request->note))
		return err_set(e, EDQUOT,
			       "a note is required on this host (policy.require-note): use --note "
			       "to say what the GPUs are for");
	if (policy->no_display_name && request->user &&
	    strcmp(request->user, request->actor.account) != 0)
		return err_set(e, EDQUOT,
			       "display names are not used on this host (policy.no-display-name): "
			       "leave out --user");
	/* Commands keep to it: this is for what does not. */
	if (policy->max_run_ns && request->type == RESERVATION_RUN &&
	    (!request->duration_ns || request->duration_ns > policy->max_run_ns))
		return err_set(e, EDQUOT,
			       "limit of %s per run on this host (policy.max-run): it needs a "
			       "time limit that is no longer (--timeout)",
			       clock_duration(policy->max_run_ns, limit));
	if (policy->max_duration_ns && request->type == RESERVATION_MANUAL &&
	    request->duration_ns > policy->max_duration_ns)
		return refuse_length("per manual reservation", "policy.max-duration",
				     policy->max_duration_ns, request->duration_ns, e);
	return 0;
}

int plan_limit_wait(const struct plan_policy *policy, const struct plan_actor *actor,
		    int64_t *limit_ns, bool *ret_shortened, struct err *e)
{
	*ret_shortened = false;
	policy = binding(policy, actor);
	if (!policy || !policy->max_wait_ns)
		return 0;
	if (*limit_ns > policy->max_wait_ns)
		return refuse_length("of waiting", "policy.max-wait", policy->max_wait_ns,
				     *limit_ns, e);
	*ret_shortened = !*limit_ns;
	if (!*limit_ns)
		*limit_ns = policy->max_wait_ns;
	return 0;
}

int plan_check_extension(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct reservation *longer,
			 int64_t by_ns, struct err *e)
{
	const struct plan_policy *policy = binding(facts->policy, actor);
	int64_t length_ns = longer->expiry_ns - facts->now_ns, most;
	char limit[CLOCK_DURATION_SIZE], asked[CLOCK_DURATION_SIZE];
	AUTO_FREE char *advice = NULL;

	for (size_t i = 0; !plan_is_administrator(actor) && i < longer->gpus_count; i++) {
		AUTO_FREE char *why = plan_why_withheld(state, facts->policy, longer->gpus[i]);

		if (why)
			return err_set(e, EDQUOT,
				       "GPU %d cannot be extended: it is going out of service (%s)",
				       longer->gpus[i], why);
	}
	if (!policy || !policy->max_duration_ns || length_ns <= policy->max_duration_ns)
		return 0;
	most = (by_ns - (length_ns - policy->max_duration_ns)) / NS_PER_MINUTE;
	if (most > 0)
		advice = mem_printf("'canhazgpu extend %" PRId64 "m' is the most at present", most);
	return err_set(e, EDQUOT,
		       "limit of %s per manual reservation on this host (policy.max-duration): "
		       "GPU %d would be reserved for %s from now; %s",
		       clock_duration(policy->max_duration_ns, limit), longer->gpus[0],
		       clock_duration(length_ns, asked), advice ? advice : "extend it later");
}

/* ---- policy.max-gpus ---- */

int plan_limit_gpus(const struct plan_policy *policy, const struct plan_actor *actor)
{
	policy = binding(policy, actor);
	return policy ? policy->max_gpus : 0;
}

enum plan_quota plan_check_quota(const struct pool_state *state, const struct plan_facts *facts,
				 const struct plan *p, const struct plan_request *request,
				 size_t places, struct err *e)
{
	struct quantity uid = quantity_of((int64_t)request->actor.uid);
	size_t limit = (size_t)plan_limit_gpus(facts->policy, &request->actor);
	size_t asked = plan_request_count(request), held, ending, collected;

	if (!limit)
		return QUOTA_KEPT;
	held = plan_count_held(state, facts, p, uid, request->actor.account, &ending);
	collected = plan_count_collected(state, facts, places, uid, request->actor.account);
	if (held + collected + asked <= limit)
		return QUOTA_KEPT;
	err_set(e, EDQUOT,
		"limit of %zu GPU%s per user on this host (policy.max-gpus): you hold %zu and ask "
		"for %zu",
		limit, str_plural(limit), held, asked);
	if (asked > limit)
		return QUOTA_NEVER;
	return held + collected - ending + asked <= limit ? QUOTA_SOON : QUOTA_OVER;
}

void plan_guard_quota(const struct pool_state *state, const struct plan_facts *facts,
		      const struct plan_request *request, struct plan *p)
{
	struct change *c;
	int *all;

	if (!plan_limit_gpus(facts->policy, &request->actor))
		return;
	all = plan_own(p, mem_alloc(state->slots_count, sizeof(*all)));
	for (size_t i = 0; i < state->slots_count; i++)
		all[i] = (int)i;
	c = plan_add(p, CHANGE_CHECK);
	c->quiet = true;
	c->check.gpus = all;
	c->check.gpus_count = state->slots_count;
}
