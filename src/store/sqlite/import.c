/* Usage records that come from another store: store_history_add. */
#include "store/sqlite/sqlite.h"

/* The next free key below zero: records of our own commits have keys from pool.counter, above. */
static int next_key(struct sqlite_store *s, int64_t *ret_key, struct err *e)
{
	int r = sql_number(s, "SELECT coalesce(min(key), 0) FROM usage_history WHERE key < 0",
			   ret_key, e);

	(*ret_key)--;
	return r;
}

static int insert_record(struct sqlite_store *s, const struct usage_record *u, int64_t key,
			 struct err *e)
{
	struct sql q =
		sql_of(s, "INSERT INTO usage_history(end_ns, key, reservation_id, user, account,"
			  " uid, type, gpu, start_ns, reason, actor, active_ns, idle_ns)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sql_int(&q, u->end_ns);
	sql_int(&q, key);
	sql_text(&q, u->reservation_id);
	sql_text(&q, u->user);
	sql_text(&q, u->account);
	sql_quantity(&q, u->uid);
	sql_text(&q, reservation_type_name(u->type));
	sql_int(&q, u->gpu);
	sql_int(&q, u->start_ns);
	sql_text(&q, end_reason_name(u->reason));
	sql_text(&q, u->actor);
	sql_quantity(&q, u->active_ns);
	sql_quantity(&q, u->idle_ns);
	return sql_run(&q, e);
}

int sqlite_history_add(struct store *base, const struct usage_record *records, size_t count,
		       struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int64_t key = 0;
	int r;

	sqlite_end(s);
	r = sqlite_begin(s, SESSION_CREATE, e);
	if (r < 0)
		return r;
	/* Found once: the whole table is searched for it. */
	key = s->import_key;
	r = key ? 0 : next_key(s, &key, e);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = insert_record(s, &records[i], key--, e);
	if (r == 0)
		r = sqlite_finish(s, false, e);
	sqlite_end(s);
	s->import_key = r == 0 ? key : 0;
	return r;
}
