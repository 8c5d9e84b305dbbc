/* The orders of a supervisor as a JSON document. A request that waits through an upgrade gives its
   own to the new program (program.h): a new member is optional, and an old one keeps its meaning.
 */
#include "supervise/orders.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_fields.h"
#include "base/mem.h"
#include "host/identity.h"
#include "host/process.h"
#include "pool/config_json.h"

static const struct json_field process_fields[] = {
	FIELD("pid", struct process_ref, pid),
	FIELD("start", struct process_ref, start_ticks),
	FIELDS_END,
};

/* The account is not among them: it is that of the process that reads the orders. */
static const struct json_field reservation_fields[] = {
	FIELD("id", struct reservation, id),
	FIELD("uid", struct reservation, uid),
	FIELD("user", struct reservation, user, .optional = true),
	FIELD("note", struct reservation, note, .optional = true),
	FIELD("start", struct reservation, start_ns),
	FIELD("deadline", struct reservation, deadline_ns),
	FIELD("clock", struct reservation, base.clock, .optional = true),
	FIELD("clock_offset", struct reservation, base.offset_ns, .optional = true),
	FIELD("expiry", struct reservation, expiry_ns, .optional = true),
	FIELD_INTS("gpus", struct reservation, gpus, gpus_count),
	FIELD("host", struct reservation, holder.host, .optional = true, .exact = true),
	FIELD("boot", struct reservation, holder.boot_id, .optional = true, .exact = true),
	FIELD("command", struct reservation, holder.command.pid),
	FIELD("command_start", struct reservation, holder.command.start_ticks),
	FIELD("supervisor", struct reservation, holder.supervisor.pid),
	FIELD("supervisor_start", struct reservation, holder.supervisor.start_ticks),
	FIELDS_END,
};

static const struct json_field orders_fields[] = {
	FIELD("timeout", struct orders, timeout_ns),
	FIELD("grace", struct orders, grace_ns),
	FIELD("stop_signal", struct orders, stop_signal),
	FIELD("warn_before", struct orders, warn_before_ns),
	FIELD("warn_signal", struct orders, warn_signal),
	FIELD("cgroup", struct orders, cgroup, .optional = true, .exact = true),
	FIELD("until", struct orders, until),
	FIELD("linger", struct orders, linger_ns),
	FIELD("heartbeat", struct orders, heartbeat_ns),
	FIELD("kill", struct orders, kill_on_lost),
	FIELD("within", struct orders, within, .optional = true),
	FIELD("cid_file", struct orders, cid_file, .optional = true, .exact = true),
	FIELD("cid_directory", struct orders, cid_directory, .optional = true, .exact = true),
	FIELD("container_kill", struct orders, container_kill, .optional = true),
	FIELD_STRUCTS("adopted", struct orders, adopted, adopted_count, process_fields,
		      .optional = true),
	FIELD("notify", struct orders, notify, .optional = true),
	FIELD("notify_what", struct orders, notify_what, .optional = true),
	FIELD("notify_waited", struct orders, notify_waited, .optional = true),
	FIELD("sendmail", struct orders, sendmail, .optional = true, .exact = true),
	FIELD_POINTER("reservation", struct orders, reservation, reservation_fields),
	FIELD_STRUCT("pool", struct orders, pool, pool_config_fields),
	FIELDS_END,
};

char *orders_write(const struct orders *o)
{
	return json_fields_text(json_fields_write(orders_fields, o));
}

/* Completes the reservation of orders that anybody may have written. */
static int complete_reservation(struct reservation *r)
{
	if (r->uid.value < 0 || r->uid.value >= UINT32_MAX ||
	    (r->user && strlen(r->user) > USER_MAX) || (r->note && strlen(r->note) > NOTE_MAX))
		return -EPROTO;
	if (host_own_uid() != 0)
		r->uid = quantity_of((int64_t)host_own_uid());
	r->account = host_account_name((uid_t)r->uid.value);
	r->type = RESERVATION_RUN;
	return 0;
}

int orders_read(const char *text, struct orders *ret_orders, struct err *e)
{
	AUTO(orders_clear) struct orders orders = {0};
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int r = json_fields_read(orders_fields, document, &orders);

	json_decref(document);
	if (r == 0)
		r = complete_reservation(orders.reservation);
	if (r < 0)
		return err_set(e, EPROTO, "the supervisor got no valid orders");
	*ret_orders = orders;
	orders = (struct orders){0};
	return 0;
}

void orders_clear(struct orders *o)
{
	reservation_free(o->reservation);
	free(o->cgroup);
	free(o->adopted);
	free(o->cid_file);
	free(o->cid_directory);
	free(o->container_kill);
	free(o->notify);
	free(o->notify_what);
	free(o->sendmail);
	pool_config_clear(&o->pool);
	*o = (struct orders){0};
}
