/*
 * What the files of the SQLite store share: the store itself, and the one path to its database.
 *
 *   sqlite.c   opening and closing a session: gate, connection, transaction
 *   schema.c   tables and their versions         sql.c      statements and failures
 *   load.c     rows -> struct pool_state         gate.c     access to the file in turns
 *   commit.c   marks                             file.c     files and their modes
 *   apply.c, apply_pool.c  what each change does
 *   apply_seen.c  the same of events, marks and activity        events.c  reading events
 *   history.c  usage records                     import.c   usage records of another store
 *   watch.c    notices of commits                examine.c  for `canhazgpu doctor`
 *   backup.c   the whole file, out and in
 */
#ifndef STORE_SQLITE_SQLITE_H
#define STORE_SQLITE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "store/sqlite/gate.h"
#include "store/sqlite/sql.h"
#include "store/store_backend.h"

/* "chgp": distinguishes our databases from others (file(1) and sqlite3 show it). */
#define SQLITE_APPLICATION_ID INT64_C(0x63686770)

struct sqlite_statement {
	const char *text;
	sqlite3_stmt *stmt;
};

struct sqlite_history; /* one iteration over usage records: history.c */
struct sqlite_events;  /* one over events: events.c */

struct sqlite_store {
	struct store base;
	char *path, *gate_path, *wake_path; /* "<db>", "<db>.lock", "<db>.wake" */
	bool installed;                     /* in the directory of the installed program */
	mode_t mode;                        /* of the files that are created */
	int64_t limit_ns;                   /* how long to wait for others */

	/* The session: between sqlite_begin and sqlite_end. */
	sqlite3 *db; /* NULL: none */
	bool writing;
	bool blank;         /* the file has no tables (yet) */
	bool entered;       /* with the group of the installed program */
	bool gate_bypassed; /* not to be had soon; kept after the session */
	pid_t owner;        /* the process that began it: connections do not survive fork */
	struct sqlite_gate gate;
	struct sqlite_statement *statements;
	size_t statements_count;

	struct sqlite_history *history; /* NULL: no iteration */
	struct sqlite_events *events;   /* likewise */
	int64_t import_key;             /* of the next imported record, below 0; 0: not known yet */
	int watch_fd;                   /* readable after commits; -1: none */
};

/* What the names of the files around a database add to its own; also of a SQLite that was told to
 * use WAL. */
#define SQLITE_FILE_ENDINGS "", "-journal", "-wal", "-shm", ".lock", ".wake"

enum session_access {
	SESSION_READ,   /* read */
	SESSION_WRITE,  /* read and write an existing database */
	SESSION_CREATE, /* like SESSION_WRITE, and make what is missing */
};

/*
 * Takes the gate, opens the database and begins a transaction: 1, or 0 if there is no database
 * (then nothing is held). Ended by sqlite_finish or sqlite_end.
 */
int sqlite_begin(struct sqlite_store *s, enum session_access access, struct err *e);

/* Makes the session's changes durable, ends it, and wakes watching processes unless it is quiet. */
int sqlite_finish(struct sqlite_store *s, bool quiet, struct err *e);

/* Ends the session and forgets its changes. Harmless where there is none. */
void sqlite_end(struct sqlite_store *s);

/* Ends a session whose changes are durable, and wakes watching processes. */
void sqlite_end_and_wake(struct sqlite_store *s);

/* Before the first use of SQLite in this process. */
void sqlite_configure_library(void);

/*
 * Checks that the file is ours and not from a newer program; brings an older one to this version
 * when the session writes, -ESTALE when it does not. Sets s->blank.
 */
int sqlite_schema_check(struct sqlite_store *s, struct err *e);

/* The state, in a session on a database that is not blank. The caller clears *state also where this
 * fails. */
int sqlite_load_all(struct sqlite_store *s, struct pool_state *state, struct err *e);
int sqlite_load(struct store *base, enum store_intent intent, struct pool_state *ret_state,
		struct err *e);
int sqlite_commit(struct store *base, const struct pool_state *seen, const struct change *changes,
		  size_t count, struct err *e);
/* Applies one change of a commit; every slot and entry it touches gets the next *version. */
int sqlite_apply(struct sqlite_store *s, const struct pool_state *seen, const struct change *c,
		 int64_t *version, struct err *e);
/* For sqlite_apply: those of the pool itself and of its GPUs. */
int sqlite_apply_init(struct sqlite_store *s, const struct pool_state *seen,
		      const struct change_init *c, int64_t *version, struct err *e);
int sqlite_apply_drain(struct sqlite_store *s, const struct change_drain *c, int64_t *version,
		       struct err *e);
int sqlite_apply_ignore(struct sqlite_store *s, const struct change_ignore *c, struct err *e);
int sqlite_apply_host(struct sqlite_store *s, const struct machine *host, struct err *e);
int sqlite_apply_units(struct sqlite_store *s, const struct change_units *c, int64_t *version,
		       struct err *e);

int sqlite_last_use(struct store *base, struct quantity uid, const char *account,
		    int64_t *ret_last_ns, size_t gpus_count, struct err *e);
int sqlite_history_begin(struct store *base, int64_t from_ns, int64_t to_ns, bool brief,
			 struct err *e);
int sqlite_history_begin_newest(struct store *base, int64_t from_ns, size_t limit, struct err *e);
int sqlite_history_next(struct store *base, const struct usage_record **ret_record, struct err *e);
void sqlite_history_end(struct store *base);
int sqlite_history_add(struct store *base, const struct usage_record *records, size_t count,
		       struct err *e);
int sqlite_history_trim(struct store *base, int64_t before_ns, struct err *e);

int sqlite_events_begin(struct store *base, const struct event_range *range, struct err *e);
int sqlite_events_next(struct store *base, const struct event **ret_event, struct err *e);
void sqlite_events_end(struct store *base);
int sqlite_event_find(struct store *base, const char *id, struct event *ret_event, struct err *e);
int sqlite_events_add(struct store *base, const struct event *events, size_t count, struct err *e);
int sqlite_apply_event(struct sqlite_store *s, const struct change_event *c, struct err *e);
int sqlite_apply_mark(struct sqlite_store *s, const struct change_mark *c, int64_t *version,
		      struct err *e);
int sqlite_apply_activity(struct sqlite_store *s, const struct change_activity *c, struct err *e);

static inline struct sqlite_store *sqlite_of(struct store *base)
{
	return (struct sqlite_store *)base;
}

bool sqlite_has_file(const struct store *base, const char *path);
int sqlite_dump(struct store *base, struct image *ret_image, struct err *e);
int sqlite_restore(struct store *base, const struct image *image, const char *name, bool replace,
		   struct image_contents *ret_contents, struct err *e);

int sqlite_watch(struct store *base);
bool sqlite_watch_drain(struct store *base);
void sqlite_unwatch(struct store *base);
void sqlite_examine(struct store *base, struct findings *f);

#endif
