/* The orders of a supervisor as a JSON document. */
#include "cmd/orders.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *orders_write(const struct orders *o)
{
	json_t *document = json_pack(
		"{s:s, s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s*, s:I, s:I}", "id",
		o->id, "account", o->account, "pid", (int)o->command.pid, "start",
		(json_int_t)o->command.start_ticks, "gpus", o->gpus, "count",
		(json_int_t)o->gpus_count, "timeout", (json_int_t)o->timeout_ns, "grace",
		(json_int_t)o->grace_ns, "heartbeat", (json_int_t)o->heartbeat_ns, "kill",
		(int)o->kill_on_lost, "store", o->pool.store_url, "fake", o->pool.fake_state_path,
		"threshold", (json_int_t)o->pool.memory_threshold_mb, "history",
		(json_int_t)o->pool.history_keep_ns);
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	return text;
}

int orders_read(const char *text, struct orders *ret_orders, struct err *e)
{
	const char *id = NULL, *account = NULL, *gpus = NULL, *store = NULL, *fake = NULL;
	json_int_t start, gpus_count, timeout, grace, heartbeat, threshold, history;
	int pid = 0, kill_on_lost = 0;
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!document ||
	    json_unpack(document,
			"{s:s, s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s?s, s:I, s:I}",
			"id", &id, "account", &account, "pid", &pid, "start", &start, "gpus", &gpus,
			"count", &gpus_count, "timeout", &timeout, "grace", &grace, "heartbeat",
			&heartbeat, "kill", &kill_on_lost, "store", &store, "fake", &fake,
			"threshold", &threshold, "history", &history) < 0 ||
	    strlen(id) != ID_SIZE - 1) {
		json_decref(document);
		return err_set(e, EPROTO, "the supervisor got no valid orders");
	}
	*ret_orders = (struct orders){
		.account = mem_strdup(account),
		.command = {.pid = pid, .start_ticks = (uint64_t)start},
		.gpus = mem_strdup(gpus),
		.gpus_count = (size_t)gpus_count,
		.timeout_ns = timeout,
		.grace_ns = grace,
		.heartbeat_ns = heartbeat,
		.kill_on_lost = kill_on_lost,
		.pool = {.store_url = mem_strdup(store),
			 .fake_state_path = mem_strdup(fake),
			 .memory_threshold_mb = threshold,
			 .history_keep_ns = history},
	};
	memcpy(ret_orders->id, id, ID_SIZE);
	json_decref(document);
	return 0;
}

void orders_clear(struct orders *o)
{
	free(o->account);
	free(o->gpus);
	pool_config_clear(&o->pool);
	*o = (struct orders){0};
}
