#!/usr/bin/env bats
# run --timeout: SIGINT to the whole tree, a grace that ends with the tree, then SIGKILL.
# stores: any
# seconds: 65

load run_helpers

# By this time limit the processes of a command are all there, also on a busy machine.
limit=8s

# A grace that no test waits for.
long_grace() {
	world_set CANHAZGPU_RUN_GRACE=1h
}

@test "a command that ends at SIGINT ends at the time limit, and the grace ends with it" {
	pool 1
	long_grace
	chg run --timeout 1s -- sleep 1000
	assert_status 130
	assert_stderr_has 'canhazgpu: the time limit of 0h 0m 1s was reached: stopping the command (SIGINT; SIGKILL in 1h 0m 0s)'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a command that is done before the time limit ends as without one" {
	pool 1
	chg run --timeout 1h -- sh -c 'exit 3'
	assert_status 3
	assert_stderr 'Reserved 1 GPU(s): [0] for command execution'
	assert_no_processes
}

@test "a tree that ignores SIGINT and SIGTERM is killed after the grace, in other sessions, too" {
	pool 1
	world_set CANHAZGPU_RUN_GRACE=1s
	# shellcheck disable=SC2016
	start_background job env --ignore-signal=INT,TERM canhazgpu run --timeout $limit -- \
		sh -c 'setsid -f sh -c "echo \$\$; exec sleep 1000"; sleep 1000'
	daemon=$(wait_for_line "$WORLD/job.out")
	wait_background job
	assert_status 137
	wait_until 'is_gone "$daemon"'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "what ignores SIGINT, as the background jobs of a script do, gets SIGTERM at once" {
	pool 1
	long_grace
	start_run job --timeout $limit -- sh -c 'sh -c "echo \$\$; exec sleep 1000" & wait'
	child=$(wait_for_line "$WORLD/job.out")
	wait_background job
	assert_status 130
	wait_until 'is_gone "$child"'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

# pipeline_ends SHELL BEFORE: the rest of a pipeline must get all of what is written until the command has
# ended, also while it ends.
pipeline_ends() {
	pool 1
	long_grace
	cat >"$WORLD/bin/gen" <<-'END'
		#!/bin/bash
		trap 'read -rt 0.3 <> <(:); echo the end; exit 0' INT
		echo the beginning
		sleep 1000 &
		wait
	END
	chmod +x "$WORLD/bin/gen"
	in_shell "$1" "$2"'canhazgpu run --timeout 1s -- gen | gzip >"$HOME/out.gz"'
	assert_equal "$(gzip -dc "$WORLD/home/out.gz")" $'the beginning\nthe end'
	assert_no_processes
}

@test "the rest of a pipeline is not stopped (bash, one process group for all)" {
	pipeline_ends bash ''
}

@test "the rest of a pipeline is not stopped (bash with job control)" {
	pipeline_ends bash 'set -m; '
}

@test "the rest of a pipeline is not stopped (zsh)" {
	pipeline_ends zsh ''
}

@test "the rest of a pipeline is not stopped (fish with job control)" {
	pipeline_ends fish 'status job-control full; '
}

@test "of two runs in one pipeline each has its own time limit" {
	pool 2
	long_grace
	in_shell bash 'set -m; canhazgpu run --timeout 1s -- sleep 1000 | canhazgpu run -- sh -c "cat; echo the second ended by itself"'
	assert_stdout 'the second ended by itself'
	assert_no_processes
}

@test "SIGINT reaches grandchildren in other sessions, and those with a cleared environment" {
	pool 1
	long_grace
	start_run job --timeout $limit -- sh -c 'setsid -f sh -c "echo \$\$; exec sleep 1000"
		env -i sleep 1000'
	daemon=$(wait_for_line "$WORLD/job.out")
	wait_background job
	assert_status 130
	wait_until 'is_gone "$daemon"'
	assert_no_processes
}

@test "what is left when the command ends at SIGINT has the rest of the grace, and the GPU until then" {
	pool 1
	world_set CANHAZGPU_RUN_GRACE=8s # so that it is seen within, also on a busy machine
	start_run job --timeout $limit -- sh -c \
		'env --ignore-signal=INT,TERM sh -c "echo \$\$; exec sleep 1000" & exec sleep 1000'
	child=$(wait_for_line "$WORLD/job.out")
	wait_background job
	assert_status 130
	assert_reserved 0
	wait_until 'is_gone "$child"'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a stopped tree is woken, so that it can end at SIGINT" {
	pool 1
	long_grace
	start_run job --timeout $limit -- sh -c 'sh -c "echo \$\$; kill -STOP \$\$"; sleep 1000'
	child=$(wait_for_line "$WORLD/job.out")
	kill -STOP "$background_pid"
	wait_until '[ "$(process_field "$child" 3)" = T ]'
	wait_background job
	assert_status 130
	assert_no_processes
}

@test "other processes of the account are left alone" {
	pool 2
	long_grace
	hold other
	start_background bystander sleep 1000
	chg run --timeout 300ms -- sleep 1000
	assert_status 130
	wait_until '[ "$(reserved)" = 0 ]'
	assert_alive "$command"
	assert_alive "${background_pids[bystander]}"
}

@test "after the supervisor was killed nothing stops the command, and nothing is lost" {
	pool 1
	start_run job --timeout $limit -- sleep 1000
	wait_until 'is_called "$background_pid" sleep'
	started=$SECONDS
	kill_now "$(supervisor_of "$background_pid")"
	wait_until '[ $((SECONDS - started)) -gt ${limit%s} ]'
	assert_reserved 0
	assert_alive "$background_pid"
}
