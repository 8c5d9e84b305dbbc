/* What changes about events, marks and activity do to the tables. Called by apply.c. */
#include "base/mem.h"
#include "base/str.h"
#include "store/sqlite/sqlite.h"

int sqlite_apply_activity(struct sqlite_store *s, const struct change_activity *c, struct err *e)
{
	const struct activity *a = &c->activity;
	struct sql q = sql_of(s, "INSERT OR REPLACE INTO activity(gpu, reservation_id, seen_ns,"
				 " last_active_ns, idle_since_ns, active_ns, idle_ns, told_idle,"
				 " memory_mb, power_mw, energy_mj, card, clock, offset_ns)"
				 " SELECT id, reservation_id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
				 " FROM gpus WHERE id = ? AND reservation_id = ?");

	sql_int(&q, a->seen_ns);
	sql_int(&q, a->last_active_ns);
	sql_int(&q, a->idle_since_ns);
	sql_int(&q, a->active_ns);
	sql_int(&q, a->idle_ns);
	sql_int(&q, a->told_idle);
	sql_quantity(&q, a->memory_mb);
	sql_quantity(&q, a->power_mw);
	sql_quantity(&q, a->energy_mj);
	sql_int(&q, a->card);
	sql_text(&q, a->base.clock);
	sql_int(&q, a->base.offset_ns);
	sql_int(&q, c->gpu);
	sql_text(&q, c->reservation_id);
	return sql_run(&q, e);
}

int sqlite_apply_mark(struct sqlite_store *s, const struct change_mark *c, int64_t *version,
		      struct err *e)
{
	const struct mark *mark = c->mark;
	struct sql q = c->drop ? sql_of(s, "DELETE FROM marks WHERE key = ?")
			       : sql_of(s, "INSERT OR REPLACE INTO marks(key, version, since_ns,"
					   " seen_ns, warned_ns, acted_ns, text, clock,"
					   " offset_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sql_text(&q, mark->key);
	if (!c->drop) {
		sql_int(&q, ++*version);
		sql_int(&q, mark->since_ns);
		sql_int(&q, mark->seen_ns);
		sql_int(&q, mark->warned_ns);
		sql_int(&q, mark->acted_ns);
		sql_text(&q, mark->text);
		sql_clock(&q, mark->base.clock);
		sql_int(&q, mark->base.offset_ns);
	}
	return sql_run(&q, e);
}

/*
 * The oldest events go in groups, so that not every commit looks and writes where they are: as soon
 * as the last of a group is older than that, and with every 16th id, which are microseconds: by
 * chance. An event never deletes more than one group, and all together twice as many as they add.
 */
#define FORGET_GROUP "32"
#define FORGET_EVERY 16

static int forget_oldest(struct sqlite_store *s, int64_t before_ns, struct err *e)
{
	struct sql q = sql_of(
		s, "DELETE FROM events WHERE id <= (SELECT id FROM (SELECT id, time_ns FROM"
		   " events ORDER BY id LIMIT 1 OFFSET " FORGET_GROUP " - 1) WHERE time_ns < ?)");

	sql_int(&q, before_ns);
	return sql_run(&q, e);
}

int sqlite_apply_event(struct sqlite_store *s, const struct change_event *c, struct err *e)
{
	const struct event *v = c->event;
	/* The statement borrows it. */
	AUTO_FREE char *gpus = v->gpus_count ? str_join_ids(v->gpus, v->gpus_count, ",") : NULL;
	struct sql q =
		sql_of(s, "INSERT INTO events(id, time_ns, kind, account, user, uid, actor, gpus,"
			  " reservation_id, queue_id, reason, details, before) VALUES"
			  " (max(?1 / 1000, 1 + coalesce((SELECT max(id) FROM events), 0)),"
			  " ?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int r;

	sql_int(&q, v->time_ns);
	sql_text(&q, event_kind_name(v->kind));
	sql_text(&q, v->account);
	sql_text(&q, v->user);
	sql_quantity(&q, v->uid);
	sql_text(&q, v->actor);
	sql_text(&q, gpus);
	sql_text(&q, v->reservation_id);
	sql_text(&q, v->queue_id);
	sql_text(&q, v->reason);
	sql_text(&q, v->details);
	sql_text(&q, v->before);
	r = sql_run(&q, e);
	if (r < 0 || c->forget_ns == TIME_NONE ||
	    sqlite3_last_insert_rowid(s->db) % FORGET_EVERY != 0)
		return r;
	return forget_oldest(s, c->forget_ns, e);
}
