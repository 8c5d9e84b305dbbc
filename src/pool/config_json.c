/* The configuration of a pool as JSON; see config_json.h. */
#include "pool/config_json.h"

#include <errno.h>

#include "base/mem.h"

json_t *pool_config_pack(const struct pool_config *c)
{
	return json_pack("{s:s, s:s*, s:I, s:I, s:b}", "store", c->store_url, "fake",
			 c->fake_state_path, "threshold", (json_int_t)c->memory_threshold_mb,
			 "history", (json_int_t)c->history_keep_ns, "personal",
			 (int)c->history_is_personal);
}

int pool_config_unpack(json_t *object, struct pool_config *ret_config)
{
	const char *store, *fake = NULL;
	json_int_t threshold, history;
	int personal;

	if (json_unpack(object, "{s:s, s?s, s:I, s:I, s:b}", "store", &store, "fake", &fake,
			"threshold", &threshold, "history", &history, "personal", &personal) < 0)
		return -EPROTO;
	*ret_config = (struct pool_config){
		.store_url = mem_strdup(store),
		.fake_state_path = mem_strdup(fake),
		.memory_threshold_mb = threshold,
		.history_keep_ns = history,
		.history_is_personal = personal,
	};
	return 0;
}
