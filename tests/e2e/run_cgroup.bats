#!/usr/bin/env bats
# A run in a control group of its own, where one was delegated to the account.
# stores: any

load run_helpers

setup() {
	world_open
	local mount
	shared_pool 1
	mount=$(sed -nE 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - cgroup2 .*/\1/p' /proc/self/mountinfo | head -n 1)
	[ -n "$mount" ] || skip 'no control groups of version 2'
	delegated=$mount/canhazgpu-test-$$-$BATS_TEST_NUMBER
	mkdir "$delegated" 2>/dev/null || skip 'cannot make control groups'
	chown -R 4301 "$delegated"
}

teardown() {
	world_close
	[ -z "${delegated:-}" ] || wait_until '[ ! -e "$delegated" ] || find "$delegated" -depth -type d -exec rmdir {} + 2>/dev/null'
}

# In the delegated group, as that account, in the background: start_delegated NAME COMMAND...
start_delegated() {
	local name=$1
	shift
	start_background "$name" sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec setpriv --reuid 4301 --regid 4300 --clear-groups "$@"' sh "$delegated" "$@"
}

@test "a process that has left everything behind belongs to the run, and is stopped with it" {
	# A session of its own, no parent, no environment, from the first moment on.
	start_delegated job canhazgpu run --timeout 8s -- sh -c \
		'env -i setsid -f sh -c "trap \"\" INT TERM; echo \$\$; exec sleep 1000"; exec sleep 1000'
	daemon=$(wait_for_line "$WORLD/job.out")
	[[ $(cat "/proc/$daemon/cgroup") == */canhazgpu-????????* ]]
	kill_now "$background_pid"
	wait_for_text "$WORLD/job.err" "1 process is still running (PID $daemon"
	assert_reserved 0
	kill_now "$daemon"
	wait_until '[ -z "$(reserved)" ]'
	wait_until '[ -z "$(ls -d "$delegated"/canhazgpu-* 2>/dev/null)" ]'
}

@test "at the end of the grace the whole group is killed, and removed" {
	world_set CANHAZGPU_RUN_GRACE=1s
	start_delegated job canhazgpu run --timeout 2s -- sh -c \
		'env -i setsid -f sh -c "trap \"\" INT TERM; echo \$\$; exec sleep 1000"; exec sleep 1000'
	daemon=$(wait_for_line "$WORLD/job.out")
	wait_background job
	assert_status 130
	wait_until 'is_gone "$daemon"'
	wait_until '[ -z "$(reserved)" ]'
	wait_until '[ -z "$(ls -d "$delegated"/canhazgpu-* 2>/dev/null)" ]'
}

@test "a group that was not delegated is left as it is" {
	chown 0 "$delegated"
	start_delegated job canhazgpu run -- cat /proc/self/cgroup
	wait_background job
	assert_status 0
	assert_equal "$(grep -c 'canhazgpu-[0-9a-f]\{8\}$' "$WORLD/job.out")" 0
	wait_until '[ -z "$(reserved)" ]'
}
