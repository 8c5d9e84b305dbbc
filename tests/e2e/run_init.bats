#!/usr/bin/env bats
# `run` as the first process of a pid namespace, as in `docker run IMAGE canhazgpu run ...`.
# stores: any

load run_helpers

setup() {
	world_open
	unshare --pid --fork --mount-proc true 2>/dev/null || skip 'needs the right to make pid namespaces'
	pool 1
}

# in_namespace COMMAND...: like chg, the command being pid 1.
in_namespace() {
	status=0
	in_world timeout 60 unshare --pid --fork --mount-proc --kill-child "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
}

@test "the GPU is free when the command has ended, and its status is passed on" {
	in_namespace canhazgpu run -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"; exit 3'
	assert_status 3
	assert_stdout 0
	assert_reserved ''
	in_namespace canhazgpu run -- sh -c 'kill -TERM $$'
	assert_status 143
	assert_reserved ''
	assert_equal "$(ends)" 'released released'
}

@test "a command that waits for all its children does not wait for the supervisor" {
	in_namespace canhazgpu run -- python3 -c '
import os
if os.fork() == 0:
    os._exit(0)
try:
    while True:
        os.wait()
except ChildProcessError:
    print("all children have ended")'
	assert_status 0
	assert_stdout 'all children have ended'
	assert_reserved ''
}

@test "orphans are reaped, and what outlives the command ends with it" {
	in_namespace canhazgpu run -- sh -c 'for i in 1 2 3; do sh -c "exit 0" & done; setsid -f sleep 1000
		setsid -f true; left=1 tries=0
		while [ $left != 0 ] && [ $tries -lt 200 ]; do
			left=$(ps -eo stat= | grep -c Z) tries=$((tries + 1)); sleep 0.05
		done; echo $left'
	assert_stdout 0
	assert_reserved ''
	assert_no_processes
}

@test "signals reach the command" {
	start_background job timeout 60 unshare --pid --fork --mount-proc --kill-child canhazgpu run -- \
		bash -c 'trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
	wait_for_text "$WORLD/job.out" ready
	first=$(pgrep -P "$(pgrep -P "$background_pid" -x unshare)")
	kill -TERM "$first"
	wait_background job
	assert_status 5
	assert_equal "$(cat "$WORLD/job.out")" $'ready\ntold'
	assert_reserved ''
}

@test "a caller that ignores the end of its children gets the status, too, and the command ignores it as before" {
	in_namespace python3 -c '
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])' canhazgpu run -- python3 -c '
import signal, sys
print(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN)
sys.exit(3)'
	assert_status 3
	assert_stdout True
	assert_reserved ''
}

@test "so it is behind an init that only waits for it" {
	cat >"$WORLD/bin/init" <<-'END'
		#!/bin/sh
		"$@" &
		wait $!
	END
	chmod +x "$WORLD/bin/init"
	status=0
	in_world timeout 60 setsid -w unshare --pid --fork --mount-proc init canhazgpu run -- sh -c 'exit 4' || status=$?
	assert_status 4
	assert_reserved ''
}
