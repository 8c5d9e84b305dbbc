/*
 * Usage records: reading them in order of their end, the last use of each GPU, and trimming.
 *
 * A report reads in chunks, each in a session of its own that continues behind the last key: a
 * reader that kept its transaction open for the whole report would keep every writer waiting as
 * long. What is recorded while a report runs may thus be in it or not; nothing is read twice or
 * left out, because keys of existing records never change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/sqlite/sqlite.h"

/* Records per session, to read and to delete: some milliseconds inside the gate. */
#define CHUNK_RECORDS 16384
#define TRIM_RECORDS "4096"

struct sqlite_history {
	int64_t to_ns;
	bool newest;                   /* newest first, and in one chunk */
	bool brief;                    /* without reason and actor */
	size_t limit;                  /* rows of a chunk */
	int64_t last_end_ns, last_key; /* the key of the last record that was read */
	bool complete;                 /* the last chunk was read */
	struct usage_record *records;  /* the chunk; texts point into `texts` */
	size_t count, next;
	size_t rows; /* of the table that were read for it */
	char *texts; /* all texts of the chunk, each with its NUL */
	size_t texts_length, texts_capacity;
};

/*
 * Begins a session for reading, or joins the one that store_load(STORE_UPDATE) left open. 1, or 0
 * if there is nothing to read; *ret_own is for session_end.
 */
static int session_begin(struct sqlite_store *s, bool *ret_own, struct err *e)
{
	int r = s->db ? 1 : sqlite_begin(s, SESSION_READ, e);

	*ret_own = s->db && !s->writing;
	return r > 0 && s->blank && *ret_own ? 0 : r;
}

static void session_end(struct sqlite_store *s, bool own)
{
	if (own)
		sqlite_end(s);
}

/* The newest end on one GPU, from one of the two indexes; *last_ns only ever grows. */
static int newest_end(struct sql *q, int64_t *last_ns, struct err *e)
{
	int r = sql_step(q, e);

	if (r > 0 && sql_column(q, 0) > *last_ns)
		*last_ns = sql_column(q, 0);
	return r < 0 ? r : sql_run(q, e);
}

static int last_use_of(struct sqlite_store *s, struct quantity uid, const char *account, int gpu,
		       int64_t *ret_last_ns, struct err *e)
{
	struct sql q;
	int r = 0;

	*ret_last_ns = TIME_NONE;
	if (uid.known) {
		q = sql_of(s, "SELECT max(end_ns) FROM usage_history WHERE uid = ? AND gpu = ?");
		sql_int(&q, uid.value);
		sql_int(&q, gpu);
		r = newest_end(&q, ret_last_ns, e);
	}
	if (r < 0 || !account)
		return r;
	/* A record with a uid counts by name only for an account without one. */
	q = uid.known ? sql_of(s, "SELECT max(end_ns) FROM usage_history"
				  " WHERE account = ? AND gpu = ? AND uid IS NULL")
		      : sql_of(s, "SELECT max(end_ns) FROM usage_history"
				  " WHERE account = ? AND gpu = ?");
	sql_text(&q, account);
	sql_int(&q, gpu);
	return newest_end(&q, ret_last_ns, e);
}

int sqlite_last_use(struct store *base, struct quantity uid, const char *account,
		    int64_t *ret_last_ns, size_t gpus_count, struct err *e)
{
	AUTO_FREE int64_t *last_ns = mem_alloc(gpus_count, sizeof(*last_ns));
	struct sqlite_store *s = sqlite_of(base);
	bool own;
	int r = session_begin(s, &own, e), found = r;

	for (size_t i = 0; found > 0 && r >= 0 && i < gpus_count; i++)
		r = last_use_of(s, uid, account, (int)i, &last_ns[i], e);
	session_end(s, own);
	if (r < 0)
		return r;
	memcpy(ret_last_ns, last_ns, gpus_count * sizeof(*last_ns));
	return 0;
}

int sqlite_history_begin(struct store *base, int64_t from_ns, int64_t to_ns, bool brief,
			 struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);

	sqlite_history_end(base);
	s->history = mem_alloc(1, sizeof(*s->history));
	s->history->to_ns = to_ns;
	s->history->brief = brief;
	s->history->limit = CHUNK_RECORDS;
	/* Behind every key of that moment: what ended exactly at from_ns shares no time with it. */
	s->history->last_end_ns = from_ns;
	s->history->last_key = INT64_MAX;
	return 0;
}

