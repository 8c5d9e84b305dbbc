/* The orders of a supervisor as a JSON document. */
#include "cmd/orders.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

/* What the orders do not say already. Names and notes may be no UTF-8. */
static json_t *pack_reservation(const struct reservation *r)
{
	AUTO_FREE char *user = text_utf8(r->user), *note = text_utf8(r->note);
	json_t *gpus = json_array();

	for (size_t i = 0; i < r->gpus_count; i++)
		json_array_append_new(gpus, json_integer(r->gpus[i]));
	return json_pack("{s:s*, s:s*, s:I, s:I, s:o, s:s*, s:s*, s:i, s:I}", "user", user, "note",
			 note, "start", (json_int_t)r->start_ns, "deadline",
			 (json_int_t)r->deadline_ns, "gpus", gpus, "host", r->holder.host, "boot",
			 r->holder.boot_id, "supervisor", (int)r->holder.supervisor.pid,
			 "supervisor_start", (json_int_t)r->holder.supervisor.start_ticks);
}

/* Fills in what the orders say beside it later. */
static int unpack_reservation(json_t *object, struct reservation *r)
{
	const char *user = NULL, *note = NULL, *host = NULL, *boot = NULL;
	json_int_t start, deadline, supervisor_start;
	json_t *gpus = NULL;
	int supervisor = 0;

	if (json_unpack(object, "{s?s, s?s, s:I, s:I, s:o, s?s, s?s, s:i, s:I}", "user", &user,
			"note", &note, "start", &start, "deadline", &deadline, "gpus", &gpus,
			"host", &host, "boot", &boot, "supervisor", &supervisor, "supervisor_start",
			&supervisor_start) < 0)
		return -EPROTO;
	r->type = RESERVATION_RUN;
	r->user = mem_strdup(user);
	r->note = mem_strdup(note);
	r->start_ns = start;
	r->deadline_ns = deadline;
	r->holder.host = mem_strdup(host);
	r->holder.boot_id = mem_strdup(boot);
	r->holder.supervisor = (struct process_ref){supervisor, (uint64_t)supervisor_start};
	r->gpus_count = json_array_size(gpus);
	r->gpus = mem_alloc(r->gpus_count, sizeof(*r->gpus));
	for (size_t i = 0; i < r->gpus_count; i++)
		r->gpus[i] = (int)json_integer_value(json_array_get(gpus, i));
	return 0;
}

char *orders_write(const struct orders *o)
{
	json_t *document = json_pack(
		"{s:s, s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s*, s:I, s:I, s:o}",
		"id", o->id, "account", o->account, "pid", (int)o->command.pid, "start",
		(json_int_t)o->command.start_ticks, "gpus", o->gpus, "count",
		(json_int_t)o->gpus_count, "timeout", (json_int_t)o->timeout_ns, "grace",
		(json_int_t)o->grace_ns, "heartbeat", (json_int_t)o->heartbeat_ns, "kill",
		(int)o->kill_on_lost, "store", o->pool.store_url, "fake", o->pool.fake_state_path,
		"threshold", (json_int_t)o->pool.memory_threshold_mb, "history",
		(json_int_t)o->pool.history_keep_ns, "reservation",
		pack_reservation(o->reservation));
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	return text;
}

int orders_read(const char *text, struct orders *ret_orders, struct err *e)
{
	const char *id = NULL, *account = NULL, *gpus = NULL, *store = NULL, *fake = NULL;
	json_int_t start, gpus_count, timeout, grace, heartbeat, threshold, history;
	AUTO(reservation_freep) struct reservation *reservation = reservation_new();
	int pid = 0, kill_on_lost = 0;
	json_t *granted = NULL;
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!document ||
	    json_unpack(
		    document,
		    "{s:s, s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s?s, s:I, s:I, s:o}",
		    "id", &id, "account", &account, "pid", &pid, "start", &start, "gpus", &gpus,
		    "count", &gpus_count, "timeout", &timeout, "grace", &grace, "heartbeat",
		    &heartbeat, "kill", &kill_on_lost, "store", &store, "fake", &fake, "threshold",
		    &threshold, "history", &history, "reservation", &granted) < 0 ||
	    strlen(id) != ID_SIZE - 1 || unpack_reservation(granted, reservation) < 0) {
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
	memcpy(reservation->id, id, ID_SIZE);
	reservation->account = mem_strdup(account);
	reservation->uid = quantity_of((int64_t)getuid());
	ret_orders->reservation = mem_steal(&reservation);
	json_decref(document);
	return 0;
}

void orders_clear(struct orders *o)
{
	free(o->account);
	free(o->gpus);
	reservation_free(o->reservation);
	pool_config_clear(&o->pool);
	*o = (struct orders){0};
}
