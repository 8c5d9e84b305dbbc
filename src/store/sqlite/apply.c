/*
 * What each change of a commit does to the tables. The marks were compared before
 * (commit.c), so a change that does not fit here contradicts what its author saw.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/sqlite/sqlite.h"

/* The slot belongs to another reservation than the change says. */
static int not_the_owner(const struct reservation *r, int gpu, struct err *e)
{
	return err_set(e, EAGAIN, "GPU %d is not held by reservation %s any more", gpu, r->id);
}

static void bind_holder(struct sql *q, const struct holder *h)
{
	sql_text(q, h->host);
	sql_text(q, h->boot_id);
	sql_int(q, h->command.pid);
	sql_int(q, (int64_t)h->command.start_ticks);
	sql_int(q, h->supervisor.pid);
	sql_int(q, (int64_t)h->supervisor.start_ticks);
}

static void bind_doubt(struct sql *q, const struct doubt *d)
{
	sql_int(q, d->heartbeat_ns);
	sql_int(q, d->wall_ns);
	sql_int(q, d->monotonic_ns);
	sql_clock(q, d->clock);
}

/* What follows the holder in both statements of reservations. */
static void bind_clocks(struct sql *q, const struct reservation *v)
{
	sql_base(q, &v->base);
	bind_doubt(q, &v->doubt);
}

static int insert_reservation(struct sqlite_store *s, const struct reservation *v, struct err *e)
{
	struct sql q = sql_of(
		s, "INSERT INTO reservations(id, user, account, uid, type, start_ns,"
		   " heartbeat_ns, expiry_ns, deadline_ns, note, queue_id, host, boot_id,"
		   " command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks,"
		   " clock, clock_offset_ns, doubt_heartbeat_ns, doubt_wall_ns, doubt_boot_ns,"
		   " doubt_clock) VALUES"
		   " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sql_text(&q, v->id);
	sql_text(&q, v->user);
	sql_text(&q, v->account);
	sql_quantity(&q, v->uid);
	sql_text(&q, reservation_type_name(v->type));
	sql_int(&q, v->start_ns);
	sql_int(&q, v->heartbeat_ns);
	sql_int(&q, v->expiry_ns);
	sql_int(&q, v->deadline_ns);
	sql_text(&q, v->note);
	sql_text(&q, v->queue_id);
	bind_holder(&q, &v->holder);
	bind_clocks(&q, v);
	return sql_run(&q, e);
}

static int apply_grant(struct sqlite_store *s, const struct reservation *v, int64_t *version,
		       struct err *e)
{
	int r = insert_reservation(s, v, e);

	for (size_t i = 0; r == 0 && i < v->gpus_count; i++) {
		struct sql q = sql_of(s, "UPDATE gpus SET reservation_id = ?, version = ?"
					 " WHERE id = ? AND reservation_id IS NULL");

		sql_text(&q, v->id);
		sql_int(&q, ++*version);
		sql_int(&q, v->gpus[i]);
		r = sql_run(&q, e);
		if (r == 0 && !sqlite3_changes(s->db))
			r = err_set(e, EINVAL, "GPU %d cannot be granted: it is not free",
				    v->gpus[i]);
	}
	return r;
}

/* The record is made from the stored row, but for the start: the clock may have been set since that
   was stored. A clock that was set back gives a length of zero. */
static int record_use(struct sqlite_store *s, const struct change_end *c, int gpu, int64_t key,
		      struct err *e)
{
	struct sql q =
		sql_of(s, "INSERT INTO usage_history(end_ns, key, reservation_id, user, account,"
			  " uid, type, gpu, start_ns, reason, actor, active_ns, idle_ns)"
			  " SELECT max(?1, ?2), ?3, id, user, account, uid, type, ?4, ?1,"
			  " ?5, ?6, active_ns, idle_ns FROM reservations"
			  " LEFT JOIN activity a ON a.gpu = ?4 AND reservation_id = id"
			  " AND seen_ns <> 0 WHERE id = ?7");

	sql_int(&q, c->reservation->start_ns);
	sql_int(&q, c->end_ns);
	sql_int(&q, key);
	sql_int(&q, gpu);
	sql_text(&q, end_reason_name(c->reason));
	sql_text(&q, c->actor);
	sql_text(&q, c->reservation->id);
	return sql_run(&q, e);
}

static int end_one(struct sqlite_store *s, const struct change_end *c, int gpu, int64_t *version,
		   struct err *e)
{
	struct sql q = sql_of(s, "UPDATE gpus SET reservation_id = NULL, last_released_ns = ?,"
				 " released_clock = ?, released_offset_ns = ?, version = ?"
				 " WHERE id = ? AND reservation_id = ?");
	int r;

	sql_int(&q, c->end_ns);
	sql_base(&q, &c->reservation->base);
	sql_int(&q, ++*version);
	sql_int(&q, gpu);
	sql_text(&q, c->reservation->id);
	r = sql_run(&q, e);
	if (r == 0 && !sqlite3_changes(s->db))
		r = not_the_owner(c->reservation, gpu, e);
	if (r == 0 && !c->unrecorded)
		r = record_use(s, c, gpu, *version, e);
	return r;
}

static int apply_end(struct sqlite_store *s, const struct change_end *c, int64_t *version,
		     struct err *e)
{
	struct sql q;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->gpus_count; i++)
		r = end_one(s, c, c->gpus[i], version, e);
	if (r < 0)
		return r;
	q = sql_of(s, "DELETE FROM reservations WHERE id = ?1"
		      " AND NOT EXISTS (SELECT 1 FROM gpus WHERE reservation_id = ?1)");
	sql_text(&q, c->reservation->id);
	return sql_run(&q, e);
}

