/* The policy from the settings; see policy_settings.h. */
#include "pool/policy_settings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "host/process.h"
#include "plan/limits.h"

struct plan_policy pool_policy_from(const struct settings *s)
{
	struct plan_policy policy = {
		.max_gpus = (int)settings_int(s, "policy.max-gpus"),
		.max_duration_ns = settings_duration_ns(s, "policy.max-duration"),
		.max_run_ns = settings_duration_ns(s, "policy.max-run"),
		.max_wait_ns = settings_duration_ns(s, "policy.max-wait"),
		.idle_after_ns = settings_duration_ns(s, "guard.idle.after"),
		.note_required = settings_flag(s, "policy.require-note"),
		.no_display_name = settings_flag(s, "policy.no-display-name"),
		.admin_group = mem_strdup(settings_text(s, "admin.group")),
	};

	policy.excluded = settings_ids(s, "pool.exclude", &policy.excluded_count);
	return policy;
}

/* The groups that have limits of their own, and whether the account is in them. */
struct groups {
	char **names;
	enum host_member *members;
	size_t count;
};

static void groups_clear(struct groups *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->names[i]);
	free(g->names);
	free(g->members);
}

static enum plan_member as_member(enum host_member member)
{
	switch (member) {
	case HOST_NO_MEMBER:
		return PLAN_NO_MEMBER;
	case HOST_MEMBER:
		return PLAN_MEMBER;
	case HOST_MEMBER_UNKNOWN:
		break;
	}
	return PLAN_MEMBER_UNKNOWN;
}

/* The value of a setting that is a length of time or a number. */
static int64_t value_of(const struct settings *s, const char *key, bool is_duration)
{
	return is_duration ? settings_duration_ns(s, key) : settings_int(s, key);
}

static int64_t limit(const struct settings *s, const struct groups *g, const char *key,
		     bool is_duration)
{
	AUTO_FREE struct plan_group_limit *limits = mem_alloc(g->count, sizeof(*limits));
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++) {
		AUTO_FREE char *own = settings_group_key(key, g->names[i]);

		if (settings_has(s, own))
			limits[count++] = (struct plan_group_limit){
				.value = value_of(s, own, is_duration),
				.member = as_member(g->members[i]),
			};
	}
	return plan_limit_of(value_of(s, key, is_duration), limits, count);
}

void pool_policy_limit(const struct settings *s, uid_t uid, struct plan_policy *policy)
{
	AUTO(groups_clear) struct groups g = {0};

	g.names = settings_groups(s, &g.count);
	if (!g.count)
		return;
	g.members = mem_alloc(g.count, sizeof(*g.members));
	host_account_groups(uid, (const char *const *)g.names, g.count, g.members);
	policy->max_gpus = (int)limit(s, &g, "policy.max-gpus", false);
	policy->max_duration_ns = limit(s, &g, "policy.max-duration", true);
	policy->max_run_ns = limit(s, &g, "policy.max-run", true);
	policy->max_wait_ns = limit(s, &g, "policy.max-wait", true);
}
