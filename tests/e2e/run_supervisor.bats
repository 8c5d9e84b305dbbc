#!/usr/bin/env bats
# The supervisor of a run: nothing of it is in the way of the command or of the caller's shell.

load run_helpers

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

@test "the supervisor holds no handle of the caller's but a log file, only what it watches" {
	pool 1
	start_background job sh -c 'exec 7>"$1" 8</dev/zero; exec canhazgpu run -- sleep 1000' sh "$WORLD/log"
	wait_until 'is_called "$background_pid" sleep' 20
	supervisor=$(supervisor_of "$background_pid")
	# It lets go of the last ones right after its ready.
	wait_until '[ "$(readlink /proc/$supervisor/fd/1)" = /dev/null ]'
	handles=$(for fd in "/proc/$supervisor/fd/"*; do readlink "$fd"; done | sort | uniq -c | tr -s ' \n' ' ')
	[[ $handles =~ ^' 2 /dev/null 1 '[^ ]*'/job.err 1 '(anon_inode:)?'[pidfd]'|pidfd: ]] || fail_with "$handles"
}

@test "the supervisor ignores SIGHUP and takes no other disposition or mask from the caller" {
	pool 1
	start_background job env --ignore-signal=INT,TERM,CHLD,USR1 --block-signal=HUP,ALRM,CHLD \
		canhazgpu run -- sleep 1000
	wait_until 'is_called "$background_pid" sleep' 20
	supervisor=$(supervisor_of "$background_pid")
	kill -HUP "$supervisor"
	# SIGHUP (1) and SIGPIPE (13); nothing is blocked.
	assert_equal "$(sed -n 's/^SigIgn:\t//p' "/proc/$supervisor/status")" 0000000000001001
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
	wait_until 'is_gone "${background_pids[reader]}"' 20
	assert_equal "$(cat "$WORLD/reader.out")" hello
	assert_reserved 0
}

@test "a pipeline ends with its command" {
	pool 1
	got=$(in_world timeout 20 sh -c 'canhazgpu run -- sh -c "echo hello; exec sleep 1000 >&- 2>&- &" | cat' \
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
