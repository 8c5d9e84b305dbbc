/*
 * The tables, and how a database of an older version becomes one of this version.
 *
 * Supervisors and waiting requests of the release before go on while this one is installed. They
 * refuse a database whose format they do not know, and do not mind more columns and tables than
 * they know. So to keep more, add a row to `additions`: a column with a default, or a table, which
 * an older program may leave as they are. A row of `migrations` shuts older programs out. Never
 * edit a row that was released.
 *
 * Times are nanoseconds since 1970 UTC, 0 is "not set". Constraints state what no bug may break: a
 * GPU has one owner because it has one column for it.
 *
 * `version` columns are the marks that commits compare. They all come from pool.counter, which only
 * grows, so a mark never comes back, not even after the pool was recreated.
 */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/sqlite/sqlite.h"

static const char version_1[] =
	"CREATE TABLE pool("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" provider TEXT,"
	" counter INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE reservations("
	" key INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE CHECK (id <> ''),"
	" user TEXT,"
	" account TEXT,"
	" uid INTEGER CHECK (uid BETWEEN 0 AND 4294967295),"
	" type TEXT NOT NULL CHECK (type IN ('run', 'manual')),"
	" start_ns INTEGER NOT NULL,"
	" heartbeat_ns INTEGER NOT NULL,"
	" expiry_ns INTEGER NOT NULL,"
	" deadline_ns INTEGER NOT NULL,"
	" note TEXT,"
	" queue_id TEXT,"
	" host TEXT,"
	" boot_id TEXT,"
	" command_pid INTEGER NOT NULL CHECK (command_pid >= 0),"
	" command_start_ticks INTEGER NOT NULL,"
	" supervisor_pid INTEGER NOT NULL CHECK (supervisor_pid >= 0),"
	" supervisor_start_ticks INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE gpus("
	" id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 1023),"
	" uuid TEXT,"
	" version INTEGER NOT NULL,"
	" last_released_ns INTEGER NOT NULL,"
	" reservation_id TEXT REFERENCES reservations(id)"
	") STRICT;"
	"CREATE INDEX gpus_by_reservation ON gpus(reservation_id);"

	"CREATE TABLE queue("
	" key INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL UNIQUE CHECK (id <> ''),"
	" version INTEGER NOT NULL,"
	" user TEXT,"
	" account TEXT,"
	" uid INTEGER CHECK (uid BETWEEN 0 AND 4294967295),"
	" type TEXT NOT NULL CHECK (type IN ('run', 'manual')),"
	" requested_count INTEGER NOT NULL CHECK (requested_count >= 0),"
	" duration_ns INTEGER NOT NULL,"
	" note TEXT,"
	" enqueued_ns INTEGER NOT NULL,"
	" heartbeat_ns INTEGER NOT NULL,"
	" give_up_ns INTEGER NOT NULL,"
	" host TEXT,"
	" boot_id TEXT,"
	" command_pid INTEGER NOT NULL CHECK (command_pid >= 0),"
	" command_start_ticks INTEGER NOT NULL,"
	" supervisor_pid INTEGER NOT NULL CHECK (supervisor_pid >= 0),"
	" supervisor_start_ticks INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE queue_gpus("
	" queue_id TEXT NOT NULL REFERENCES queue(id) ON DELETE CASCADE,"
	" role TEXT NOT NULL CHECK (role IN ('requested', 'collected')),"
	" gpu INTEGER NOT NULL CHECK (gpu >= 0),"
	" PRIMARY KEY (queue_id, role, gpu)"
	") STRICT, WITHOUT ROWID;"

	/* Kept in the order in which it is read: by end. */
	"CREATE TABLE usage_history("
	" end_ns INTEGER NOT NULL,"
	" key INTEGER NOT NULL," /* distinguishes records of one moment: from pool.counter */
	" reservation_id TEXT NOT NULL,"
	" user TEXT,"
	" account TEXT,"
	" uid INTEGER,"
	" type TEXT NOT NULL CHECK (type IN ('run', 'manual')),"
	" gpu INTEGER NOT NULL,"
	" start_ns INTEGER NOT NULL,"
	" reason TEXT NOT NULL"
	"  CHECK (reason IN ('released', 'expired', 'holder-died', 'stale', 'forced')),"
	" actor TEXT,"
	" CHECK (end_ns >= start_ns),"
	" PRIMARY KEY (end_ns, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX usage_history_by_uid ON usage_history(uid, gpu, end_ns);"
	"CREATE INDEX usage_history_by_account ON usage_history(account, gpu, uid, end_ns);"

	"PRAGMA application_id = 0x63686770;";

