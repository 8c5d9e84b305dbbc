/* The JSON values of the Redis store; see json.h. Called by load.c, commit.c and
   history.c. */
#include "store/redis/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/json_value.h"
#include "store/store_backend.h"

static void json_freep(json_t **object)
{
	json_decref(*object);
}

/* ---- the state of a GPU ---- */

/* A reservation of a program that knows no types: what expires was made by hand. */
static enum reservation_type guess_type(const json_t *object)
{
	return json_is_null(json_object_get(object, "expiry_time")) ||
			       !json_object_get(object, "expiry_time")
		       ? RESERVATION_RUN
		       : RESERVATION_MANUAL;
}

static int read_reservation(const json_t *object, struct reservation *v, struct err *e)
{
	int r = redis_json_get_text(object, "user", &v->user, e);

	v->type = guess_type(object);
	if (r == 0)
		r = redis_json_get_text(object, "actual_user", &v->account, e);
	if (r == 0)
		r = redis_json_get_type(object, "type", &v->type, e);
	if (r == 0)
		r = redis_json_get_text(object, "note", &v->note, e);
	if (r == 0)
		r = redis_json_get_both(object, "start_time", "start_exact", &v->start_ns, e);
	if (r == 0)
		r = redis_json_get_both(object, "last_heartbeat", "heartbeat_exact",
					&v->heartbeat_ns, e);
	if (r == 0)
		r = redis_json_get_both(object, "expiry_time", "expiry_exact", &v->expiry_ns, e);
	if (r == 0)
		r = redis_json_get_text(object, "partial_queue_id", &v->queue_id, e);
	/* Ours: without them it is as good as another program's. */
	(void)redis_json_get_time(object, "deadline", &v->deadline_ns, NULL);
	(void)redis_json_get_id(object, "reservation_id", v->id, NULL);
	redis_json_get_ours(object, &v->uid, &v->holder);
	redis_json_get_base(object, &v->base);
	redis_json_get_doubt(object, &v->doubt);
	/* Pools from before there were display names know one name only. */
	if (r == 0 && !v->account)
		v->account = mem_strdup(v->user);
	return r;
}

int redis_json_read_gpu(const char *text, struct reservation **ret_reservation,
			struct redis_freed *ret_freed, struct err *e)
{
	AUTO(reservation_freep) struct reservation *v = NULL;
	AUTO(json_freep) json_t *object = NULL;
	int r;

	*ret_reservation = NULL;
	*ret_freed = (struct redis_freed){0};
	if (!*text)
		return 0;
	r = redis_json_object(text, &object, e);
	if (r == 0)
		r = redis_json_get_time(object, "last_released", &ret_freed->last_released_ns, e);
	if (r < 0)
		return r;
	if (json_object_get(object, "user") && !json_is_null(json_object_get(object, "user"))) {
		v = reservation_new();
		r = read_reservation(object, v, e);
		if (r < 0)
			return r;
	}
	if (!v) {
		redis_json_get_base(object, &ret_freed->base);
		(void)redis_json_get_time(object, "lapsed", &ret_freed->lapsed_ns, NULL);
	}
	*ret_reservation = mem_steal(&v);
	return 0;
}

char *redis_json_write_gpu(const struct reservation *v, const char *mark)
{
	json_t *object = json_object();

	redis_json_set_text(object, "user", v->user ? v->user : "");
	redis_json_set_text(object, "actual_user", v->account);
	redis_json_set_text(object, "type", reservation_type_name(v->type));
	redis_json_set_text(object, "note", v->note);
	redis_json_set_both(object, "start_time", "start_exact", v->start_ns, false);
	redis_json_set_both(object, "last_heartbeat", "heartbeat_exact", v->heartbeat_ns, false);
	/* Rounded up: nobody may take the GPU before it has expired. */
	redis_json_set_both(object, "expiry_time", "expiry_exact", v->expiry_ns, true);
	redis_json_set_text(object, "partial_queue_id", v->queue_id);
	redis_json_set_time(object, "deadline", v->deadline_ns);
	if (*v->id)
		redis_json_set_text(object, "reservation_id", v->id);
	redis_json_set_uid(object, v->uid);
	redis_json_set_holder(object, &v->holder);
	redis_json_set_base(object, &v->base);
	redis_json_set_doubt(object, &v->doubt);
	redis_json_set_text(object, "mark", mark);
	return redis_json_text(object);
}

