/* The configuration of a pool as JSON; see config_json.h. */
#include "pool/config_json.h"

#include <errno.h>

#include "base/mem.h"

json_t *pool_config_pack(const struct pool_config *c)
{
	json_t *excluded = json_array();

	for (size_t i = 0; i < c->policy.excluded_count; i++)
		json_array_append_new(excluded, json_integer(c->policy.excluded[i]));
	return json_pack("{s:s, s:s*, s:I, s:I, s:b, s:o}", "store", c->store_url, "fake",
			 c->fake_state_path, "threshold", (json_int_t)c->memory_threshold_mb,
			 "history", (json_int_t)c->history_keep_ns, "personal",
			 (int)c->history_set_by_user, "excluded", excluded);
}

static void unpack_excluded(const json_t *list, struct plan_policy *policy)
{
	size_t count = json_array_size(list);

	if (!count || count > POOL_GPUS_MAX)
		return;
	policy->excluded = mem_alloc(count, sizeof(*policy->excluded));
	policy->excluded_count = count;
	for (size_t i = 0; i < count; i++)
		policy->excluded[i] = (int)json_integer_value(json_array_get(list, i));
}

int pool_config_unpack(json_t *object, struct pool_config *ret_config)
{
	const char *store, *fake = NULL;
	json_int_t threshold, history;
	json_t *excluded = NULL;
	int personal;

	if (json_unpack(object, "{s:s, s?s, s:I, s:I, s:b, s?o}", "store", &store, "fake", &fake,
			"threshold", &threshold, "history", &history, "personal", &personal,
			"excluded", &excluded) < 0)
		return -EPROTO;
	*ret_config = (struct pool_config){
		.store_url = mem_strdup(store),
		.fake_state_path = mem_strdup(fake),
		.memory_threshold_mb = threshold,
		.history_keep_ns = history,
		.history_set_by_user = personal,
	};
	unpack_excluded(excluded, &ret_config->policy);
	return 0;
}
