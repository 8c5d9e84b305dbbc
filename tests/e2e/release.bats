#!/usr/bin/env bats
# canhazgpu release: one's own, by account and reservation, never by name.
# stores: each

load helpers

ME=$(id -un)

# A store that the accounts 1 and 2 share by their group, and a program that they can execute.
shared_world() {
	need_root
	need_sqlite
	chmod 0755 "$WORLD"
	cp "$CANHAZGPU_BIN" "$WORLD/tmp/canhazgpu"
	ln -sf ../tmp/canhazgpu "$WORLD/bin/canhazgpu"
	mkdir "$WORLD/shared"
	chown 0:4242 "$WORLD/shared"
	chmod 2770 "$WORLD/shared"
	chmod 0755 "$WORLD/tmp"
	world_set CANHAZGPU_STORE="sqlite:$WORLD/shared/pool.db"
	ln -s shared/pool.db "$WORLD/pool.db"
	one=$(getent passwd 1 | cut -d: -f1)
	two=$(getent passwd 2 | cut -d: -f1)
}

# chg_as UID ARGUMENTS: like chg, as another account.
chg_as() {
	local uid=$1
	shift
	status=0
	in_world setpriv --reuid "$uid" --regid 4242 --clear-groups canhazgpu "$@" \
		>"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout")
	stderr=$(cat "$WORLD/stderr")
}

chg_as_ok() {
	chg_as "$@"
	assert_status 0
}

@test "all that is reserved by hand is released" {
	pool 4
	chg_ok reserve --gpu-ids 3
	chg_ok reserve --gpu-ids 1
	chg release
	assert_status 0
	assert_stdout 'Released 2 GPU(s): [1, 3]'
	assert_stderr ''
	assert_equal "$(held)" ''
}

@test "nothing held is a success" {
	pool 2
	chg release
	assert_status 0
	assert_stdout 'No manually reserved GPUs found for current user'
	assert_stderr ''
}

@test "by id: only those, a part of a reservation, too" {
	pool 6
	chg_ok reserve --gpus 4
	chg_ok reserve --gpu-ids 5
	chg_ok release --gpu-ids 3,1
	assert_stdout 'Released 2 GPU(s): [1, 3]'
	assert_equal "$(held)" '0 2 5'
	chg_ok release -G 5,0-0
	assert_stdout 'Released 2 GPU(s): [0, 5]'
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [2]'
}

@test "what is released is recorded once per GPU, a part when it is released" {
	need_sqlite
	pool 2
	chg_ok reserve --gpus 2 --user alice
	chg_ok release --gpu-ids 1
	assert_equal "$(usage_history)" '1 manual released alice'
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.user)"' 'IN_USE|alice'
	chg_ok release
	assert_equal "$(usage_history)" '1 manual released alice'$'\n''0 manual released alice'
	assert_equal "$(db 'SELECT count(DISTINCT reservation_id), min(start_ns) = max(start_ns), min(end_ns) < max(end_ns) FROM usage_history')" '1|1|1'
}

@test "an id that nobody holds, or that does not exist, is an error, and nothing is released" {
	pool 4
	chg_ok reserve --gpus 2
	chg release --gpu-ids 0,3
	assert_error 1 'GPU 3 is not reserved'
	chg release --gpu-ids 0,4
	assert_error 1 'GPU ID 4 does not exist (the pool has 0 to 3)'
	for ids in '' x 1, 1-; do
		chg release --gpu-ids "$ids"
		assert_error 2 --gpu-ids
	done
	chg release --gpu-ids 0,0
	assert_error 2 'given twice'
	chg release 0 --gpu-ids 1
	assert_error 2 "'0' and --gpu-ids: only one of them at a time"
	assert_equal "$(held)" '0 1'
}

@test "a reservation made with --user is released by its owner" {
	pool 2
	chg_ok reserve --user alice
	chg_ok reserve --user "$ME"
	chg_ok release
	assert_stdout 'Released 2 GPU(s): [0, 1]'
}

@test "without ids a run keeps its GPUs; with ids it loses them, and goes on" {
	pool 3
	chg_ok reserve --gpu-ids 2
	start_background job canhazgpu run --gpus 2 -- sleep 1000
	wait_until '[ "$(held)" = "0 1 2" ]'
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [2]'
	assert_equal "$(held)" '0 1'
	chg_ok release
	assert_stdout 'No manually reserved GPUs found for current user'
	chg_ok release --gpu-ids 0
	assert_stdout 'Released 1 GPU(s): [0]'
	assert_equal "$(held)" 1
	chg_ok release --gpu-ids 1
	assert_equal "$(held)" ''
	assert_equal "$(usage_history | grep run)" "0 run released $ME"$'\n'"1 run released $ME"
	kill -0 "${background_pids[job]}"
}

