/*
 * A commit: first every mark of every change is compared with the database, then the changes are
 * applied (apply.c), all in one transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/sqlite/sqlite.h"

static int changed_meanwhile(struct err *e)
{
	return err_set(e, EAGAIN,
		       "the pool was changed by somebody else in the meantime: try "
		       "again");
}

/* Compares the version that a one-column query gives with the mark; no row is a mismatch. */
static int compare(struct sql *q, const char *mark, struct err *e)
{
	int r = sql_step(q, e);
	const char *version;

	if (r < 0)
		return r;
	version = r > 0 ? sql_column_text(q, 0) : NULL;
	r = version && !strcmp(version, mark) ? 0 : changed_meanwhile(e);
	sqlite3_reset(q->stmt);
	return r;
}

static int check_slot(struct sqlite_store *s, const struct pool_state *seen, int id, struct err *e)
{
	struct sql q;

	if (id < 0 || (size_t)id >= seen->slots_count || !seen->slots[id].version)
		return err_set(e, EINVAL, "GPU %d is not one of the %zu GPUs of the pool", id,
			       seen->slots_count);
	q = sql_of(s, "SELECT version FROM gpus WHERE id = ?");
	sql_int(&q, id);
	return compare(&q, seen->slots[id].version, e);
}

static int check_slots(struct sqlite_store *s, const struct pool_state *seen, const int *ids,
		       size_t count, struct err *e)
{
	int r = 0;

	if (!count)
		return err_set(e, EINVAL, "a change of a reservation names no GPU");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_slot(s, seen, ids[i], e);
	return r;
}

static int check_entry(struct sqlite_store *s, const struct change *c, struct err *e)
{
	const struct queue_entry *entry = change_entry(c);
	struct sql q;

	if (!entry->version) {
		if (c->kind == CHANGE_PUT)
			return 0;
		return err_set(e, EINVAL, "queue entry %s was not loaded", entry->id);
	}
	q = sql_of(s, "SELECT version FROM queue WHERE id = ?");
	sql_text(&q, entry->id);
	return compare(&q, entry->version, e);
}

/* A new mark must not be there yet. */
static int check_mark(struct sqlite_store *s, const struct mark *mark, struct err *e)
{
	struct sql q = sql_of(s, "SELECT coalesce((SELECT version FROM marks WHERE key = ?), '')");

	sql_text(&q, mark->key);
	return compare(&q, mark->version ? mark->version : "", e);
}

static int check_host(struct sqlite_store *s, const struct machine *seen, struct err *e)
{
	struct sql q = sql_of(s, "SELECT host_id IS ? AND host_boot_id IS ? AND host_name IS ?"
				 " FROM pool");

	sql_text(&q, seen->id);
	sql_text(&q, seen->boot_id);
	sql_text(&q, seen->name);
	return compare(&q, "1", e);
}

/* For changes that are about every slot. */
static int check_all(struct sqlite_store *s, const struct pool_state *seen, struct err *e)
{
	int64_t count;
	int r = sql_number(s, "SELECT count(*) FROM gpus", &count, e);

	if (r == 0 && (size_t)count != seen->slots_count)
		return changed_meanwhile(e);
	for (size_t i = 0; r == 0 && i < seen->slots_count; i++)
		r = check_slot(s, seen, (int)i, e);
	return r;
}

/* `fresh`: what a grant or a drain changes is made by an earlier change of this commit, and has no
 * marks; the pool's host likewise. */
static int check_change(struct sqlite_store *s, const struct pool_state *seen, bool fresh,
			const struct change *c, struct err *e)
{
	size_t count;
	const int *gpus = change_gpus(c, &count);

	switch (c->kind) {
	case CHANGE_INIT:
		return check_all(s, seen, e);
	case CHANGE_UNITS:
		return fresh ? 0 : check_all(s, seen, e);
	case CHANGE_GRANT:
	case CHANGE_DRAIN:
		if (fresh && count)
			return 0;
		return check_slots(s, seen, gpus, count, e);
	case CHANGE_RENEW:
	case CHANGE_END:
	case CHANGE_CHECK:
		return check_slots(s, seen, gpus, count, e);
	case CHANGE_PUT:
	case CHANGE_DROP:
		return check_entry(s, c, e);
	case CHANGE_IGNORE:
	case CHANGE_TOPOLOGY:
	case CHANGE_ACTIVITY:
	case CHANGE_EVENT:
		return 0; /* it does not matter what else is listed or recorded */
	case CHANGE_HOST:
		return fresh ? 0 : check_host(s, &seen->host, e);
	case CHANGE_MARK:
		return check_mark(s, c->mark.mark, e);
	}
	return err_set(e, EINVAL, "unknown change %d", (int)c->kind);
}

