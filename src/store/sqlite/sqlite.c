/*
 * The SQLite store: opening by URL, and sessions. Called through store.c.
 *
 * Opening the database, its transaction and closing it again happen inside the gate (see
 * gate.h), because even opening takes locks of SQLite's. So a store keeps no connection
 * between calls, except from store_load(STORE_UPDATE) to the end of that cycle.
 *
 * A rollback journal, cut to zero at each commit, and not WAL: released versions of SQLite can lose
 * WAL commits, and a short process would pay for a checkpoint at each close. synchronous=FULL makes
 * a commit durable before it is acknowledged.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/privilege.h"
#include "store/sqlite/file.h"

#define SCHEME "sqlite:"
#define WAIT_LIMIT_NS (10 * NS_PER_SECOND)
#define READER_LIMIT_NS (300 * NS_PER_MS)

/* The wait limit; tests of a stopped process shorten it. */
static int64_t wait_limit_ns(void)
{
	const char *text = secure_getenv("CANHAZGPU_TEST_WAIT_MS");
	int64_t ms;

	if (text && parse_int(text, 1, 600000, &ms, NULL) == 0)
		return ms * NS_PER_MS;
	return WAIT_LIMIT_NS;
}

/*
 * SQLite for a short program without threads: no locks of its own, no statistics of its memory, and
 * no 20 pages of cache prepared where a load reads six. Without effect where SQLite is in use
 * already.
 */