@test "the end of a run whose GPU was released frees nobody's new reservation" {
	pool 1
	mkfifo "$WORLD/gate"
	start_background job canhazgpu run -- sh -c 'read -r line <"$0"' "$WORLD/gate"
	wait_until '[ "$(held)" = 0 ]'
	chg_ok release --gpu-ids 0
	chg_ok reserve --note mine
	echo go >"$WORLD/gate" &
	wait_background job
	assert_no_processes
	chg_ok status --json
	assert_json '.[0].note' mine
}

@test "an expired reservation is not released but expired" {
	need_sqlite
	pool 1
	chg_ok reserve --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg_ok release
	assert_stdout 'No manually reserved GPUs found for current user'
	assert_equal "$(db 'SELECT reason, end_ns FROM usage_history')" "expired|$expiry"
	chg_ok reserve --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg release --gpu-ids 0
	assert_error 1 'GPU 0 is not reserved'
}

@test "release does not ask the driver" {
	pool 1
	chg_ok reserve
	fake_state '{"delay_ms": 3600000}'
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "another account releases nothing of yours, by id or without, whatever it calls itself" {
	shared_world
	chg_as_ok 1 admin --gpus 4 --provider fake
	chg_as_ok 1 reserve --gpu-ids 0
	chg_as_ok 2 reserve --gpu-ids 1
	world_set USER="$one"
	world_set LOGNAME="$one"
	chg_as 2 release --gpu-ids 0
	assert_error 1 "GPU 0 is reserved by $one, not by you"
	chg_as 2 release --gpu-ids 0,1
	assert_error 1 "GPU 0 is reserved by $one, not by you"
	chg_as_ok 2 status --json
	assert_json 'map(.user) | join(" ")' "$one $two  "
	chg_as_ok 2 release
	assert_stdout 'Released 1 GPU(s): [1]'
	chg_as_ok 2 release
	assert_stdout 'No manually reserved GPUs found for current user'
	chg_as_ok 1 release
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "a label is no account: neither its bearer nor its namesake is mistaken" {
	shared_world
	chg_as_ok 1 admin --gpus 2 --provider fake
	chg_as 1 reserve --gpu-ids 0 --user "$two"
	assert_error 2 "--user '$two' is the name of another account"
	chg_as_ok 1 reserve --gpu-ids 0 --user "the other $two"
	chg_as 2 release --gpu-ids 0
	assert_error 1 "GPU 0 is reserved by the other $two ($one), not by you"
	chg_as_ok 2 release
	assert_stdout 'No manually reserved GPUs found for current user'
	chg_as_ok 1 release
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "root releases anybody's GPUs by id, and that is recorded; without ids only its own" {
	shared_world
	chg_as_ok 1 admin --gpus 3 --provider fake
	chg_as_ok 1 reserve --gpu-ids 0
	chg_as_ok 2 reserve --gpu-ids 1
	chg_ok reserve --gpu-ids 2
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [2]'
	chg_ok release --gpu-ids 0,1
	assert_stdout 'Released 2 GPU(s): [0, 1]'
	assert_equal "$(db "SELECT gpu, account, reason, actor FROM usage_history ORDER BY gpu")" \
		"0|$one|forced|$ME"$'\n'"1|$two|forced|$ME"$'\n'"2|$ME|released|"
}

@test "an account without a name holds and releases like others" {
	shared_world
	chg_as_ok 1 admin --gpus 2 --provider fake
	chg_as_ok 54321 reserve
	chg_as_ok 54322 status --json
	assert_json '.[0].user' 'uid 54321'
	chg_as 54322 release --gpu-ids 0
	assert_error 1 'GPU 0 is reserved by uid 54321, not by you'
	chg_as_ok 54321 release
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "what one account used last is not what another gets first" {
	shared_world
	chg_as_ok 1 admin --gpus 3 --provider fake
	chg_as_ok 1 reserve --gpu-ids 2
	chg_as_ok 1 release
	chg_as_ok 2 reserve --gpu-ids 1
	chg_as_ok 2 release
	chg_as_ok 1 reserve --short
	assert_stdout 2
	chg_as_ok 2 reserve --short
	assert_stdout 1
	chg_as_ok 1 release
	chg_as_ok 2 release
	chg_as_ok 54321 reserve --short
	assert_stdout 0
	chg_as_ok 54321 reserve --short
	assert_stdout 2
}
