#!/usr/bin/env bats
# canhazgpu doctor on what the store shows: its files or its server, and what is written in it.
# stores: each

load doctor_helpers

@test "it changes nothing" {
	pool 2
	chg_ok reserve --duration 1h
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis config set notify-keyspace-events KEA >/dev/null
		before=$(redis --raw eval "local out = {} for _, k in ipairs(redis.call('KEYS', '*')) do out[#out + 1] = k .. redis.sha1hex(redis.call('DUMP', k)) end table.sort(out) return out" 0)
		chg_ok doctor
		assert_equal "$(redis --raw eval "local out = {} for _, k in ipairs(redis.call('KEYS', '*')) do out[#out + 1] = k .. redis.sha1hex(redis.call('DUMP', k)) end table.sort(out) return out" 0)" "$before"
	else
		before=$(sha256sum "$WORLD/pool.db" && ls "$WORLD")
		chg_ok doctor
		assert_equal "$(sha256sum "$WORLD/pool.db" && ls "$WORLD")" "$before"
	fi
}

@test "sqlite: damaged, not a database, of a newer program, unreadable" {
	need_sqlite
	pool 2
	chg_ok reserve
	cp "$WORLD/pool.db" "$WORLD/good.db"
	sound
	db 'PRAGMA ignore_check_constraints = 1; UPDATE reservations SET uid = -1'
	assert_only store-integrity FAILED 'is damaged'
	cp "$WORLD/good.db" "$WORLD/pool.db"
	db 'PRAGMA user_version = 99'
	doctor
	assert_finding store FAILED 'newer canhazgpu'
	echo 'this is no database at all, but a text that is long enough' >"$WORLD/pool.db"
	doctor
	assert_finding store FAILED 'is not a database'
	assert_finding driver warning ''
}

@test "sqlite: files with wrong modes are found at once, each with the line that mends it" {
	need_sqlite
	pool 1
	sound
	chmod 0644 "$WORLD/pool.db"
	assert_only store-files FAILED "everybody can read $WORLD/pool.db; chmod 0600 '$WORLD/pool.db'"
	chmod 0602 "$WORLD/pool.db.lock"
	chmod 0620 "$WORLD/pool.db.wake"
	install -m 0400 /dev/null "$WORLD/pool.db-wal"
	install -m 0601 /dev/null "$WORLD/canhazgpu-scan-1"
	mkdir "$WORLD/pool.db-shm"
	assert_only store-files FAILED
	for part in "everybody can read $WORLD/pool.db, " "everybody can write to $WORLD/pool.db.lock" \
		"the group can write to $WORLD/pool.db.wake" "its owner cannot write to $WORLD/pool.db-wal" \
		"everybody can read $WORLD/canhazgpu-scan-1" "$WORLD/pool.db-shm is not a regular file"; do
		assert_finding store-files FAILED "$part"
	done
	# The lines of the advice are enough.
	in_world bash -euc "$(json_get '.[] | select(.check == "store-files") | .advice')"
	doctor_ok
	assert_equal "$(results)" "$(cat "$WORLD/sound")"
}

@test "sqlite: files of root in the directory of an account" {
	need_sqlite
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	chmod 0755 "$WORLD"
	mkdir -m 0700 "$WORLD/own"
	chown 4377 "$WORLD/own"
	world_set CANHAZGPU_STORE="sqlite:$WORLD/own/pool.db"
	as_user 4377 canhazgpu admin --gpus 1 --provider fake
	chown 0 "$WORLD"/own/pool.db "$WORLD"/own/pool.db.lock
	status=0
	as_user 4377 canhazgpu doctor --json >"$WORLD/stdout" || status=$?
	assert_status 1
	for file in pool.db pool.db.lock; do
		assert_finding store-files FAILED "$WORLD/own/$file does not belong to you"
		assert_finding store-files FAILED "sudo chown 4377 '$WORLD/own/$file'"
	done
}

@test "sqlite: somebody stands still inside the gate" {
	need_sqlite
	pool 1
	world_set CANHAZGPU_TEST_WAIT_MS=300
	sound
	start_background holder flock "$WORLD/pool.db.lock" sleep 1000
	wait_until '! flock -n "$WORLD/pool.db.lock" true' 60
	assert_only store-write FAILED 'is locked by pid'
}

@test "sqlite: a file that may only be read, a full and a passing file system" {
	need_sqlite
	[ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null || skip 'needs root and mount namespaces'
	pool 1
	on_tmpfs() { # OPTIONS COMMAND
		status=0
		# shellcheck disable=SC2016
		in_world unshare --mount --propagation private sh -uc '
			mount -t tmpfs -o size=1m tmpfs "$XDG_STATE_HOME" || exit 99
			export CANHAZGPU_STORE="sqlite:$XDG_STATE_HOME/pool.db"
			canhazgpu admin --gpus 1 --provider fake >&2 || exit 98
			eval "$0"
			exec canhazgpu doctor --json' "$1" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	}
	on_tmpfs true
	assert_status 0
	assert_finding disk warning 'tmpfs: the pool may be gone'
	assert_finding disk warning 'free some space'
	on_tmpfs 'head -c 900k /dev/zero >"$XDG_STATE_HOME/big" || true'
	assert_finding disk FAILED '0 MiB are free'
	on_tmpfs 'mount -o remount,ro "$XDG_STATE_HOME"'
	assert_status 1
	assert_finding disk FAILED 'it is read-only'
	assert_finding store-write FAILED 'read-only'
	assert_finding store ok
}

@test "redis: not there, wrong password, rules that forbid" {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'about Redis'
	pool 2
	sound
	redis acl setuser default +@all -zadd -publish >/dev/null
	assert_only store-write FAILED 'forbid ZADD PUBLISH; see docs/redis.md'
	redis acl setuser default +@all -subscribe >/dev/null
	assert_only wake-up warning 'poll every few seconds'
	redis acl setuser default +@all -xadd -hset >/dev/null
	assert_only store-events warning 'does not allow XADD HSET: what happens'
	# Without them the pool works all the same.
	chg_ok reserve
	chg_ok release
	chg_ok events --kind granted,released
	assert_stdout 'Nothing has happened in that time.'
	redis acl setuser default +@all -info >/dev/null
	doctor_ok
	assert_finding redis-server note 'do not allow INFO'
	redis acl setuser default +@all >/dev/null
	redis config set requirepass word >/dev/null
	doctor
	assert_status 1
	assert_finding store FAILED 'it requires a password'
	world_set CANHAZGPU_STORE="unix://$WORLD/nowhere?db=0"
	doctor
	assert_status 1
	assert_finding store FAILED 'cannot be reached'
	assert_finding pool FAILED 'see the check store'
}

@test "redis: the rules of docs/redis.md suffice" {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'about Redis'
	pool 1
	rules=$(sed -n 's/^    ACL SETUSER canhazgpu on >PASSWORD //p' "$BATS_TEST_DIRNAME/../../docs/redis.md")
	[ -n "$rules" ]
	# shellcheck disable=SC2086
	redis acl setuser canhazgpu on '>word' $rules >/dev/null
	world_set CANHAZGPU_STORE="unix://canhazgpu:word@$WORLD/redis/socket?db=0"
	doctor_ok
	assert_finding store-write ok
	assert_finding wake-up ok
	assert_finding redis-server note
}

@test "redis: what is dropped and forgotten, and a lock without an end" {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'about Redis'
	pool 1
	redis config set appendonly yes >/dev/null
	wait_until 'redis info persistence | grep -q "aof_rewrite_in_progress:0"' 60
	sound
	assert_finding redis-persistence ok 'appendonly yes'
	redis config set appendonly no >/dev/null
	assert_only redis-persistence warning 'lost when the server restarts'
	redis config set appendonly yes >/dev/null
	redis config set maxmemory-policy allkeys-lru >/dev/null
	assert_only redis-memory warning 'maxmemory-policy allkeys-lru'
	redis config set maxmemory 1gb >/dev/null
	assert_only redis-memory FAILED noeviction
	redis config set maxmemory-policy noeviction >/dev/null
	redis config set maxmemory 1 >/dev/null
	assert_only store-write FAILED 'out of memory'
	redis config set maxmemory 0 >/dev/null
	redis set canhazgpu:allocation_lock somebody PX 600000 >/dev/null
	assert_only redis-lock note 'another program holds its lock'
	redis set canhazgpu:allocation_lock somebody >/dev/null
	assert_only redis-lock FAILED 'never expires'
}

@test "redis: a replica" {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'about Redis'
	pool 1
	redis replicaof 127.0.0.1 1 >/dev/null
	redis config set replica-serve-stale-data yes >/dev/null
	doctor
	assert_status 1
	assert_finding redis-server FAILED 'read-only replica'
	assert_finding store-write FAILED 'read-only replica'
}

@test "a supervisor that has ended or is stopped, a state that is unreadable" {
	pool 2
	hold one
	wait_until 'chg_ok status --json && [ "$(json_get ".[0].status")" = IN_USE ]' 60
	sound
	stop_now "$supervisor"
	assert_only reservations warning "the supervisor (pid $supervisor) of the run on GPU 0 is stopped"
	kill_now "$supervisor"
	assert_only reservations warning "the supervisor of the run on GPU 0 (pid $command) has ended"
	chg_ok status # the run goes on
	[ "${E2E_STORE:-sqlite}" = redis ] || return 0
	redis set canhazgpu:gpu:1 nonsense >/dev/null
	doctor
	assert_finding reservations FAILED 'the state of GPU 1'
}

@test "times in the future: a clock was put back" {
	pool 1
	chg_ok reserve
	sound
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis set canhazgpu:gpu:0 "$(redis --raw get canhazgpu:gpu:0 |
			jq -c '.start_time += 86400 | del(.start_ns, .start_time_ns)')" >/dev/null
	else
		db 'UPDATE reservations SET start_ns = start_ns + 86400000000000'
	fi
	assert_only times warning 'the reservation of GPU 0 began, or was renewed, in the future'
}