void sqlite_configure_library(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

static int open_url(const char *url, struct store **ret_store, struct err *e)
{
	const char *path = url + sizeof(SCHEME) - 1;
	struct sqlite_store *s;

	/* The supervisor works elsewhere: a relative path would be another file there. */
	if (path[0] != '/' || path[strlen(path) - 1] == '/')
		return err_usage(e,
				 "store '%.200s': a file with its full path is needed, like "
				 "sqlite:/var/lib/canhazgpu/canhazgpu.db",
				 url);
	sqlite_configure_library();
	s = mem_alloc(1, sizeof(*s));
	s->base.backend = &store_sqlite;
	s->base.url = mem_strdup(url);
	s->path = sqlite_file_path(path);
	s->gate_path = mem_printf("%s.lock", s->path);
	s->wake_path = mem_printf("%s.wake", s->path);
	s->limit_ns = wait_limit_ns();
	s->gate.fd = -1;
	s->watch_fd = -1;
	*ret_store = &s->base;
	return 0;
}

/* 1: there is a database file; 0: there is none. An unreadable directory is an error. */
static int database_exists(struct sqlite_store *s, struct err *e)
{
	struct stat file;

	if (stat(s->path, &file) < 0)
		return errno == ENOENT ? 0 : sqlite_file_refused("open", s->path, errno, e);
	if (!S_ISREG(file.st_mode))
		return err_set(e, EINVAL, "%s is not a regular file", s->path);
	return 1;
}

/*
 * Readers go on without the gate where they cannot have it (a read-only medium, a full disk) and,
 * unless they are patient, where they do not get it soon (a process is stopped inside): SQLite's
 * own locks keep them correct, the gate only makes waiting fair.
 */
static int enter_gate(struct sqlite_store *s, bool patient, struct err *e)
{
	int fd = -1, r = sqlite_file_open_gate(s->gate_path, s->mode, &fd, e);

	s->gate_bypassed = false;
	if (r < 0 && s->writing)
		return r;
	if (s->writing || patient || fd < 0)
		return sqlite_gate_enter(&s->gate, fd, s->gate_path, s->limit_ns, e);
	r = sqlite_gate_enter(&s->gate, fd, s->gate_path, READER_LIMIT_NS, e);
	if (r != -ETIMEDOUT)
		return r;
	s->gate_bypassed = true;
	return sqlite_gate_enter(&s->gate, -1, s->gate_path, 0, e);
}

static int connect_database(struct sqlite_store *s, struct err *e)
{
	/* Readers may write, too: the first one after a crash rolls back what it left. */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(s->path, &s->db, flags, NULL);
	int64_t limit_ns;

	if (rc != SQLITE_OK)
		return sql_fail(s, rc, e);
	/* Without the gate another process may be stopped in the middle of a commit, and signals
	   are blocked. */
	limit_ns = s->gate.fd < 0 && s->limit_ns > NS_PER_SECOND ? NS_PER_SECOND : s->limit_ns;
	sqlite3_busy_timeout(s->db, (int)(limit_ns / NS_PER_MS));
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* No files in SQLITE_TMPDIR: the owner of that directory could change what is read back. */
	if (!s->writing)
		return sql_script(s, "PRAGMA temp_store = MEMORY; BEGIN", e);
	/* On a file that may only be read, BEGIN IMMEDIATE would quietly begin to read. */
	if (sqlite3_db_readonly(s->db, "main"))
		return sql_fail(s, SQLITE_READONLY, e);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	return sql_script(s,
			  "PRAGMA temp_store = MEMORY; PRAGMA journal_mode = TRUNCATE; "
			  "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
			  e);
}

/* The pool of the host is opened with the group of the installed program, any other file without.
 */
static void enter_rights(struct sqlite_store *s)
{
	s->installed = sqlite_file_is_installed(s->path);
	if (s->installed && !s->entered) {
		privilege_raise();
		s->entered = true;
	}
}

static void leave_rights(struct sqlite_store *s)
{
	if (s->entered)
		privilege_lower();
	s->entered = false;
}

static int begin_once(struct sqlite_store *s, enum session_access access, bool patient,
		      struct err *e)
{
	int r;

	enter_rights(s);
	r = database_exists(s, e);
	if (r < 0 || (r == 0 && access != SESSION_CREATE)) {
		leave_rights(s);
		return r;
	}
	s->writing = access != SESSION_READ;
	s->owner = getpid();
	if (r == 0) {
		r = sqlite_file_make_parents(s->path, e);
		if (r < 0) {
			leave_rights(s);
			return r;
		}
	}
	s->mode = sqlite_file_mode(s->path);
	r = enter_gate(s, patient, e);
	if (r == 0 && access == SESSION_CREATE)
		r = sqlite_file_create(s->path, s->mode, e);
	if (r == 0)
		r = connect_database(s, e);
	if (r == 0)
		r = sqlite_schema_check(s, e);
	if (r < 0) {
		sqlite_end(s);
		return r;
	}
	return 1;
}

/* Brings an older database to this version, for a caller that only reads. */
static int bring_up(struct sqlite_store *s, struct err *e)
{
	int r = begin_once(s, SESSION_WRITE, false, e);

	if (r > 0)
		r = sqlite_finish(s, true, e);
	return r;
}

int sqlite_begin(struct sqlite_store *s, enum session_access access, struct err *e)
{
	int r = begin_once(s, access, false, e);

	/* No process is stopped inside: on a slow disk one commit after the other keeps out a
	   reader that bypasses the gate, which gets in only through its queue. */
	if (r == -ETIMEDOUT && s->gate_bypassed)
		r = begin_once(s, access, true, e);
	if (r == -ESTALE)
		r = bring_up(s, NULL) < 0 ? r : begin_once(s, access, false, e);
	return r;
}

void sqlite_end_and_wake(struct sqlite_store *s)
{
	if (s->installed)
		privilege_raise();
	sqlite_end(s);
	/* Outside the gate, so that the processes that this wakes find it open. A failure costs
	   them a moment: they poll every few seconds anyway. */
	sqlite_file_touch(s->wake_path, s->mode);
	if (s->installed)
		privilege_lower();
}

int sqlite_finish(struct sqlite_store *s, bool quiet, struct err *e)
{
	int r;

	sql_reset_all(s);
	r = sql_script(s, "COMMIT", e);
	/* A disk that fails at the last step, when the journal is cut, is too late to take back. */
	if (r == -EIO)
		err_add_outcome_unknown(e);
	if (r == 0 && !quiet)
		sqlite_end_and_wake(s);
	sqlite_end(s);
	return r;
}

void sqlite_end(struct sqlite_store *s)
{
	if (s->db && s->owner == getpid()) {
		sql_finalize_all(s);
		sqlite3_close(s->db);
	}
	/* A child of fork only forgets: closing would roll back what its parent is doing. */
	s->db = NULL;
	s->statements = NULL;
	s->statements_count = 0;
	sqlite_gate_leave(&s->gate);
	leave_rights(s);
}

static void abandon(struct store *base)
{
	sqlite_end(sqlite_of(base));
}

static bool owned_by(struct store *base, uid_t uid)
{
	const struct sqlite_store *s = sqlite_of(base);
	bool installed = sqlite_file_is_installed(s->path);
	struct stat file;
	int r, code;

	if (installed)
		privilege_raise();
	r = stat(s->path, &file);
	code = errno;
	if (installed)
		privilege_lower();
	/* The file of the host's pool was made by the account that came first; that does not make
	   it the owner. */
	if (installed)
		return false;
	return r < 0 ? code == ENOENT : file.st_uid == uid;
}

static void close_store(struct store *base)
{
	struct sqlite_store *s = sqlite_of(base);

	sqlite_history_end(base);
	sqlite_events_end(base);
	sqlite_end(s);
	sqlite_unwatch(base);
	free(s->path);
	free(s->gate_path);
	free(s->wake_path);
	free(s);
}

const struct store_backend store_sqlite = {
	.scheme = "sqlite",
	.open = open_url,
	.load = sqlite_load,
	.commit = sqlite_commit,
	.abandon = abandon,
	.last_use = sqlite_last_use,
	.history_begin = sqlite_history_begin,
	.history_begin_newest = sqlite_history_begin_newest,
	.history_next = sqlite_history_next,
	.history_end = sqlite_history_end,
	.history_add = sqlite_history_add,
	.history_trim = sqlite_history_trim,
	.events_begin = sqlite_events_begin,
	.events_next = sqlite_events_next,
	.events_end = sqlite_events_end,
	.event_find = sqlite_event_find,
	.events_add = sqlite_events_add,
	.watch = sqlite_watch,
	.watch_drain = sqlite_watch_drain,
	.unwatch = sqlite_unwatch,
	.owned_by = owned_by,
	.examine = sqlite_examine,
	.has_file = sqlite_has_file,
	.dump = sqlite_dump,
	.restore = sqlite_restore,
	.close = close_store,
};