int sqlite_history_begin_newest(struct store *base, int64_t from_ns, size_t limit, struct err *e)
{
	int r = sqlite_history_begin(base, from_ns, INT64_MAX, true, e);
	struct sqlite_history *h = sqlite_of(base)->history;

	if (r < 0)
		return r;
	h->newest = true;
	h->complete = limit == 0;
	h->limit = limit < STORE_NEWEST_MAX ? limit : STORE_NEWEST_MAX;
	return 0;
}

/*
 * Copies a text into the chunk. The buffer may move while it grows, so a record holds the text's
 * offset plus one (0: NULL) until resolve() turns it into a pointer.
 */
static char *keep_text(struct sqlite_history *h, sqlite3_value *value)
{
	const void *text = sqlite3_value_blob(value);
	size_t size = (size_t)sqlite3_value_bytes(value), offset = h->texts_length;

	if (sqlite3_value_type(value) == SQLITE_NULL)
		return NULL;
	if (offset + size + 1 > h->texts_capacity) {
		h->texts_capacity = 2 * (offset + size + 1);
		h->texts = mem_resize(h->texts, h->texts_capacity, 1);
	}
	if (size)
		memcpy(h->texts + offset, text, size);
	h->texts[offset + size] = '\0';
	h->texts_length += size + 1;
	return (char *)(uintptr_t)(offset + 1);
}

static char *resolve(const struct sqlite_history *h, const char *kept)
{
	return kept ? h->texts + ((uintptr_t)kept - 1) : NULL;
}

#define KEEP "SELECT 1 FROM usage_history WHERE keep_record("
#define BRIEF \
	"end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, active_ns, idle_ns"
#define WHOLE BRIEF ", reason, actor"
#define BRIEF_COLUMNS 11

#define BEHIND_MOMENT ") AND end_ns > ? ORDER BY end_ns, key"
#define IN_MOMENT ") AND end_ns = ? AND key > ? ORDER BY key"
#define NEWEST ") AND end_ns > ? ORDER BY end_ns DESC, key DESC"

static struct quantity quantity_in(sqlite3_value *value)
{
	return (struct quantity){.known = sqlite3_value_type(value) != SQLITE_NULL,
				 .value = sqlite3_value_int64(value)};
}

/*
 * SQL function that keeps a row, whose columns are its arguments, and is true when the chunk is
 * full. As a condition of the query it ends it then; every other row stays inside the statement,
 * because handing so many columns out one by one costs as much as finding the row.
 */
static void keep_record(sqlite3_context *context, int count, sqlite3_value **columns)
{
	struct sqlite_history *h = sqlite3_user_data(context);
	struct usage_record *u;
	size_t id_length;

	sqlite3_result_int(context, ++h->rows >= h->limit);
	h->last_end_ns = sqlite3_value_int64(columns[0]);
	h->last_key = sqlite3_value_int64(columns[1]);
	if (sqlite3_value_int64(columns[8]) >= h->to_ns)
		return;
	u = &h->records[h->count++];
	*u = (struct usage_record){.end_ns = h->last_end_ns};
	id_length = (size_t)sqlite3_value_bytes(columns[2]);
	memcpy(u->reservation_id, sqlite3_value_text(columns[2]),
	       id_length < ID_SIZE ? id_length : ID_SIZE - 1);
	u->user = keep_text(h, columns[3]);
	u->account = keep_text(h, columns[4]);
	u->uid = quantity_in(columns[5]);
	reservation_type_parse((const char *)sqlite3_value_text(columns[6]), &u->type);
	u->gpu = sqlite3_value_int(columns[7]);
	u->start_ns = sqlite3_value_int64(columns[8]);
	u->active_ns = quantity_in(columns[9]);
	u->idle_ns = quantity_in(columns[10]);
	if (count == BRIEF_COLUMNS)
		return;
	end_reason_parse((const char *)sqlite3_value_text(columns[11]), &u->reason);
	u->actor = keep_text(h, columns[12]);
}

/* Runs one of these queries, to its end or until the chunk is full. */
static int keep_rows(struct sql *q, struct err *e)
{
	int r = sql_step(q, e);

	sqlite3_reset(q->stmt);
	return r < 0 ? r : 0;
}

