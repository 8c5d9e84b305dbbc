#!/usr/bin/env bats
# Processes that outlive the command of a run without using its GPUs (yet), and those that have left no trace
# of where they came from: what keeps the reservation, and for how long.
# stores: any
# seconds: 30

load run_helpers

setup() {
	world_open
}

teardown() {
	world_close
}

# The fake GPU 0 is in use by this process.
gpu_used_by() {
	fake_state "{\"gpus\": [{\"index\": 0, \"memory_used_mb\": 8000, \"processes\":
		[{\"pid\": $1, \"name\": \"worker\", \"memory_mb\": 4000}]}]}"
}

# A script that starts a process in the background, as people start their training, and ends: $child.
run_job() {
	chg run "$@" -- sh -c 'nohup sleep 1000 >/dev/null 2>&1 & echo $!'
	assert_status 0
	child=$stdout
}

@test "work that is to reach the GPU later keeps the reservation meanwhile, and says so" {
	pool 1
	start_run job -- sh -c 'sleep 1000 & echo $!'
	child=$(wait_for_line "$WORLD/job.out")
	wait_background job
	wait_for_text "$WORLD/job.err" "canhazgpu: 1 process is still running (PID $child sleep): GPU 0 stays reserved until it ends"
	wait_for_text "$WORLD/job.err" "'canhazgpu release --gpu-ids 0' releases it now"
	assert_reserved 0
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	kill_now "$child"
	wait_until '[ -z "$(reserved)" ]'
}

@test "after the linger time only processes that use the GPU keep it" {
	pool 1
	world_set CANHAZGPU_RUN_LINGER=500ms
	run_job
	wait_until '[ -z "$(reserved)" ]'
	assert_alive "$child"
	kill_now "$child"
	# The same, but it reaches the GPU in time.
	world_set CANHAZGPU_RUN_LINGER=20s
	run_job
	gpu_used_by "$child"
	world_set CANHAZGPU_RUN_LINGER=1ms
	assert_reserved 0
	kill_now "$child"
	fake_state '{"gpus": []}'
	wait_until '[ -z "$(reserved)" ]'
}

@test "a release gives back what lingers" {
	pool 1
	run_job
	assert_reserved 0
	chg_ok release --gpu-ids 0
	assert_reserved ''
	assert_alive "$child"
	kill_now "$child"
	assert_no_processes
}

@test "--until command gives the GPUs back at the command's end, whatever lives on" {
	pool 1
	start_run job --until command -- sh -c 'sleep 1000 & echo $!; read x <"$1"' sh "$(mkfifo "$WORLD/gate" && echo "$WORLD/gate")"
	child=$(wait_for_line "$WORLD/job.out")
	gpu_used_by "$child"
	echo >"$WORLD/gate"
	wait_until '[ -z "$(reserved)" ]'
	chg_ok status --json
	assert_json '.[0].status' UNRESERVED
	kill_now "$child"
}

@test "--until tree keeps the GPUs until the last process has ended" {
	pool 1
	world_set CANHAZGPU_RUN_LINGER=1ms
	run_job --until tree
	wait_until '[ "$(supervisor_of "$child")" ]'
	assert_reserved 0
	kill_now "$child"
	wait_until '[ -z "$(reserved)" ]'
	chg run --until never -- true
	assert_error 2 "'never'"
}

@test "where nothing lives on, the GPU is free at the end of the command, without a question to the driver" {
	pool 1
	chg_ok run -- true
	fake_state '{"error": "the driver is gone"}'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

# A server whose main process is killed, while its child has overwritten its environment and began after the
# supervisor has scanned last.
@test "a process without any trace that uses the GPU in the command's session keeps it" {
	pool 1
	mkfifo "$WORLD/gate"
	cat >"$WORLD/bin/server" <<-END
		#!/bin/sh
		read x <$WORLD/gate
		env -i sleep 1000 &
		echo \$! >$WORLD/child
		sleep 1000
	END
	# The shell that leads the session stays, as a login shell does.
	cat >"$WORLD/bin/login" <<-'END'
		#!/bin/sh
		canhazgpu run -- server
		sleep 1000
	END
	chmod +x "$WORLD/bin/server" "$WORLD/bin/login"
	start_background login setsid -w login
	wait_until '[ -n "$(reserved)" ]'
	supervisor=$(supervisors)
	stop_now "$supervisor"
	echo >"$WORLD/gate"
	child=$(wait_for_line "$WORLD/child")
	server=$(process_field "$child" 4)
	gpu_used_by "$child"
	kill_now "$(pgrep -P "$server" -x sleep | grep -vx "$child")" "$server"
	kill -CONT "$supervisor"
	wait_until '[ "$(supervisor_of "$child")" ]'
	assert_reserved 0
	kill_now "$child"
	fake_state '{"gpus": []}'
	wait_until '[ -z "$(reserved)" ]'
}

@test "the rest of a pipeline does not keep the GPU where the driver lists no processes" {
	pool 1
	mkfifo "$WORLD/gate"
	start_background pipeline bash -c 'canhazgpu run -- sh -c "echo started >$0/started; read x <$0/gate" | { cat; exec sleep 1000; }' "$WORLD"
	wait_for_line "$WORLD/started"
	fake_state '{"gpus": [{"index": 0, "memory_used_mb": 8000}]}'
	echo >"$WORLD/gate"
	wait_until '[ -z "$(reserved)" ]'
}

@test "--signal-before gives the command time for a checkpoint" {
	pool 1
	world_set CANHAZGPU_RUN_LINGER=1ms
	start_run job --timeout 3s --signal-before 2s -- bash -c 'trap "echo checkpoint; exit 0" USR1; echo ready; sleep 1000 & wait'
	wait_background job
	assert_status 0
	assert_equal "$(cat "$WORLD/job.out")" $'ready\ncheckpoint'
	grep -qF 'sending SIGUSR1 to the command' "$WORLD/job.err"
	wait_until '[ -z "$(reserved)" ]'
	start_run job --timeout 3s --signal-before 2s:TERM -- sleep 1000
	wait_background job
	assert_status 143
	chg run --timeout 1s --signal-before 2s -- true
	assert_error 2 '--signal-before: 2s is not shorter than --timeout'
	chg run --signal-before 2s -- true
	assert_error 2 '--signal-before needs --timeout'
	chg run --timeout 1h --signal-before 2s:HUHU -- true
	assert_error 2 "'HUHU' is not a signal"
}

@test "run.timeout-signal asks in another way" {
	pool 1
	world_set CANHAZGPU_RUN_TIMEOUT_SIGNAL=usr2
	start_run job --timeout 1s -- bash -c 'trap "echo told; exit 7" USR2; sleep 1000 & wait'
	wait_background job
	assert_status 7
	grep -qF 'stopping the command (SIGUSR2; SIGKILL in' "$WORLD/job.err"
	world_set CANHAZGPU_RUN_TIMEOUT_SIGNAL=nothing
	chg run -- true
	assert_error 2 "'nothing' is not a signal"
}

# As under sshd without a terminal, and journald.
@test "a time limit is said also where standard error is a socket, and nobody waits for the supervisor to close it" {
	pool 1
	in_world python3 - >"$WORLD/said" <<-'END'
		import socket, subprocess, sys
		here, there = socket.socketpair()
		# The first is told its limit; the second closes its standard error, and lives on.
		run = subprocess.Popen(["canhazgpu", "run", "--timeout", "1s", "--", "sleep", "1000"], stderr=there)
		run.wait()
		run = subprocess.Popen(["canhazgpu", "run", "--", "sh", "-c", "sleep 1000 2>/dev/null >/dev/null & echo $! >&2"], stderr=there)
		run.wait()
		there.close()
		text = b""
		while True:
		    part = here.recv(4096)
		    if not part:
		        break
		    text += part
		sys.stdout.write(text.decode())
	END
	grep -qF 'the time limit of 0h 0m 1s was reached' "$WORLD/said"
	grep -qF '1 process is still running' "$WORLD/said"
	kill_now "$(grep -xE '[0-9]+' "$WORLD/said")"
	wait_until '[ -z "$(reserved)" ]'
}

@test "nor while the supervisor cannot release, since another process keeps the store" {
	need_sqlite
	pool 1
	in_world python3 -c '
import fcntl, os, socket, subprocess, sys
ours, theirs = socket.socketpair()
run = subprocess.Popen(["canhazgpu", "run", "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs)
theirs.close()
run.stdin.write(b"go\n"); run.stdin.flush()
assert run.stdout.readline() == b"go\n"
with open(sys.argv[1]) as gate:
    fcntl.flock(gate, fcntl.LOCK_EX)
    run.stdin.close()
    ours.settimeout(30)
    while ours.recv(4096):
        pass
    assert run.wait() == 0
    print("closed")' "$WORLD/pool.db.lock" >"$WORLD/said"
	assert_equal "$(cat "$WORLD/said")" closed
	wait_until '[ -z "$(reserved)" ]'
}
