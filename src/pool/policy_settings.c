/* The policy from the settings; see policy_settings.h. */
#include "pool/policy_settings.h"

#include "base/mem.h"

struct plan_policy pool_policy_from(const struct settings *s)
{
	struct plan_policy policy = {
		.max_gpus = (int)settings_int(s, "policy.max-gpus"),
		.max_duration_ns = settings_duration_ns(s, "policy.max-duration"),
		.max_wait_ns = settings_duration_ns(s, "policy.max-wait"),
		.note_required = settings_flag(s, "policy.require-note"),
		.no_display_name = settings_flag(s, "policy.no-display-name"),
		.admin_group = mem_strdup(settings_text(s, "admin.group")),
	};

	policy.excluded = settings_ids(s, "pool.exclude", &policy.excluded_count);
	return policy;
}
