/* The configuration of a pool as JSON; see config_json.h. */
#include "pool/config_json.h"

#include "pool/pool.h"

static const struct json_field policy_fields[] = {
	FIELD("max_gpus", struct plan_policy, max_gpus),
	FIELD("max_duration", struct plan_policy, max_duration_ns),
	FIELD("max_wait", struct plan_policy, max_wait_ns),
	FIELD("max_run", struct plan_policy, max_run_ns, .optional = true),
	FIELD("idle_after", struct plan_policy, idle_after_ns, .optional = true),
	FIELD("note_required", struct plan_policy, note_required),
	FIELD("no_display_name", struct plan_policy, no_display_name, .optional = true),
	FIELD_INTS("excluded", struct plan_policy, excluded, excluded_count, .optional = true),
	FIELD("admin_group", struct plan_policy, admin_group, .optional = true, .exact = true),
	FIELDS_END,
};

const struct json_field pool_config_fields[] = {
	FIELD("store", struct pool_config, store_url, .exact = true),
	FIELD("fake", struct pool_config, fake_state_path, .optional = true, .exact = true),
	FIELD("scans", struct pool_config, scan_directory, .optional = true, .exact = true),
	FIELD("scan_limit", struct pool_config, scan_limit_ns, .optional = true),
	FIELD("threshold", struct pool_config, memory_threshold_mb),
	FIELD("naming", struct pool_config, naming, .optional = true),
	FIELD("history", struct pool_config, history_keep_ns),
	FIELD("personal", struct pool_config, history_set_by_user),
	FIELD("events", struct pool_config, events_keep_ns, .optional = true),
	FIELD("events_personal", struct pool_config, events_set_by_user, .optional = true),
	FIELD("backfill", struct pool_config, backfill),
	FIELD("backfill_personal", struct pool_config, backfill_set_by_user),
	FIELD_STRUCT("policy", struct pool_config, policy, policy_fields),
	FIELDS_END,
};