/* GPUs out of service. */
static const char version_2[] =
	"ALTER TABLE gpus ADD COLUMN drained_by TEXT;"
	"ALTER TABLE gpus ADD COLUMN drained_ns INTEGER NOT NULL DEFAULT 0;";

/* migrations[i] makes version i + 1 of version i. Each runs inside the session's transaction. */
static const char *const migrations[] = {
	version_1,
	version_2,
};

/* Versions up to ours are brought to ours; 0 with no tables is a file that was just created. */
static int migrate(struct sqlite_store *s, int64_t version, struct err *e)
{
	char text[64];
	int r = 0;

	for (size_t i = (size_t)version; r == 0 && i < ARRAY_SIZE(migrations); i++)
		r = sql_script(s, migrations[i], e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "PRAGMA user_version = %zu", ARRAY_SIZE(migrations));
	return sql_script(s, text, e);
}

/* What came after format 2, in the order in which it is made. What an older program does not know
   has its default in the rows that it inserts. */
static const struct addition {
	const char *table;
	const char *column; /* NULL: the table itself */
	const char *definition;
} additions[] = {
	/* As struct queue_entry has them: OFFER_UNKNOWN is 0. The ids are separated by commas;
	   NULL: none are offered, all are declined. */
	{"queue", "offered_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "offered_gpus", "TEXT"},
	{"queue", "aside", "TEXT"},
	{"queue", "aside_gpus", "TEXT"},
	/* The kind of GPUs that the entry is for, and which are of it (NULL: any). */
	{"queue", "gpu_type", "TEXT"},
	{"queue", "min_memory_mb", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "eligible", "TEXT"},
	/* How many GPUs its account may hold; 0: any number. */
	{"queue", "account_limit", "INTEGER NOT NULL DEFAULT 0"},
	/* Processes that do not count as use. */
	{"ignored_processes", NULL,
	 "key INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, pid INTEGER NOT NULL,"
	 " start_ticks INTEGER NOT NULL, host TEXT, name TEXT, ignored_by TEXT,"
	 " ignored_ns INTEGER NOT NULL, memory_mb INTEGER NOT NULL,"
	 " UNIQUE (boot_id, pid, start_ticks)"},
	/* struct time_base and struct doubt, whose monotonic_ns is called doubt_boot_ns. */
	{"reservations", "clock", "TEXT"},
	{"reservations", "clock_offset_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"reservations", "doubt_heartbeat_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"reservations", "doubt_wall_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"reservations", "doubt_boot_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"reservations", "doubt_clock", "TEXT"},
	{"queue", "doubt_heartbeat_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "doubt_wall_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "doubt_boot_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "doubt_clock", "TEXT"},
	/* How the GPUs are linked (base/topology.h). */
	{"pool", "topology", "TEXT"},
	/* What is recorded of a MIG instance, and since when a GPU is known to be gone. */
	{"gpus", "profile", "TEXT"},
	{"gpus", "parent", "TEXT"},
	{"gpus", "parent_index", "INTEGER NOT NULL DEFAULT 0"},
	{"gpus", "retired_ns", "INTEGER NOT NULL DEFAULT 0"},
	/* Whose GPUs these are. */
	{"pool", "host_id", "TEXT"},
	{"pool", "host_boot_id", "TEXT"},
	{"pool", "host_name", "TEXT"},
	/* By which clocks the times of an entry were taken, since when it waits (TIME_NONE:
	   enqueued_ns), and by which clock it was offered GPUs. */
	{"queue", "clock", "TEXT"},
	{"queue", "clock_offset_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "since_ns", "INTEGER NOT NULL DEFAULT 0"},
	{"queue", "offered_clock", "TEXT"},
	/* The same of last_released_ns. */
	{"gpus", "released_clock", "TEXT"},
	{"gpus", "released_offset_ns", "INTEGER NOT NULL DEFAULT 0"},
	/* Why a GPU is out of service. */
	{"gpus", "drained_note", "TEXT"},
	/* What a reservation has done with a GPU: a row counts only for that reservation. */
	{"activity", NULL,
	 "gpu INTEGER PRIMARY KEY, reservation_id TEXT NOT NULL, seen_ns INTEGER NOT NULL,"
	 " last_active_ns INTEGER NOT NULL, idle_since_ns INTEGER NOT NULL,"
	 " active_ns INTEGER NOT NULL, idle_ns INTEGER NOT NULL, told_idle INTEGER NOT NULL,"
	 " memory_mb INTEGER, power_mw INTEGER, energy_mj INTEGER, card INTEGER NOT NULL,"
	 " clock TEXT NOT NULL, offset_ns INTEGER NOT NULL"},
	/* The same at the end; NULL: nobody could tell. */
	{"usage_history", "active_ns", "INTEGER"},
	{"usage_history", "idle_ns", "INTEGER"},
	/* struct mark. */
	{"marks", NULL,
	 "key TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, since_ns INTEGER NOT NULL,"
	 " seen_ns INTEGER NOT NULL, warned_ns INTEGER NOT NULL, acted_ns INTEGER NOT NULL,"
	 " text TEXT, clock TEXT, offset_ns INTEGER NOT NULL"},
	/* struct event. The id is its time in microseconds, or one more than the last id where the
	   clock has been set back: so what happened since a moment is a range of ids. */
	{"events", NULL,
	 "id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT,"
	 " user TEXT, uid INTEGER, actor TEXT, gpus TEXT, reservation_id TEXT, queue_id TEXT,"
	 " reason TEXT, details TEXT, before TEXT"},
};

/* Looks into the schema, which SQLite has in memory by then. */
static bool is_there(struct sqlite_store *s, const struct addition *a)
{
	return sqlite3_table_column_metadata(s->db, "main", a->table, a->column, NULL, NULL, NULL,
					     NULL, NULL) == SQLITE_OK;
}

static bool is_complete(struct sqlite_store *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(additions); i++) {
		if (!is_there(s, &additions[i]))
			return false;
	}
	return true;
}

static int add_missing(struct sqlite_store *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(additions); i++) {
		const struct addition *a = &additions[i];
		AUTO_FREE char *text = NULL;

		if (is_there(s, a))
			continue;
		text = a->column
			       ? mem_printf("ALTER TABLE %s ADD COLUMN %s %s", a->table, a->column,
					    a->definition)
			       : mem_printf("CREATE TABLE %s(%s) STRICT", a->table, a->definition);
		r = sql_script(s, text, e);
	}
	return r;
}

int sqlite_schema_check(struct sqlite_store *s, struct err *e)
{
	const int64_t newest = (int64_t)ARRAY_SIZE(migrations);
	int64_t version = 0, application = 0, tables = 1;
	int r = sql_number(s, "PRAGMA application_id", &application, e);

	if (r == 0)
		r = sql_number(s, "PRAGMA user_version", &version, e);
	if (r == 0 && application != SQLITE_APPLICATION_ID)
		r = sql_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (r < 0)
		return r;
	s->blank = application == 0 && version == 0 && tables == 0;
	if (application != SQLITE_APPLICATION_ID && !s->blank)
		return err_set(e, EINVAL,
			       "%s is a database of another program: choose another file with "
			       "--store",
			       s->path);
	if (version > newest)
		return err_set(e, EPROTONOSUPPORT,
			       "%s was created by a newer canhazgpu (format %lld, this one knows "
			       "%lld): use that one",
			       s->path, (long long)version, (long long)newest);
	if (version == newest && is_complete(s))
		return 0;
	if (s->writing) {
		r = version == newest ? 0 : migrate(s, version, e);
		return r < 0 ? r : add_missing(s, e);
	}
	if (s->blank)
		return 0;
	return err_set(
		e, ESTALE,
		"%s was created by an older canhazgpu, and cannot be upgraded: run 'canhazgpu "
		"status' as a user who may write to it",
		s->path);
}
