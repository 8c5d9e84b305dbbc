/*
 * Statements in a short form: prepared once per connection, parameters bound in order, errors kept
 * until the step and reported with the file's name and what to do. Used by the files of the SQLite
 * store.
 *
 *     struct sql q = sql_of(s, "UPDATE gpus SET version = ? WHERE id = ?");
 *
 *     sql_int(&q, version);
 *     sql_int(&q, gpu);
 *     r = sql_run(&q, e);
 */
#ifndef STORE_SQLITE_SQL_H
#define STORE_SQLITE_SQL_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"
#include "base/nouns.h"

struct sqlite_store;

struct sql {
	struct sqlite_store *store;
	sqlite3_stmt *stmt; /* owned by the connection */
	int bound;          /* parameters bound so far */
	int rc;             /* the first failure, reported by sql_step */
};

/* The statement, reset and without parameters. `text` must be a literal: it is known by address. */
struct sql sql_of(struct sqlite_store *s, const char *text);

/* Each binds the next parameter; texts are borrowed until the step. */
void sql_int(struct sql *q, int64_t value);
void sql_text(struct sql *q, const char *value); /* NULL is NULL */
void sql_quantity(struct sql *q, struct quantity value);
void sql_clock(struct sql *q, const char *clock);           /* its name: "" is NULL */
void sql_base(struct sql *q, const struct time_base *base); /* two of them */

/* 1: a row is there; 0: no more (the statement is reset); or a negative errno. */
int sql_step(struct sql *q, struct err *e);

/* Runs a statement that gives no rows. */
int sql_run(struct sql *q, struct err *e);

/* The columns of the row, from 0. sql_dup gives a copy that the caller frees, NULL for NULL. */
int64_t sql_column(const struct sql *q, int column);
const char *sql_column_text(const struct sql *q, int column);
char *sql_dup(const struct sql *q, int column);
struct quantity sql_column_quantity(const struct sql *q, int column);

/* A single number, from a statement without parameters that gives one row. */
int sql_number(struct sqlite_store *s, const char *text, int64_t *ret_value, struct err *e);

/* Runs statements that are no literal of a hot path, one after another, without parameters. */
int sql_script(struct sqlite_store *s, const char *text, struct err *e);

/* What the connection's last failure means for people. Returns a negative errno. */
int sql_fail(struct sqlite_store *s, int rc, struct err *e);

/* Takes every statement of the connection back to its start, or ends them all. */
void sql_reset_all(struct sqlite_store *s);
void sql_finalize_all(struct sqlite_store *s);

#endif