char *redis_json_write_free(const struct redis_freed *freed, const char *mark)
{
	json_t *object = json_object();

	/* No user at all: others take a null for a reservation. */
	redis_json_set_time(object, "last_released", freed->last_released_ns);
	redis_json_set_base(object, &freed->base);
	redis_json_set_time(object, "lapsed", freed->lapsed_ns);
	redis_json_set_text(object, "mark", mark);
	return redis_json_text(object);
}

/* ---- queue entries ---- */

/* What is unreadable there is as good as absent, as for all that only we write. */
static void get_offer(const json_t *object, struct offer *o)
{
	(void)redis_json_get_int(object, "offered", &o->made_ns, NULL);
	redis_json_get_clock(object, "offered_clock", o->clock);
	(void)redis_json_get_ids(object, "offered_gpus", &o->gpus, &o->gpus_count, NULL);
	(void)redis_json_get_text(object, "aside", &o->aside, NULL);
	(void)redis_json_get_ids(object, "aside_gpus", &o->aside_gpus, &o->aside_gpus_count, NULL);
}

static void set_offer(json_t *object, const struct offer *o)
{
	if (o->made_ns != OFFER_UNKNOWN)
		redis_json_set(object, "offered", json_integer(o->made_ns));
	if (*o->clock)
		redis_json_set_text(object, "offered_clock", o->clock);
	if (o->gpus)
		redis_json_set_ids(object, "offered_gpus", o->gpus, o->gpus_count);
	redis_json_set_text(object, "aside", o->aside);
	if (o->aside_gpus)
		redis_json_set_ids(object, "aside_gpus", o->aside_gpus, o->aside_gpus_count);
}

/* Anything but a number of GPUs is as good as absent. */
static int get_limit(const json_t *object)
{
	int64_t limit = 0;

	(void)redis_json_get_int(object, "account_limit", &limit, NULL);
	return limit > 0 && limit <= POOL_GPUS_MAX ? (int)limit : 0;
}

static int read_entry(const json_t *object, struct queue_entry *w, struct err *e)
{
	int64_t count = 0, give_up_ns = TIME_NONE;
	int r = redis_json_get_id(object, "id", w->id, e);

	if (r == 0)
		r = redis_json_get_text(object, "user", &w->user, e);
	if (r == 0)
		r = redis_json_get_text(object, "actual_user", &w->account, e);
	if (r == 0)
		r = redis_json_get_int(object, "requested_count", &count, e);
	if (r == 0)
		r = redis_json_get_ids(object, "requested_ids", &w->requested_ids,
				       &w->requested_ids_count, e);
	if (r == 0)
		r = redis_json_get_text(object, "gpu_type", &w->gpu_type, e);
	if (r == 0)
		r = redis_json_get_int(object, "min_memory_mb", &w->min_memory_mb, e);
	if (r == 0)
		r = redis_json_get_ids(object, "eligible_gpus", &w->eligible, &w->eligible_count,
				       e);
	if (r == 0)
		r = redis_json_get_ids(object, "allocated_gpus", &w->collected, &w->collected_count,
				       e);
	if (r == 0)
		r = redis_json_get_type(object, "reservation_type", &w->type, e);
	if (r == 0)
		r = redis_json_get_int(object, "expiry_duration", &w->duration_ns, e);
	if (r == 0)
		r = redis_json_get_text(object, "note", &w->note, e);
	if (r == 0)
		r = redis_json_get_time(object, "enqueue_time", &w->enqueued_ns, e);
	if (r == 0)
		r = redis_json_get_time(object, "last_heartbeat", &w->heartbeat_ns, e);
	if (r == 0)
		r = redis_json_get_time(object, "wait_timeout", &give_up_ns, e);
	redis_json_get_ours(object, &w->uid, &w->holder);
	redis_json_get_doubt(object, &w->doubt);
	redis_json_get_base(object, &w->base);
	(void)redis_json_get_time(object, "since", &w->since_ns, NULL);
	get_offer(object, &w->offer);
	w->lets_pass = json_is_true(json_object_get(object, "lets_pass"));
	w->account_limit = get_limit(object);
	if (r < 0)
		return r;
	if (count < 0 || count > POOL_GPUS_MAX)
		return err_set(e, EBADMSG, "its 'requested_count' is not a number of GPUs");
	w->requested_count = (int)count;
	/* None is not the same as any. */
	if (!w->eligible && json_is_array(json_object_get(object, "eligible_gpus")))
		w->eligible = mem_alloc(1, sizeof(*w->eligible));
	store_set_give_up_ns(w, give_up_ns);
	/* Messages name the waiting user. */
	if (!w->user)
		w->user = mem_strdup(w->account ? w->account : "unknown");
	if (!w->account)
		w->account = mem_strdup(w->user);
	return 0;
}

