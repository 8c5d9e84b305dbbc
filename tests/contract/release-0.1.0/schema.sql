-- The tables of 0.1.0, format 2, as its migrations make them. Never to be edited: what is released stays.
CREATE TABLE pool(
 id INTEGER PRIMARY KEY CHECK (id = 1),
 provider TEXT,
 counter INTEGER NOT NULL
) STRICT;
CREATE TABLE reservations(
 key INTEGER PRIMARY KEY,
 id TEXT NOT NULL UNIQUE CHECK (id <> ''),
 user TEXT,
 account TEXT,
 uid INTEGER CHECK (uid BETWEEN 0 AND 4294967295),
 type TEXT NOT NULL CHECK (type IN ('run', 'manual')),
 start_ns INTEGER NOT NULL,
 heartbeat_ns INTEGER NOT NULL,
 expiry_ns INTEGER NOT NULL,
 deadline_ns INTEGER NOT NULL,
 note TEXT,
 queue_id TEXT,
 host TEXT,
 boot_id TEXT,
 command_pid INTEGER NOT NULL CHECK (command_pid >= 0),
 command_start_ticks INTEGER NOT NULL,
 supervisor_pid INTEGER NOT NULL CHECK (supervisor_pid >= 0),
 supervisor_start_ticks INTEGER NOT NULL
) STRICT;
CREATE TABLE gpus(
 id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 1023),
 uuid TEXT,
 version INTEGER NOT NULL,
 last_released_ns INTEGER NOT NULL,
 reservation_id TEXT REFERENCES reservations(id)
) STRICT;
CREATE INDEX gpus_by_reservation ON gpus(reservation_id);
CREATE TABLE queue(
 key INTEGER PRIMARY KEY AUTOINCREMENT,
 id TEXT NOT NULL UNIQUE CHECK (id <> ''),
 version INTEGER NOT NULL,
 user TEXT,
 account TEXT,
 uid INTEGER CHECK (uid BETWEEN 0 AND 4294967295),
 type TEXT NOT NULL CHECK (type IN ('run', 'manual')),
 requested_count INTEGER NOT NULL CHECK (requested_count >= 0),
 duration_ns INTEGER NOT NULL,
 note TEXT,
 enqueued_ns INTEGER NOT NULL,
 heartbeat_ns INTEGER NOT NULL,
 give_up_ns INTEGER NOT NULL,
 host TEXT,
 boot_id TEXT,
 command_pid INTEGER NOT NULL CHECK (command_pid >= 0),
 command_start_ticks INTEGER NOT NULL,
 supervisor_pid INTEGER NOT NULL CHECK (supervisor_pid >= 0),
 supervisor_start_ticks INTEGER NOT NULL
) STRICT;
CREATE TABLE queue_gpus(
 queue_id TEXT NOT NULL REFERENCES queue(id) ON DELETE CASCADE,
 role TEXT NOT NULL CHECK (role IN ('requested', 'collected')),
 gpu INTEGER NOT NULL CHECK (gpu >= 0),
 PRIMARY KEY (queue_id, role, gpu)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_history(
 end_ns INTEGER NOT NULL,
 key INTEGER NOT NULL,
 reservation_id TEXT NOT NULL,
 user TEXT,
 account TEXT,
 uid INTEGER,
 type TEXT NOT NULL CHECK (type IN ('run', 'manual')),
 gpu INTEGER NOT NULL,
 start_ns INTEGER NOT NULL,
 reason TEXT NOT NULL
  CHECK (reason IN ('released', 'expired', 'holder-died', 'stale', 'forced')),
 actor TEXT,
 CHECK (end_ns >= start_ns),
 PRIMARY KEY (end_ns, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_history_by_uid ON usage_history(uid, gpu, end_ns);
CREATE INDEX usage_history_by_account ON usage_history(account, gpu, uid, end_ns);
PRAGMA application_id = 0x63686770;
ALTER TABLE gpus ADD COLUMN drained_by TEXT;
ALTER TABLE gpus ADD COLUMN drained_ns INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 2;
