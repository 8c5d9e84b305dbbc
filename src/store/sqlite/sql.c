/* The statements of sql.h, and the translation of SQLite's failures. */
#include "store/sqlite/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite/file.h"
#include "store/sqlite/gate.h"
#include "store/sqlite/sqlite.h"

struct sql sql_of(struct sqlite_store *s, const char *text)
{
	struct sql q = {.store = s, .rc = SQLITE_OK};

	for (size_t i = 0; i < s->statements_count; i++) {
		if (s->statements[i].text != text)
			continue;
		q.stmt = s->statements[i].stmt;
		sqlite3_reset(q.stmt);
		sqlite3_clear_bindings(q.stmt);
		return q;
	}
	q.rc = sqlite3_prepare_v2(s->db, text, -1, &q.stmt, NULL);
	if (q.rc == SQLITE_OK) {
		s->statements =
			mem_resize(s->statements, s->statements_count + 1, sizeof(*s->statements));
		s->statements[s->statements_count++] = (struct sqlite_statement){text, q.stmt};
	}
	return q;
}

void sql_int(struct sql *q, int64_t value)
{
	q->bound++;
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->stmt, q->bound, value);
}

void sql_text(struct sql *q, const char *value)
{
	q->bound++;
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text(q->stmt, q->bound, value, -1, SQLITE_STATIC);
}

void sql_quantity(struct sql *q, struct quantity value)
{
	if (value.known)
		sql_int(q, value.value);
	else
		sql_text(q, NULL);
}

void sql_clock(struct sql *q, const char *clock)
{
	sql_text(q, *clock ? clock : NULL);
}

void sql_base(struct sql *q, const struct time_base *base)
{
	sql_clock(q, base->clock);
	sql_int(q, base->offset_ns);
}

int sql_step(struct sql *q, struct err *e)
{
	int rc = q->rc;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		return sql_fail(q->store, rc, e);
	sqlite3_reset(q->stmt);
	return 0;
}

int sql_run(struct sql *q, struct err *e)
{
	int r;

	do
		r = sql_step(q, e);
	while (r > 0);
	return r;
}

int64_t sql_column(const struct sql *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *sql_column_text(const struct sql *q, int column)
{
	return (const char *)sqlite3_column_text(q->stmt, column);
}

char *sql_dup(const struct sql *q, int column)
{
	return mem_strdup(sql_column_text(q, column));
}

struct quantity sql_column_quantity(const struct sql *q, int column)
{
	if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL)
		return (struct quantity){0};
	return quantity_of(sql_column(q, column));
}

int sql_number(struct sqlite_store *s, const char *text, int64_t *ret_value, struct err *e)
{
	struct sql q = sql_of(s, text);
	int r = sql_step(&q, e);

	if (r < 0)
		return r;
	*ret_value = r > 0 ? sql_column(&q, 0) : 0;
	sqlite3_reset(q.stmt);
	return 0;
}

int sql_script(struct sqlite_store *s, const char *text, struct err *e)
{
	int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sql_fail(s, rc, e);
}

/* A program that does not use the gate (a `sqlite3` shell, a backup) holds a lock of SQLite's. */
static int fail_busy(struct sqlite_store *s, struct err *e)
{
	char holder[SQLITE_HOLDER_SIZE];

	sqlite_gate_holder(s->path, holder);
	return err_set(e, ETIMEDOUT, "gave up waiting: %s is locked by %s", s->path, holder);
}

/* The file or its directory may not be opened or written: the system knows why, not SQLite. */
static int fail_refused(struct sqlite_store *s, const char *what, struct err *e)
{
	int code = s->db ? sqlite3_system_errno(s->db) : 0;

	if (access(s->path, F_OK) < 0)
		code = errno;
	else if (eaccess(s->path, R_OK | (s->writing ? W_OK : 0)) < 0)
		code = errno;
	return sqlite_file_refused(what, s->path, code > 0 ? code : EACCES, e);
}

/* Whether this process may not write all of the database (`ulimit -f`): that can be hidden behind
   what fails in consequence. */
static bool is_above_size_limit(const char *path)
{
	struct rlimit limit;
	struct stat st;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       stat(path, &st) == 0 && (rlim_t)st.st_size > limit.rlim_cur;
}

int sql_fail(struct sqlite_store *s, int rc, struct err *e)
{
	int code = s->db ? sqlite3_system_errno(s->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail_busy(s, e);
	case SQLITE_FULL:
		return sqlite_file_refused("write", s->path, code == EDQUOT ? EDQUOT : ENOSPC, e);
	case SQLITE_NOTADB:
		return err_set(e, EINVAL,
			       "%s is not a database: choose another file with --store, or move "
			       "this one away and run 'canhazgpu admin'",
			       s->path);
	case SQLITE_CORRUPT:
		return err_set(e, EIO,
			       "%s is damaged (%s): restore a backup, or move it away and run "
			       "'canhazgpu admin'",
			       s->path, sqlite3_errmsg(s->db));
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return fail_refused(s, s->writing ? "write" : "open", e);
	case SQLITE_CONSTRAINT:
		return err_set(e, EINVAL, "%s refused an inconsistent change: %s", s->path,
			       sqlite3_errmsg(s->db));
	case SQLITE_IOERR:
		if (s->writing && is_above_size_limit(s->path))
			code = EFBIG;
		if (code == ENOSPC || code == EDQUOT || code == EROFS || code == EFBIG)
			return sqlite_file_refused("write", s->path, code, e);
		return err_sys(e, code, "cannot access %s", s->path);
	default:
		return err_set(e, EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
	}
}

void sql_reset_all(struct sqlite_store *s)
{
	for (size_t i = 0; i < s->statements_count; i++)
		sqlite3_reset(s->statements[i].stmt);
}

void sql_finalize_all(struct sqlite_store *s)
{
	for (size_t i = 0; i < s->statements_count; i++)
		sqlite3_finalize(s->statements[i].stmt);
	free(s->statements);
	s->statements = NULL;
	s->statements_count = 0;
}