int redis_json_read_entry(const char *text, struct queue_entry *ret_entry, struct err *e)
{
	AUTO(queue_entry_clear) struct queue_entry w = {0};
	AUTO(json_freep) json_t *object = NULL;
	int r = redis_json_object(text, &object, e);

	if (r == 0)
		r = read_entry(object, &w, e);
	if (r < 0)
		return r;
	*ret_entry = w;
	w = (struct queue_entry){0};
	return 0;
}

char *redis_json_write_entry(const struct queue_entry *w, const char *mark)
{
	json_t *object = json_object();

	redis_json_set_text(object, "id", w->id);
	redis_json_set_text(object, "user", w->user);
	redis_json_set_text(object, "actual_user", w->account);
	redis_json_set(object, "requested_count", json_integer(w->requested_count));
	if (w->requested_ids_count)
		redis_json_set_ids(object, "requested_ids", w->requested_ids,
				   w->requested_ids_count);
	redis_json_set_text(object, "gpu_type", w->gpu_type);
	if (w->min_memory_mb)
		redis_json_set(object, "min_memory_mb", json_integer(w->min_memory_mb));
	if (w->eligible)
		redis_json_set_ids(object, "eligible_gpus", w->eligible, w->eligible_count);
	redis_json_set_ids(object, "allocated_gpus", w->collected, w->collected_count);
	redis_json_set_text(object, "reservation_type", reservation_type_name(w->type));
	if (w->duration_ns)
		redis_json_set(object, "expiry_duration", json_integer(w->duration_ns));
	if (w->account_limit)
		redis_json_set(object, "account_limit", json_integer(w->account_limit));
	redis_json_set_text(object, "note", w->note);
	redis_json_set_time(object, "enqueue_time", w->enqueued_ns);
	redis_json_set_time(object, "last_heartbeat", w->heartbeat_ns);
	redis_json_set_time(object, "wait_timeout", store_give_up_ns(w));
	redis_json_set_uid(object, w->uid);
	redis_json_set_holder(object, &w->holder);
	redis_json_set_doubt(object, &w->doubt);
	redis_json_set_base(object, &w->base);
	redis_json_set_time(object, "since", w->since_ns);
	set_offer(object, &w->offer);
	if (w->lets_pass)
		redis_json_set(object, "lets_pass", json_true());
	redis_json_set_text(object, "mark", mark);
	return redis_json_text(object);
}

/* ---- usage records ---- */