static int apply_renew(struct sqlite_store *s, const struct reservation *v, int64_t *version,
		       struct err *e)
{
	struct sql q;
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->gpus_count; i++) {
		q = sql_of(s, "UPDATE gpus SET version = ? WHERE id = ? AND reservation_id = ?");
		sql_int(&q, ++*version);
		sql_int(&q, v->gpus[i]);
		sql_text(&q, v->id);
		r = sql_run(&q, e);
		if (r == 0 && !sqlite3_changes(s->db))
			r = not_the_owner(v, v->gpus[i], e);
	}
	if (r < 0)
		return r;
	q = sql_of(s, "UPDATE reservations SET start_ns = ?, heartbeat_ns = ?, expiry_ns = ?,"
		      " deadline_ns = ?, note = ?, host = ?, boot_id = ?, command_pid = ?,"
		      " command_start_ticks = ?, supervisor_pid = ?, supervisor_start_ticks = ?,"
		      " clock = ?, clock_offset_ns = ?, doubt_heartbeat_ns = ?, doubt_wall_ns = ?,"
		      " doubt_boot_ns = ?, doubt_clock = ? WHERE id = ?");
	sql_int(&q, v->start_ns);
	sql_int(&q, v->heartbeat_ns);
	sql_int(&q, v->expiry_ns);
	sql_int(&q, v->deadline_ns);
	sql_text(&q, v->note);
	bind_holder(&q, &v->holder);
	bind_clocks(&q, v);
	sql_text(&q, v->id);
	return sql_run(&q, e);
}

static int put_queue_gpus(struct sqlite_store *s, const struct queue_entry *w, const char *role,
			  const int *gpus, size_t count, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct sql q =
			sql_of(s, "INSERT INTO queue_gpus(queue_id, role, gpu) VALUES (?, ?, ?)");

		sql_text(&q, w->id);
		sql_text(&q, role);
		sql_int(&q, gpus[i]);
		r = sql_run(&q, e);
	}
	return r;
}

/* The members of an entry that both statements of put_entry share, in their order. */
static void bind_entry(struct sql *q, const struct queue_entry *w, const char *eligible,
		       const char *offered_gpus, const char *aside_gpus, int64_t version)
{
	sql_int(q, version);
	sql_text(q, w->user);
	sql_text(q, w->account);
	sql_quantity(q, w->uid);
	sql_text(q, reservation_type_name(w->type));
	sql_int(q, w->requested_count);
	sql_int(q, w->duration_ns);
	sql_text(q, w->note);
	sql_int(q, w->enqueued_ns);
	sql_int(q, w->heartbeat_ns);
	sql_int(q, store_give_up_ns(w));
	bind_holder(q, &w->holder);
	sql_text(q, w->gpu_type);
	sql_int(q, w->min_memory_mb);
	sql_text(q, eligible);
	bind_doubt(q, &w->doubt);
	sql_int(q, w->offer.made_ns);
	sql_text(q, offered_gpus);
	sql_text(q, w->offer.aside);
	sql_text(q, aside_gpus);
	sql_clock(q, w->offer.clock);
	sql_base(q, &w->base);
	sql_int(q, w->since_ns);
	sql_int(q, w->account_limit);
	sql_text(q, w->id);
}

static char *list_text(const int *ids, size_t count)
{
	return ids ? str_join_ids(ids, count, ",") : NULL;
}

