#!/usr/bin/env bats
# The supervisor of a run: nothing of it is in the way of the command or of the caller's shell.
# stores: any
# seconds: 15

load wait_helpers

@test "the supervisor is no child of the command, and in a session and group of its own" {
	pool 1
	hold job
	[ "$(process_field "$supervisor" 4)" != "$command" ]
	for field in 5 6; do # process group, session
		[ "$(process_field "$supervisor" $field)" != "$(process_field "$command" $field)" ]
		[ "$(process_field "$supervisor" $field)" != "$(process_field $$ $field)" ]
	done
	assert_equal "$(process_field "$supervisor" 7)" 0 # no terminal
}

@test "the supervisor works in /, without the marker, with one thread" {
	pool 1
	in_world mkdir "$WORLD/here"
	cd "$WORLD/here"
	world_set CANHAZGPU_RESERVATION_ID=outer # it was started from another run
	hold job
	assert_equal "$(readlink "/proc/$supervisor/cwd")" /
	grep -qz '^CANHAZGPU_RESERVATION_ID=' "/proc/$command/environ"
	! grep -qz '^CANHAZGPU_RESERVATION_ID=' "/proc/$supervisor/environ" || fail_with 'it has the marker'
	assert_equal "$(sed -n 's/^Threads:\t//p' "/proc/$supervisor/status")" 1
}

# What a process has open: " 2 /dev/null 1 ...".
handles_of() {
	for fd in "/proc/$1/fd/"*; do
		readlink "$fd"
	done | sort | uniq -c | tr -s ' \n' ' '
}

@test "the supervisor holds no handle of the caller's but a log file, only what it watches" {
	pool 1
	start_background job sh -c 'exec 7>"$1" 8</dev/zero; exec canhazgpu run -- sleep 1000' sh "$WORLD/log"
	wait_until 'is_called "$background_pid" sleep'
	supervisor=$(supervisor_of "$background_pid")
	expected="^ 2 /dev/null 1 $WORLD/job\\.err 1 (anon_inode:\\[pidfd\\] 1 anon_inode:\\[timerfd\\]|anon_inode:\\[timerfd\\] 1 pidfd:\\[[0-9]+\\]) \$"
	# It lets go of the last ones right after its ready, and opens others while it looks at the processes.
	wait_until '[[ "$(handles_of "$supervisor")" =~ $expected ]]' || fail_with "'$(handles_of "$supervisor")'"
}

@test "the supervisor ignores SIGHUP and takes no other disposition or mask from the caller" {
	pool 1
	start_background job env --ignore-signal=INT,TERM,CHLD,USR1 --block-signal=HUP,ALRM,CHLD \
		canhazgpu run -- sleep 1000
	wait_until 'is_called "$background_pid" sleep'
	supervisor=$(supervisor_of "$background_pid")
	kill -HUP "$supervisor"
	# SIGHUP (1) and SIGPIPE (13); nothing is blocked. (32 and 33 are the C library's own: what it starts by
	# posix_spawn, as make does, has them ignored, and nobody can change that.)
	ignored=$(sed -n 's/^SigIgn:\t//p' "/proc/$supervisor/status")
	assert_equal "$(printf '%x' $((0x$ignored & ~0x180000000)))" 1001
	assert_equal "$(sed -n 's/^SigBlk:\t//p' "/proc/$supervisor/status")" 0000000000000000
	kill -KILL "$background_pid"
	wait_until '[ -z "$(reserved)" ]'
}

@test "who reads the command's output sees its end when the command closes it" {
	pool 1
	mkfifo "$WORLD/output"
	start_background reader cat "$WORLD/output"
	# shellcheck disable=SC2016
	start_background job sh -c 'exec 9>"$1"; exec canhazgpu run -- sh -c "
		echo hello >&9; exec 9>&- sleep 1000"' sh "$WORLD/output"
	wait_until 'is_gone "${background_pids[reader]}"'
	assert_equal "$(cat "$WORLD/reader.out")" hello
	assert_reserved 0
}

@test "a pipeline ends with its command" {
	pool 1
	got=$(in_world timeout 40 sh -c 'canhazgpu run -- sh -c "echo hello; exec sleep 1000 >&- 2>&- &" | cat' \
		2>/dev/null)
	assert_equal "$got" hello
}

@test "a program that waits for all its children does not wait for the supervisor" {
	pool 1
	chg_ok run -- "$BATS_TEST_DIRNAME/programs/wait-for-all"
	assert_stdout 'children: 0'
}

@test "nor does one that adopts orphans" {
	pool 1
	in_world "$BATS_TEST_DIRNAME/programs/wait-for-all" canhazgpu run -- \
		"$BATS_TEST_DIRNAME/programs/wait-for-all" >"$WORLD/stdout"
	assert_equal "$(cat "$WORLD/stdout")" 'children: 0'
}

@test "a shell's wait does not wait for the supervisor" {
	pool 2
	chg_ok run -- bash -c 'canhazgpu run -- sleep 1000 & wait -n & kill %1; wait; echo done'
	assert_stdout done
}

# ---- when it was killed ----

# The age of the heartbeat of GPU 0 in whole seconds, as the database has it.
heartbeat_age_s() {
	database "SELECT strftime('%s') - heartbeat_ns / 1000000000 FROM reservations"
}