static int read_usage(const json_t *object, struct usage_record *u, struct err *e)
{
	AUTO_FREE char *reason = NULL;
	int64_t gpu = -1;
	int r = redis_json_get_text(object, "user", &u->user, e);

	if (r == 0)
		r = redis_json_get_text(object, "actual_user", &u->account, e);
	if (r == 0)
		r = redis_json_get_int(object, "gpu_id", &gpu, e);
	if (r == 0)
		r = redis_json_get_time(object, "start_time", &u->start_ns, e);
	if (r == 0)
		r = redis_json_get_time(object, "end_time", &u->end_ns, e);
	if (r == 0)
		r = redis_json_get_type(object, "reservation_type", &u->type, e);
	(void)redis_json_get_id(object, "reservation_id", u->reservation_id, NULL);
	redis_json_get_ours(object, &u->uid, NULL);
	(void)redis_json_get_text(object, "reason", &reason, NULL);
	(void)redis_json_get_text(object, "actor", &u->actor, NULL);
	redis_json_get_quantity(object, "active_ns", &u->active_ns);
	redis_json_get_quantity(object, "idle_ns", &u->idle_ns);
	if (r < 0)
		return r;
	if (gpu < 0 || gpu >= POOL_GPUS_MAX || u->end_ns == TIME_NONE || u->end_ns < u->start_ns)
		return err_set(e, EBADMSG, "it names no GPU, or ends before it starts");
	u->gpu = (int)gpu;
	end_reason_parse(reason, &u->reason);
	/* Very old records know one name only. */
	if (!u->account && u->user && *u->user)
		u->account = mem_strdup(u->user);
	return 0;
}

int redis_json_parse_usage(const char *text, struct usage_record *ret_record, struct err *e)
{
	AUTO(usage_record_clear) struct usage_record u = {0};
	AUTO(json_freep) json_t *object = NULL;
	int r = redis_json_object(text, &object, e);

	if (r == 0)
		r = read_usage(object, &u, e);
	if (r < 0)
		return r;
	*ret_record = u;
	u = (struct usage_record){0};
	return 0;
}

int redis_json_read_usage(const char *text, struct usage_record *ret_record, struct err *e)
{
	return redis_usage_take_plain(text, ret_record)
		       ? 0
		       : redis_json_parse_usage(text, ret_record, e);
}

char *redis_json_write_usage(const struct usage_record *u)
{
	json_t *object = json_object();
	double seconds = (double)(u->end_ns - u->start_ns) / (double)NS_PER_SECOND;

	redis_json_set_text(object, "user", u->user ? u->user : "");
	redis_json_set(object, "gpu_id", json_integer(u->gpu));
	redis_json_set_time(object, "start_time", u->start_ns);
	redis_json_set_time(object, "end_time", u->end_ns);
	redis_json_set(object, "duration_seconds", json_real(seconds));
	redis_json_set_text(object, "reservation_type", reservation_type_name(u->type));
	redis_json_set_text(object, "actual_user", u->account);
	redis_json_set_uid(object, u->uid);
	if (*u->reservation_id)
		redis_json_set_text(object, "reservation_id", u->reservation_id);
	redis_json_set_text(object, "reason", end_reason_name(u->reason));
	redis_json_set_text(object, "actor", u->actor);
	redis_json_set_quantity(object, "active_ns", u->active_ns);
	redis_json_set_quantity(object, "idle_ns", u->idle_ns);
	return redis_json_text(object);
}

/* ---- the host ---- */

void redis_json_read_host(const char *text, struct machine *host)
{
	AUTO(json_freep) json_t *object = NULL;

	if (!*text || redis_json_object(text, &object, NULL) < 0)
		return;
	(void)redis_json_get_text(object, "machine_id", &host->id, NULL);
	(void)redis_json_get_text(object, "boot_id", &host->boot_id, NULL);
	(void)redis_json_get_text(object, "name", &host->name, NULL);
}

char *redis_json_write_host(const struct machine *host)
{
	json_t *object = json_object();

	redis_json_set_text(object, "machine_id", host->id);
	redis_json_set_text(object, "boot_id", host->boot_id);
	redis_json_set_text(object, "name", host->name);
	return redis_json_text(object);
}