/* An entry that is altered keeps its place. */
static int put_entry(struct sqlite_store *s, const struct queue_entry *w, int64_t version,
		     struct err *e)
{
	/* Statements borrow their texts. */
	AUTO_FREE char *eligible = list_text(w->eligible, w->eligible_count);
	AUTO_FREE char *offered_gpus = list_text(w->offer.gpus, w->offer.gpus_count);
	AUTO_FREE char *aside_gpus = list_text(w->offer.aside_gpus, w->offer.aside_gpus_count);
	struct sql q =
		w->version
			? sql_of(s, "UPDATE queue SET version = ?, user = ?, account = ?,"
				    " uid = ?, type = ?, requested_count = ?,"
				    " duration_ns = ?, note = ?, enqueued_ns = ?,"
				    " heartbeat_ns = ?, give_up_ns = ?, host = ?,"
				    " boot_id = ?, command_pid = ?, command_start_ticks = ?,"
				    " supervisor_pid = ?, supervisor_start_ticks = ?,"
				    " gpu_type = ?, min_memory_mb = ?, eligible = ?,"
				    " doubt_heartbeat_ns = ?, doubt_wall_ns = ?,"
				    " doubt_boot_ns = ?, doubt_clock = ?,"
				    " offered_ns = ?, offered_gpus = ?, aside = ?,"
				    " aside_gpus = ?, offered_clock = ?, clock = ?,"
				    " clock_offset_ns = ?, since_ns = ?,"
				    " account_limit = ? WHERE id = ?")
			: sql_of(s, "INSERT INTO queue(version, user, account, uid, type,"
				    " requested_count, duration_ns, note, enqueued_ns,"
				    " heartbeat_ns, give_up_ns, host, boot_id, command_pid,"
				    " command_start_ticks, supervisor_pid,"
				    " supervisor_start_ticks, gpu_type, min_memory_mb,"
				    " eligible, doubt_heartbeat_ns, doubt_wall_ns,"
				    " doubt_boot_ns, doubt_clock, offered_ns,"
				    " offered_gpus, aside, aside_gpus, offered_clock,"
				    " clock, clock_offset_ns, since_ns, account_limit, id) VALUES"
				    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
				    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	bind_entry(&q, w, eligible, offered_gpus, aside_gpus, version);
	return sql_run(&q, e);
}

static int apply_put(struct sqlite_store *s, const struct queue_entry *w, int64_t *version,
		     struct err *e)
{
	struct sql q;
	int r = put_entry(s, w, ++*version, e);

	if (r < 0)
		return r;
	q = sql_of(s, "DELETE FROM queue_gpus WHERE queue_id = ?");
	sql_text(&q, w->id);
	r = sql_run(&q, e);
	if (r == 0)
		r = put_queue_gpus(s, w, "requested", w->requested_ids, w->requested_ids_count, e);
	if (r == 0)
		r = put_queue_gpus(s, w, "collected", w->collected, w->collected_count, e);
	return r;
}

static int apply_drop(struct sqlite_store *s, const struct queue_entry *w, struct err *e)
{
	struct sql q = sql_of(s, "DELETE FROM queue WHERE id = ?");

	sql_text(&q, w->id);
	return sql_run(&q, e);
}

static int apply_topology(struct sqlite_store *s, const struct change_topology *c, struct err *e)
{
	struct sql q = sql_of(s, "UPDATE pool SET topology = ?");

	sql_text(&q, c->text);
	return sql_run(&q, e);
}

int sqlite_apply(struct sqlite_store *s, const struct pool_state *seen, const struct change *c,
		 int64_t *version, struct err *e)
{
	switch (c->kind) {
	case CHANGE_INIT:
		return sqlite_apply_init(s, seen, &c->init, version, e);
	case CHANGE_GRANT:
		return apply_grant(s, c->grant.reservation, version, e);
	case CHANGE_END:
		return apply_end(s, &c->end, version, e);
	case CHANGE_RENEW:
		return apply_renew(s, c->renew.reservation, version, e);
	case CHANGE_PUT:
		return apply_put(s, c->put.entry, version, e);
	case CHANGE_DROP:
		return apply_drop(s, c->drop.entry, e);
	case CHANGE_DRAIN:
		return sqlite_apply_drain(s, &c->drain, version, e);
	case CHANGE_CHECK:
		return 0;
	case CHANGE_TOPOLOGY:
		return apply_topology(s, &c->topology, e);
	case CHANGE_IGNORE:
		return sqlite_apply_ignore(s, &c->ignore, e);
	case CHANGE_UNITS:
		return sqlite_apply_units(s, &c->units, version, e);
	case CHANGE_HOST:
		return sqlite_apply_host(s, c->host.host, e);
	case CHANGE_ACTIVITY:
		return sqlite_apply_activity(s, &c->activity, e);
	case CHANGE_MARK:
		return sqlite_apply_mark(s, &c->mark, version, e);
	case CHANGE_EVENT:
		return sqlite_apply_event(s, &c->event, e);
	}
	return err_set(e, EINVAL, "unknown change %d", (int)c->kind);
}
