#!/usr/bin/env bats
# canhazgpu backup and restore: the whole pool into a file while it is in use, and back, whatever happens meanwhile.
# stores: each
# seconds: 20

load wait_helpers

# A pool with something of everything.
busy_pool() {
	pool 4
	chg_ok reserve --gpu-ids 1 --duration 2h --note 'a note'
	chg_ok run --gpu-ids 2 -- true
	wait_until 'chg_ok report --json && [ "$(json_get ".users[0].run_count")" = 1 ]'
	chg_ok admin --drain 3
}

# What of a pool stays the same while nobody does anything.
contents() {
	chg_ok status --json
	json_get '.[] | [.gpu_id, .status, .user, .note, .type, .expires_at]'
	chg_ok report --json
	json_get '.users[] | [.name, .run_count, .manual_count]'
}

# Files of a backup that was not finished.
leftovers() {
	find "$1" -mindepth 1 -name '*.??????' | sort
}

# An empty pool in the place of the one that there is.
empty_store() {
	forget_pool
	chg status
	assert_error 1 'not initialized'
}

# Restores over whatever there is.
restore_over() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		forget_pool
		chg_ok restore "$@"
	else
		chg_ok restore --force "$@"
	fi
}

@test "a backup is silent, and restored into an empty store the pool is what it was" {
	busy_pool
	before=$(contents)
	chg_ok backup "$WORLD/backup.db"
	assert_equal "$stdout$stderr" ''
	assert_equal "$(stat -c %a "$WORLD/backup.db")" 600
	assert_equal "$(leftovers "$WORLD")" ''
	assert_equal "$(ls -A "$WORLD/tmp")" ''
	assert_equal "$(contents)" "$before"
	empty_store
	chg_ok restore "$WORLD/backup.db"
	assert_equal "$stdout" "Restored 4 GPUs, 1 reservation, 0 waiting requests and 1 usage record
from $WORLD/backup.db
to   $(store_url | sed 's/[?&]timeout=[^&]*//')"
	assert_equal "$(contents)" "$before"
	assert_equal "$(ls -A "$WORLD/tmp")" ''
	# What was restored is in use as before.
	chg_ok release
	chg_ok reserve --gpu-ids 0
	chg_ok admin --undrain 3
}

@test "through standard output and input" {
	busy_pool
	before=$(contents)
	in_world sh -c 'canhazgpu backup - | cat >"$0"' "$WORLD/backup.db"
	chg_ok backup "$WORLD/same.db"
	[ -s "$WORLD/backup.db" ]
	empty_store
	in_world sh -c 'cat "$0" | canhazgpu restore -' "$WORLD/backup.db" >"$WORLD/stdout"
	has_line "$WORLD/stdout" 'from standard input'
	assert_equal "$(contents)" "$before"
	status=0
	in_world script -qec 'canhazgpu backup -' /dev/null </dev/null >"$WORLD/typed" || status=$?
	assert_equal "$status" 2
	grep -q 'not written to a terminal' "$WORLD/typed"
}

@test "a pool that lives is not replaced unasked" {
	busy_pool
	chg_ok backup "$WORLD/backup.db"
	chg_ok release
	before=$(contents)
	chg restore "$WORLD/backup.db"
	assert_error 1 'a pool of 4 GPUs'
	assert_equal "$(contents)" "$before"
	chg restore --force "$WORLD/backup.db"
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		assert_error 1 'a pool on Redis is not replaced'
		assert_equal "$(contents)" "$before"
		return
	fi
	assert_status 0
	chg_ok status --json
	assert_equal "$(json_get '.[1].note')" 'a note'
}

@test "a backup of one store is restored into the other" {
	busy_pool
	before=$(contents)
	chg_ok backup "$WORLD/backup.db"
	[ "${E2E_STORE:-sqlite}" = redis ] || start_redis --maxmemory 0
	other="sqlite:$WORLD/other.db"
	[ "${E2E_STORE:-sqlite}" = redis ] || other="unix://$WORLD/redis/socket?db=0"
	world_set "CANHAZGPU_STORE=$other"
	chg_ok restore "$WORLD/backup.db"
	assert_equal "$(contents)" "$before"
}