/*
 * Keeps the rows behind the last key: the rest of its moment, then what ended later. A single
 * condition on the pair of both would be tested again for each row. Those that begin after the
 * period are skipped by keep_record and not by the query, so that a session never reads more
 * rows than a chunk has.
 */
static int keep_chunk(struct sqlite_store *s, struct sqlite_history *h, struct err *e)
{
	struct sql q;
	int r = 0;

	if (h->newest) {
		q = sql_of(s, KEEP BRIEF NEWEST);
		sql_int(&q, h->last_end_ns);
		return keep_rows(&q, e);
	}
	if (h->last_key < INT64_MAX) {
		q = sql_of(s, h->brief ? KEEP BRIEF IN_MOMENT : KEEP WHOLE IN_MOMENT);
		sql_int(&q, h->last_end_ns);
		sql_int(&q, h->last_key);
		r = keep_rows(&q, e);
	}
	if (r < 0 || h->rows >= h->limit)
		return r;
	q = sql_of(s, h->brief ? KEEP BRIEF BEHIND_MOMENT : KEEP WHOLE BEHIND_MOMENT);
	sql_int(&q, h->last_end_ns);
	return keep_rows(&q, e);
}

static int read_chunk(struct sqlite_store *s, struct sqlite_history *h, struct err *e)
{
	int r = sqlite3_create_function(s->db, "keep_record", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
					h, keep_record, NULL, NULL);

	if (r != SQLITE_OK)
		return sql_fail(s, r, e);
	h->rows = 0;
	r = sql_script(s, "PRAGMA cache_size = 16", e);
	if (r == 0)
		r = keep_chunk(s, h, e);
	h->complete = h->newest || h->rows < h->limit;
	return r;
}

static int next_chunk(struct sqlite_store *s, struct sqlite_history *h, struct err *e)
{
	bool own;
	int r = session_begin(s, &own, e);

	h->count = h->next = h->texts_length = 0;
	h->complete = r <= 0;
	if (!h->records)
		h->records = mem_alloc(h->limit, sizeof(*h->records));
	if (r > 0)
		r = read_chunk(s, h, e);
	session_end(s, own);
	if (r < 0)
		return r;
	for (size_t i = 0; i < h->count; i++) {
		struct usage_record *u = &h->records[i];

		u->user = resolve(h, u->user);
		u->account = resolve(h, u->account);
		u->actor = resolve(h, u->actor);
	}
	return 0;
}

int sqlite_history_next(struct store *base, const struct usage_record **ret_record, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	struct sqlite_history *h = s->history;
	int r;

	if (!h)
		return err_set(e, EINVAL, "no reading of the history was begun");
	while (h->next == h->count) {
		if (h->complete)
			return 0;
		r = next_chunk(s, h, e);
		if (r < 0)
			return r;
	}
	*ret_record = &h->records[h->next++];
	return 1;
}

void sqlite_history_end(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);

	if (!s->history)
		return;
	free(s->history->records);
	free(s->history->texts);
	free(s->history);
	s->history = NULL;
}

/* Deletes the oldest records that ended before that time, at most one chunk (more only where many
   ended in the same nanosecond). 1: there may be more; 0: there was nothing to delete. */
static int trim_chunk(struct sqlite_store *s, int64_t before_ns, struct err *e)
{
	struct sql q;
	int deleted, r = sqlite_begin(s, SESSION_WRITE, e);

	if (r <= 0)
		return r;
	q = sql_of(s, "DELETE FROM usage_history WHERE end_ns <= (SELECT max(end_ns) FROM"
		      " (SELECT end_ns FROM usage_history WHERE end_ns < ?"
		      " ORDER BY end_ns LIMIT " TRIM_RECORDS "))");
	sql_int(&q, before_ns);
	r = sql_run(&q, e);
	deleted = sqlite3_changes(s->db);
	if (r == 0 && deleted)
		r = sqlite_finish(s, true, e);
	else
		sqlite_end(s);
	return r < 0 ? r : deleted > 0;
}

int sqlite_history_trim(struct store *base, int64_t before_ns, struct err *e)
{
	struct sqlite_store *s = sqlite_of(base);
	int r;

	if (s->db)
		return err_set(e, EBUSY, "the history cannot be trimmed within an update");
	do
		r = trim_chunk(s, before_ns, e);
	while (r > 0);
	return r;
}