/* Whether the pool is there at all, as it was when the changes were decided. */
static int check_pool(struct sqlite_store *s, const struct pool_state *seen,
		      const struct change *first, struct err *e)
{
	int64_t initialized;
	int r = sql_number(s, "SELECT count(*) FROM pool", &initialized, e);

	if (r < 0)
		return r;
	if (seen->initialized != (initialized > 0))
		return changed_meanwhile(e);
	if (!seen->initialized && first->kind != CHANGE_INIT)
		return err_set(e, EINVAL, "the pool is not initialized");
	return 0;
}

/* Whether a change of the commit drops or alters the entry of that id. */
static bool is_handled(const struct change *changes, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++) {
		const struct queue_entry *entry = change_entry(&changes[i]);

		if (entry && !strcmp(entry->id, id))
			return true;
	}
	return false;
}

/* A recreated pool has no queue entries but those that its maker knows of. */
static int check_queue(struct sqlite_store *s, const struct pool_state *seen,
		       const struct change *changes, size_t count, struct err *e)
{
	struct sql q = sql_of(s, "SELECT id FROM queue");
	int r;

	while ((r = sql_step(&q, e)) > 0) {
		const char *id = sql_column_text(&q, 0);

		if (is_handled(changes, count, id))
			continue;
		for (size_t i = 0; i < seen->queue_count; i++) {
			if (!strcmp(seen->queue[i].id, id))
				return err_set(e, EINVAL, "queue entry %s was not ended", id);
		}
		return err_set(e, EAGAIN, "a request has joined the queue in the meantime");
	}
	return r;
}

/* Every mark first: a slot that two changes touch has a new mark after the first of them. */
static int apply_all(struct sqlite_store *s, const struct pool_state *seen,
		     const struct change *changes, size_t count, struct err *e)
{
	int64_t version;
	bool fresh = false;
	struct sql q;
	int r = check_pool(s, seen, changes, e);

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = check_change(s, seen, fresh, &changes[i], e);
		fresh |= changes[i].kind == CHANGE_INIT;
	}
	if (r == 0 && fresh)
		r = check_queue(s, seen, changes, count, e);
	/* The first value of a database is the time it was made: marks of one that was deleted and
	   recreated do not come back either. */
	version = clock_now_ns();
	if (r == 0 && seen->initialized)
		r = sql_number(s, "SELECT counter FROM pool", &version, e);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = sqlite_apply(s, seen, &changes[i], &version, e);
	if (r < 0)
		return r;
	q = sql_of(s, "UPDATE pool SET counter = ?");
	sql_int(&q, version);
	return sql_run(&q, e);
}

static bool makes_pool(const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (changes[i].kind == CHANGE_INIT)
			return true;
	}
	return false;
}

int sqlite_commit(struct store *base, const struct pool_state *seen, const struct change *changes,
		  size_t count, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int r = 1;

	if (!count) {
		sqlite_end(s);
		return 0;
	}
	if (!s->db) {
		r = sqlite_begin(s, makes_pool(changes, count) ? SESSION_CREATE : SESSION_WRITE, e);
		if (r == 0)
			return seen->initialized
				       ? changed_meanwhile(e)
				       : err_set(e, EINVAL, "the pool is not initialized");
	}
	if (r > 0)
		r = apply_all(s, seen, changes, count, e);
	if (r == 0)
		return sqlite_finish(s, store_is_quiet(changes, count), e);
	sqlite_end(s);
	return r;
}