# refused_file TEXT: the file $WORLD/bad.db is not restored, and the pool stays as it is.
refused_file() {
	chg restore "$WORLD/bad.db" ${force[@]+"${force[@]}"}
	assert_error 1 "$WORLD/bad.db $1"
	assert_equal "$(contents)" "$before"
}

@test "what is not a backup, or not whole, is refused, and the pool stays" {
	busy_pool
	chg_ok backup "$WORLD/backup.db"
	before=$(contents)
	force=(--force)
	[ "${E2E_STORE:-sqlite}" != redis ] || force=()
	bad() {
		cp "$WORLD/backup.db" "$WORLD/bad.db"
		sqlite3 "$WORLD/bad.db" "$1"
	}
	: >"$WORLD/bad.db"
	refused_file 'is not a backup of canhazgpu'
	echo 'a text, but long enough that it could be one' >"$WORLD/bad.db"
	refused_file 'is not a backup of canhazgpu'
	bad 'PRAGMA application_id = 1'
	refused_file 'is not a backup of canhazgpu'
	bad 'CREATE TRIGGER t AFTER INSERT ON usage_history BEGIN DELETE FROM gpus; END'
	refused_file 'is not a backup of canhazgpu: it has triggers or views'
	bad 'PRAGMA user_version = 99'
	refused_file 'was created by a newer canhazgpu'
	bad 'DELETE FROM pool'
	refused_file 'holds no pool'
	bad 'DROP TABLE usage_history'
	refused_file 'is not whole'
	bad 'ALTER TABLE gpus DROP COLUMN uuid'
	refused_file 'is not whole: no such column'
	bad 'PRAGMA foreign_keys = 0; DELETE FROM reservations'
	refused_file 'is not whole: a GPU belongs to a reservation'
	bad 'PRAGMA ignore_check_constraints = 1; UPDATE reservations SET uid = -1'
	refused_file 'is not whole: CHECK constraint failed'
	# Cut off at any place, and with a page that somebody has written over.
	size=$(stat -c %s "$WORLD/backup.db")
	for at in 60 4000 4096 20000 $((size - 4096)) $((size - 1)); do
		head -c "$at" "$WORLD/backup.db" >"$WORLD/bad.db"
		refused_file 'is not'
	done
	cp "$WORLD/backup.db" "$WORLD/bad.db"
	head -c 4096 /dev/urandom | dd of="$WORLD/bad.db" bs=4096 seek=1 conv=notrunc status=none
	refused_file 'is not whole'
	chg restore "$WORLD/none.db"
	assert_error 1 "cannot read '$WORLD/none.db'"
}

@test "a backup that fails leaves the one before, and nothing beside it" {
	busy_pool
	mkdir "$WORLD/backups"
	chg_ok backup "$WORLD/backups/pool.db"
	before=$(sha256sum "$WORLD/backups/pool.db")
	status=0
	in_world sh -c 'ulimit -f 8; exec canhazgpu backup "$0"' "$WORLD/backups/pool.db" 2>"$WORLD/stderr" || status=$?
	assert_equal "$status" 1
	[ "${E2E_STORE:-sqlite}" = redis ] || grep -q "^Error: cannot write '$WORLD/backups/pool.db': File too large" "$WORLD/stderr"
	assert_equal "$(sha256sum "$WORLD/backups/pool.db")" "$before"
	assert_equal "$(ls "$WORLD/backups")" pool.db
	chg backup /dev/full
	assert_error 1 "cannot write '/dev/full': No space left"
	status=0
	in_world sh -c 'exec canhazgpu backup - >/dev/full' 2>"$WORLD/stderr" || status=$?
	assert_equal "$status" 1
	chg backup "$WORLD/none/pool.db"
	assert_error 1 "cannot write '$WORLD/none/pool.db': No such file"
	# A pool that is damaged, or is none, does not take its place either.
	empty_store
	chg backup "$WORLD/backups/pool.db"
	assert_error 1 'holds no pool'
	assert_equal "$(sha256sum "$WORLD/backups/pool.db")" "$before"
	# A link stays one.
	chg_ok restore "$WORLD/backups/pool.db"
	ln -s backups/pool.db "$WORLD/link.db"
	chg_ok backup "$WORLD/link.db"
	[ -L "$WORLD/link.db" ]
	assert_equal "$(ls "$WORLD/backups")" pool.db
}