@test "without a supervisor every look renews the heartbeat, so that all of the time is charged" {
	needs_database
	pool 1
	hold job
	kill_now "$supervisor"
	hour_ns=3600000000000
	database "UPDATE reservations SET start_ns = start_ns - 3 * $hour_ns, heartbeat_ns = heartbeat_ns - 2 * $hour_ns"
	[ "$(heartbeat_age_s)" -ge 7200 ]
	assert_reserved 0
	[ "$(heartbeat_age_s)" -lt 3600 ]
	# The next one finds it as fresh as it needs to be, and leaves it.
	before=$(database 'SELECT heartbeat_ns FROM reservations')
	assert_reserved 0
	assert_equal "$(database 'SELECT heartbeat_ns FROM reservations')" "$before"
	kill_now "$command"
	chg_ok reserve --short
	assert_equal "$(database "SELECT reason, end_ns - start_ns >= 3 * $hour_ns FROM usage_history")" 'holder-died|1'
}

# ---- when it is about to release ----

# ask_in_vain IDS: a reservation that is refused. Whether it waited for the supervisor before, which shows
# in a handle of it for as long as it waits, is in $waited.
ask_in_vain() {
	waited=no
	start_background request canhazgpu reserve --gpu-ids "$1"
	until is_gone "$background_pid"; do
		! grep -qsx "Pid:[[:space:]]*$supervisor" "/proc/$background_pid/fdinfo/"* || waited=yes
		pause 0.02
	done
	wait_background request
	assert_status 1
	grep -qE '^Error: GPU [01] is not available: reserved by ' "$WORLD/request.err"
}

# A refusal waits a moment for runs whose command has ended, so that the next one in a script finds their
# GPUs. Here one is about to end for ever: its supervisor asks a driver that does not answer what still uses them.
@test "a refusal does not wait for a run that ends on other GPUs than those asked for" {
	pool 3
	chg_ok reserve --gpu-ids 1
	echo '{"gpus": []}' >"$WORLD/slow.json"
	start_background job env CANHAZGPU_FAKE_STATE="$WORLD/slow.json" CANHAZGPU_RUN_LINGER=1ms \
		canhazgpu run --gpu-ids 0 -- sh -c 'sleep 1001 & exec sleep 1000'
	command=$background_pid
	wait_until 'is_called "$command" sleep'
	supervisor=$(supervisor_of "$command")
	rm "$WORLD/slow.json"
	mkfifo "$WORLD/slow.json"
	kill_now "$command"
	for ids in 1 1,2; do
		ask_in_vain "$ids"
		assert_equal "$ids: $waited" "$ids: no"
	done
	# It shows where it does wait.
	wait_until 'ask_in_vain 0,1; [ $waited = yes ]' 40
}

# ---- when it does not start ----

@test "a supervisor that is killed before it watches: another one takes its place" {
	pool 1
	mkfifo "$WORLD/slow.json" # the run waits for its driver until somebody writes this
	start_background job env CANHAZGPU_FAKE_STATE="$WORLD/slow.json" canhazgpu run -- sleep 1000
	command=$background_pid
	exec 7>"$WORLD/slow.json" # opens when the run reads: it knows its supervisor by then
	wait_until '[ -n "$(supervisors)" ]'
	# shellcheck disable=SC2046
	kill_now $(supervisors)
	echo '{}' >&7
	exec 7>&-
	wait_until 'is_called "$command" sleep'
	rm "$WORLD/slow.json" # what looks at the GPUs from now on is not to wait
	echo '{}' >"$WORLD/slow.json"
	assert_reserved 0
	wait_until 'supervisor_of "$command"'
	kill_now "$command"
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "no room for one more process: one clear line, and nothing reserved" {
	shared_pool 1
	for limit in 1 2; do # not even a child; a child, but no supervisor
		status=0
		as_user 4399 env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" prlimit --nproc=$limit \
			canhazgpu run -- true >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
		stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
		assert_error 1 'cannot start the supervisor: '
		assert_reserved ''
	done
	assert_no_processes
}

# ---- the program is replaced while a request waits ----

# own_program: the program of this world is a file of its own, so that it can be replaced.
own_program() {
	cp --remove-destination "$CANHAZGPU_BIN" "$WORLD/bin/canhazgpu"
}

# A request that waits for GPU 0, whose supervisor is gone.
waits_without_supervisor() {
	own_program
	pool 1
	hold holder
	wait_run one
	for pid in $(supervisors); do
		[ "$pid" = "$supervisor" ] || kill_now "$pid"
	done
}

@test "a file of the program that was deleted, or has another one in its place, still makes a supervisor" {
	waits_without_supervisor
	rm "$WORLD/bin/canhazgpu"
	kill "$command"
	wait_for_start one
	supervisor_of "${background_pids[one]}"
}

@test "a program that cannot be executed while it is replaced: the request gets its supervisor from the new one" {
	waits_without_supervisor
	chmod 0000 "$WORLD/bin/canhazgpu" # and it stays so for who runs it
	kill "$command"
	wait_until '[ "$("$CANHAZGPU_BIN" --store "$(store_url)" status --json | jq -r ".[0].user")" = one ]'
	assert_waits one
	cp "$CANHAZGPU_BIN" "$WORLD/bin/canhazgpu.new"
	mv "$WORLD/bin/canhazgpu.new" "$WORLD/bin/canhazgpu"
	wait_for_start one
	supervisor_of "${background_pids[one]}"
}
