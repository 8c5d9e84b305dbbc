/* What changes of the pool itself and of its GPUs do to the tables. Called by apply.c. */
#include <errno.h>

#include "store/sqlite/sqlite.h"

/* What is left when the pool is recreated: forgotten by the caller, or new since it read the state.
 */
static int check_nothing_left(struct sqlite_store *s, const struct pool_state *seen, struct err *e)
{
	struct sql q = sql_of(s, "SELECT id FROM reservations");
	int r = sql_step(&q, e);

	if (r <= 0)
		return r;
	if (pool_state_find(seen, sql_column_text(&q, 0)))
		return err_set(e, EINVAL, "reservation %s was not ended", sql_column_text(&q, 0));
	return err_set(e, EAGAIN, "somebody has reserved in the meantime");
}

int sqlite_apply_init(struct sqlite_store *s, const struct pool_state *seen,
		      const struct change_init *c, int64_t *version, struct err *e)
{
	static const struct slot unused;
	struct sql q;
	int r = check_nothing_left(s, seen, e);

	if (r == 0 && (!c->gpus_count || c->gpus_count > POOL_GPUS_MAX))
		r = err_set(e, EINVAL, "a pool has 1 to %d GPUs, not %zu", POOL_GPUS_MAX,
			    c->gpus_count);
	if (r < 0)
		return r;
	r = sql_script(s, "DELETE FROM gpus; DELETE FROM ignored_processes;", e);
	for (size_t i = 0; r == 0 && i < c->gpus_count; i++) {
		const struct slot *slot = c->released ? &c->released[i] : &unused;

		q = sql_of(s, "INSERT INTO gpus(id, version, last_released_ns, released_clock,"
			      " released_offset_ns) VALUES (?, ?, ?, ?, ?)");
		sql_int(&q, (int64_t)i);
		sql_int(&q, ++*version);
		sql_int(&q, slot->last_released_ns);
		sql_base(&q, &slot->released_base);
		r = sql_run(&q, e);
	}
	if (r < 0)
		return r;
	q = sql_of(s, "INSERT OR REPLACE INTO pool(id, provider, counter) VALUES (1, ?, ?)");
	sql_text(&q, c->provider);
	sql_int(&q, *version);
	return sql_run(&q, e);
}

int sqlite_apply_drain(struct sqlite_store *s, const struct change_drain *c, int64_t *version,
		       struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->gpus_count; i++) {
		struct sql q = sql_of(s, "UPDATE gpus SET drained_by = ?, drained_ns = ?,"
					 " drained_note = ?, version = ? WHERE id = ?");

		sql_text(&q, c->actor);
		sql_int(&q, c->actor ? c->time_ns : TIME_NONE);
		sql_text(&q, c->actor ? c->note : NULL);
		sql_int(&q, ++*version);
		sql_int(&q, c->gpus[i]);
		r = sql_run(&q, e);
		if (r == 0 && !sqlite3_changes(s->db))
			r = err_set(e, EINVAL, "GPU %d is not one of the pool's", c->gpus[i]);
	}
	return r;
}

int sqlite_apply_ignore(struct sqlite_store *s, const struct change_ignore *c, struct err *e)
{
	const struct holder *h = &c->process->holder;
	struct sql q = sql_of(s, c->drop ? "DELETE FROM ignored_processes"
					   " WHERE boot_id = ? AND pid = ? AND start_ticks = ?"
					 : "INSERT OR REPLACE INTO ignored_processes(boot_id, pid,"
					   " start_ticks, host, name, ignored_by, ignored_ns,"
					   " memory_mb) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

	sql_text(&q, h->boot_id ? h->boot_id : "");
	sql_int(&q, h->command.pid);
	sql_int(&q, (int64_t)h->command.start_ticks);
	if (!c->drop) {
		sql_text(&q, h->host);
		sql_text(&q, c->process->name);
		sql_text(&q, c->process->ignored_by);
		sql_int(&q, c->process->ignored_ns);
		sql_int(&q, c->process->memory_mb);
	}
	return sql_run(&q, e);
}

/* Slots beyond those that there are become new rows. */
int sqlite_apply_units(struct sqlite_store *s, const struct change_units *c, int64_t *version,
		       struct err *e)
{
	int64_t count;
	int r = sql_number(s, "SELECT count(*) FROM gpus", &count, e);

	if (r == 0 && (c->count < (size_t)count || c->count > POOL_GPUS_MAX))
		r = err_set(e, EINVAL, "the pool has %lld to %d GPUs, not %zu", (long long)count,
			    POOL_GPUS_MAX, c->count);
	for (size_t i = 0; r == 0 && i < c->count; i++) {
		const struct slot *slot = &c->slots[i];
		struct sql q =
			sql_of(s, "INSERT INTO gpus(id, version, last_released_ns, uuid, profile,"
				  " parent, parent_index, retired_ns)"
				  " VALUES (?, ?, 0, ?, ?, ?, ?, ?)"
				  " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
				  " uuid = excluded.uuid, profile = excluded.profile,"
				  " parent = excluded.parent,"
				  " parent_index = excluded.parent_index,"
				  " retired_ns = excluded.retired_ns");

		sql_int(&q, (int64_t)i);
		sql_int(&q, ++*version);
		sql_text(&q, slot->uuid);
		sql_text(&q, slot->profile);
		sql_text(&q, slot->parent);
		sql_int(&q, slot->parent_index);
		sql_int(&q, slot->retired_ns);
		r = sql_run(&q, e);
	}
	return r;
}

int sqlite_apply_host(struct sqlite_store *s, const struct machine *host, struct err *e)
{
	struct sql q = sql_of(s, "UPDATE pool SET host_id = ?, host_boot_id = ?, host_name = ?");

	sql_text(&q, host->id);
	sql_text(&q, host->boot_id);
	sql_text(&q, host->name);
	return sql_run(&q, e);
}