@test "no backup is written over the pool" {
	need_sqlite
	pool 1
	before=$(stat -c %i "$WORLD/pool.db")
	ln -s pool.db "$WORLD/link"
	cd "$WORLD/home"
	for file in "$WORLD/pool.db" ../pool.db ../home/../pool.db-journal "$WORLD/pool.db.lock" ../pool.db.wake "$WORLD/link" ../pool.db-wal; do
		chg backup "$file"
		assert_error 2 "'$file' is a file of the pool itself"
	done
	assert_equal "$(stat -c %i "$WORLD/pool.db")" "$before"
	chg_ok backup ../pool.db.old
	chg_ok backup here
	[ -s here ]
}

@test "a full disk: the backup before stays, and so does a pool that cannot be replaced" {
	need_sqlite
	[ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null || skip 'needs root and mount namespaces'
	busy_pool
	chg_ok backup "$WORLD/good.db"
	mkdir "$WORLD/small"
	status=0
	in_world unshare --mount --propagation private bash -uc '
		cd "$1"
		mount -t tmpfs -o size=200k tmpfs small || exit 99
		canhazgpu backup small/backup.db || exit 1
		sum=$(sha256sum small/backup.db)
		head -c 200k /dev/zero >small/big
		canhazgpu backup small/backup.db && exit 2
		[ "$(sha256sum small/backup.db)" = "$sum" ] && [ "$(ls small)" = "backup.db
big" ] || exit 3
		rm small/big small/backup.db
		export CANHAZGPU_STORE=sqlite:$1/small/pool.db
		canhazgpu admin --gpus 1 --provider fake || exit 4
		head -c 200k /dev/zero >small/big
		canhazgpu restore --force good.db && exit 5
		rm small/big
		[ "$(canhazgpu status --json | jq length)" = 1 ] || exit 6
		canhazgpu restore --force good.db || exit 7
		[ "$(canhazgpu status --json | jq length)" = 4 ] || exit 8' bash "$WORLD" >"$WORLD/out" 2>"$WORLD/stderr" || status=$?
	[ "$status" -ne 99 ] || skip 'no mounts here'
	assert_equal "$status" 0
	grep -q 'backup.db.: No space left on device' "$WORLD/stderr"
	grep -q 'cannot write .*pool.db: the disk is full' "$WORLD/stderr"
}

@test "a damaged pool is moved away with --force, and does not spoil a backup" {
	need_sqlite
	busy_pool
	chg_ok backup "$WORLD/backup.db"
	before=$(contents) sum=$(sha256sum "$WORLD/backup.db")
	for damage in 'echo nonsense, and enough of it, to be no database' 'head -c 5000 "$WORLD/backup.db"'; do
		eval "$damage" >"$WORLD/pool.db"
		chg backup "$WORLD/backup.db"
		assert_status 1
		assert_equal "$(sha256sum "$WORLD/backup.db")" "$sum"
		chg restore "$WORLD/backup.db"
		assert_error 1 '--force moves that file away'
		rm -f "$WORLD"/pool.db.damaged-*
		chg_ok restore --force "$WORLD/backup.db"
		assert_equal "$(contents)" "$before"
		eval "$damage" | cmp - "$WORLD"/pool.db.damaged-*[0-9]
	done
}

@test "each backup of a pool that changes all the time is one moment of it" {
	pool 3
	for i in 1 2; do
		start_background "changes$i" sh -c 'while :; do
			canhazgpu reserve --wait=30s --gpus 2 --user two && canhazgpu run --wait=30s -- true
			canhazgpu release --user two || :
		done'
	done
	for i in 1 2 3 4 5 6; do
		chg_ok backup "$WORLD/$i.db"
		chg_ok --store "sqlite:$WORLD/restored.db" restore --force "$WORLD/$i.db" # and checks it
		# A request for two has both or none.
		[[ $(db_of "$WORLD/$i.db" "SELECT count(*) FROM gpus g JOIN reservations r ON r.id = g.reservation_id
			WHERE r.user = 'two' AND queue_id IS NULL") =~ ^[02]$ ]]
		# Nothing is both held and in the history.
		assert_equal "$(db_of "$WORLD/$i.db" 'SELECT count(*) FROM gpus g JOIN usage_history u
			ON u.reservation_id = g.reservation_id AND u.gpu = g.id')" 0
	done
}

db_of() {
	sqlite3 "$1" "$2"
}

@test "what runs and waits goes on: a run that is not in the backup has its GPU back, a request its place" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold one --gpu-ids 0
	chg_ok backup "$WORLD/backup.db"
	start_run other --gpu-ids 1 -- sleep 1000
	# It uses its GPU, which nobody is given so.
	wait_until 'is_called "${background_pids[other]}" sleep'
	fake_state "{\"gpus\": [{\"index\": 1, \"memory_used_mb\": 9000, \"processes\": [{\"pid\": ${background_pids[other]}}]}]}"
	wait_until 'chg_ok status --json && [ "$(json_get ".[1].status")" = IN_USE ]'
	wait_run later
	restore_over "$WORLD/backup.db"
	wait_until 'chg_ok status --json && [ "$(json_get "[.[].status] | join(\" \")")" = "IN_USE IN_USE" ]' 60
	assert_waits later
	wait_until '[ "$(line)" = later ]' 60
	kill_now "${background_pids[other]}"
	fake_state '{}'
	wait_for_start later
}

@test "who has ended since the backup does not hold the GPU again" {
	pool 1
	hold one
	chg_ok backup "$WORLD/backup.db"
	kill_now "$command"
	wait_until 'chg_ok status --json && [ "$(json_get ".[0].status")" = AVAILABLE ]'
	restore_over "$WORLD/backup.db"
	chg_ok run -- true
}

@test "owner and modes are those of the pool, and only who may administer it restores" {
	need_sqlite
	shared_pool 2
	as_user 4301 canhazgpu reserve --gpu-ids 0
	as_user 4302 canhazgpu backup "$WORLD/tmp/theirs.db"
	assert_equal "$(stat -c '%u %a' "$WORLD/tmp/theirs.db")" '4302 600'
	before=$(stat -c '%n %u %g %a %i' "$WORLD"/store/*)
	status=0
	as_user 4302 canhazgpu restore --force "$WORLD/tmp/theirs.db" 2>"$WORLD/stderr" || status=$?
	assert_equal "$status" 1
	grep -q 'only root .*may restore a backup' "$WORLD/stderr"
	chg_ok restore --force "$WORLD/tmp/theirs.db"
	assert_equal "$(stat -c '%n %u %g %a %i' "$WORLD"/store/*)" "$before"
	# Made anew, it is as `admin` makes it.
	rm "$WORLD"/store/*
	chg_ok restore "$WORLD/tmp/theirs.db"
	assert_equal "$(stat -c '%g %a' "$WORLD"/store/pool.db)" '4300 660'
	as_user 4301 canhazgpu release
}

@test "a backup of the first format becomes one of this" {
	need_sqlite
	sqlite3 "$WORLD/old.db" <"$BATS_TEST_DIRNAME/../contract/release-0.1.0/schema.sql"
	sqlite3 "$WORLD/old.db" "INSERT INTO pool(id, provider, counter) VALUES (1, 'fake', 7);
		INSERT INTO gpus(id, version, last_released_ns) VALUES (0, 1, 0), (1, 2, 0)"
	chg_ok restore "$WORLD/old.db"
	chg_ok reserve --gpus 2
	assert_equal "$(db 'SELECT min(counter) > 1000000000000000000 FROM pool')" 1
}
