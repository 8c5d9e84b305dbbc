/* The orders of a supervisor as a JSON document. */
#include "supervise/orders.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "host/process.h"
#include "pool/config_json.h"

/* Names and notes may be no UTF-8, which JSON is. */
static json_t *pack_reservation(const struct reservation *r)
{
	AUTO_FREE char *user = text_utf8(r->user), *note = text_utf8(r->note);
	const struct holder *h = &r->holder;
	json_t *gpus = json_array();

	for (size_t i = 0; i < r->gpus_count; i++)
		json_array_append_new(gpus, json_integer(r->gpus[i]));
	return json_pack("{s:s, s:I, s:s*, s:s*, s:I, s:I, s:o, s:s*, s:s*, s:i, s:I, s:i, s:I}",
			 "id", r->id, "uid", (json_int_t)r->uid.value, "user", user, "note", note,
			 "start", (json_int_t)r->start_ns, "deadline", (json_int_t)r->deadline_ns,
			 "gpus", gpus, "host", h->host, "boot", h->boot_id, "command",
			 (int)h->command.pid, "command_start", (json_int_t)h->command.start_ticks,
			 "supervisor", (int)h->supervisor.pid, "supervisor_start",
			 (json_int_t)h->supervisor.start_ticks);
}

static int unpack_reservation(json_t *object, struct reservation *r)
{
	const char *id, *user = NULL, *note = NULL, *host = NULL, *boot = NULL;
	json_int_t uid, start, deadline, command_start, supervisor_start;
	int command, supervisor;
	json_t *gpus;

	if (json_unpack(object, "{s:s, s:I, s?s, s?s, s:I, s:I, s:o, s?s, s?s, s:i, s:I, s:i, s:I}",
			"id", &id, "uid", &uid, "user", &user, "note", &note, "start", &start,
			"deadline", &deadline, "gpus", &gpus, "host", &host, "boot", &boot,
			"command", &command, "command_start", &command_start, "supervisor",
			&supervisor, "supervisor_start", &supervisor_start) < 0 ||
	    strlen(id) != ID_SIZE - 1 || uid < 0 || uid >= UINT32_MAX ||
	    (user && strlen(user) > USER_MAX) || (note && strlen(note) > NOTE_MAX))
		return -EPROTO;
	memcpy(r->id, id, ID_SIZE);
	/* Whoever reads the orders is who the reservation belongs to, whatever they say. */
	if (getuid() != 0)
		uid = (json_int_t)getuid();
	r->account = host_account_name((uid_t)uid);
	r->user = mem_strdup(user);
	r->note = mem_strdup(note);
	r->uid = quantity_of(uid);
	r->type = RESERVATION_RUN;
	r->start_ns = start;
	r->deadline_ns = deadline;
	r->holder.host = mem_strdup(host);
	r->holder.boot_id = mem_strdup(boot);
	r->holder.command = (struct process_ref){command, (uint64_t)command_start};
	r->holder.supervisor = (struct process_ref){supervisor, (uint64_t)supervisor_start};
	r->gpus_count = json_array_size(gpus);
	r->gpus = mem_alloc(r->gpus_count, sizeof(*r->gpus));
	for (size_t i = 0; i < r->gpus_count; i++)
		r->gpus[i] = (int)json_integer_value(json_array_get(gpus, i));
	return 0;
}

/* [[pid, start], ...]; NULL where nothing was adopted. */
static json_t *pack_adopted(const struct orders *o)
{
	json_t *list = o->adopted ? json_array() : NULL;

	for (size_t i = 0; i < o->adopted_count; i++)
		json_array_append_new(list, json_pack("[i, I]", (int)o->adopted[i].pid,
						      (json_int_t)o->adopted[i].start_ticks));
	return list;
}

static int unpack_adopted(json_t *list, struct orders *o)
{
	if (!list)
		return 0;
	if (!json_array_size(list))
		return -EPROTO;
	o->adopted = mem_alloc(json_array_size(list), sizeof(*o->adopted));
	while (o->adopted_count < json_array_size(list)) {
		json_int_t start;
		int pid;

		if (json_unpack(json_array_get(list, o->adopted_count), "[i, I]", &pid, &start) < 0)
			return -EPROTO;
		o->adopted[o->adopted_count++] = (struct process_ref){pid, (uint64_t)start};
	}
	return 0;
}

char *orders_write(const struct orders *o)
{
	json_t *document = json_pack(
		"{s:I, s:I, s:I, s:b, s:o*, s:o, s:o}", "timeout", (json_int_t)o->timeout_ns,
		"grace", (json_int_t)o->grace_ns, "heartbeat", (json_int_t)o->heartbeat_ns, "kill",
		(int)o->kill_on_lost, "adopted", pack_adopted(o), "reservation",
		pack_reservation(o->reservation), "pool", pool_config_pack(&o->pool));
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	return text;
}

int orders_read(const char *text, struct orders *ret_orders, struct err *e)
{
	AUTO(orders_clear) struct orders orders = {.reservation = reservation_new()};
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *reservation = NULL, *pool = NULL, *adopted = NULL;
	json_int_t timeout, grace, heartbeat;
	int kill_on_lost, r;

	r = json_unpack(document, "{s:I, s:I, s:I, s:b, s?o, s:o, s:o}", "timeout", &timeout,
			"grace", &grace, "heartbeat", &heartbeat, "kill", &kill_on_lost, "adopted",
			&adopted, "reservation", &reservation, "pool", &pool);
	if (r == 0)
		r = unpack_reservation(reservation, orders.reservation);
	if (r == 0)
		r = pool_config_unpack(pool, &orders.pool);
	if (r == 0)
		r = unpack_adopted(adopted, &orders);
	json_decref(document);
	if (r < 0)
		return err_set(e, EPROTO, "the supervisor got no valid orders");
	orders.timeout_ns = timeout;
	orders.grace_ns = grace;
	orders.heartbeat_ns = heartbeat;
	orders.kill_on_lost = kill_on_lost;
	*ret_orders = orders;
	orders = (struct orders){0};
	return 0;
}

void orders_clear(struct orders *o)
{
	reservation_free(o->reservation);
	free(o->adopted);
	pool_config_clear(&o->pool);
	*o = (struct orders){0};
}
