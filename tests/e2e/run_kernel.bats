#!/usr/bin/env bats
# Where the kernel tells less than usual about this boot and about processes: what is not known is neither a
# crash nor a reason to free a GPU. Needs root, for mounts of its own.
# stores: any

load run_helpers

# in_namespace SCRIPT [ARGS]: what it mounts nobody else sees.
in_namespace() {
	in_world unshare --mount --propagation private sh -euc "$@"
}

needs_namespaces() {
	need_root
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
}

# ---- a boot that has no id ----

boot_id=/proc/sys/kernel/random/boot_id

@test "without a boot id everything works" {
	needs_namespaces
	pool 3
	mkfifo "$WORLD/gate"
	# shellcheck disable=SC2016
	in_namespace "mount --bind /dev/null $boot_id"'
		[ -z "$(cat '"$boot_id"')" ]
		canhazgpu run --gpu-ids 0 -- true
		while canhazgpu status --json | grep -q RUN; do :; done
		canhazgpu reserve --gpu-ids 1 --short
		canhazgpu run --gpu-ids 2 -- sh -c "read x <\"$HOME/../gate\"" &
		until canhazgpu status --json >"$HOME/running" && grep -q RUN "$HOME/running"; do :; done
		canhazgpu status >/dev/null
		canhazgpu release
		echo >"$HOME/../gate"
		wait' >"$WORLD/stdout" 2>"$WORLD/stderr"
	assert_equal "$(cat "$WORLD/stdout")" $'1\nReleased 1 GPU(s): [1]'
	assert_equal "$(grep -vc '^Reserved 1 GPU' "$WORLD/stderr")" 0
	assert_equal "$(jq -r 'map(select(.type == "RUN").gpu_id) | join(" ")' "$WORLD/home/running")" 2
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "without a boot id nobody takes for dead what others have reserved, nor others what it has" {
	needs_namespaces
	pool 2
	hold other
	start_background blind unshare --mount --propagation private \
		sh -c "mount --bind /dev/null $boot_id && exec canhazgpu run -- sleep 1000"
	wait_until 'is_called "$background_pid" sleep'
	# shellcheck disable=SC2016
	in_namespace "mount --bind /dev/null $boot_id"'
		canhazgpu status --json >"$HOME/seen"
		! canhazgpu reserve 2>"$HOME/refused"'
	assert_equal "$(jq -r 'map(.status) | join(" ")' "$WORLD/home/seen")" 'IN_USE IN_USE'
	assert_reserved '0 1'
	chg reserve
	assert_error 1 'Available: 0'
	kill_now "$command" "$background_pid"
	wait_until '[ -z "$(reserved)" ]'
}

# ---- /proc that hides the processes of others ----

# as_blind_user SCRIPT: what an account does that sees only its own processes.
as_blind_user() {
	# shellcheck disable=SC2016
	in_namespace 'mount -t proc -o hidepid=2 proc /proc
		exec setpriv --reuid 4302 --regid 4300 --clear-groups sh -euc "$0"' "$1"
}

needs_hiding() {
	needs_namespaces
	as_blind_user '[ ! -e /proc/1 ]' 2>/dev/null || skip 'no /proc with hidepid here'
}

# A run of another account, as the blind one sees it: "IN_USE", say.
seen_blindly() {
	as_blind_user 'canhazgpu status --json' | jq -r '.[0].status'
}

# A run of account 4301, without its supervisor: $command. (A zombie whose /proc is hidden is still there.)
hold_alone() {
	hold_as 4301 job
	kill -KILL "$supervisor"
	wait_until '[ ! -e "/proc/$supervisor" ]'
}

heartbeat_of_age_s() {
	sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" "UPDATE reservations
		SET start_ns = start_ns - 3600000000000, heartbeat_ns = (SELECT strftime('%s') - $1) * 1000000000"
}

@test "a process that is hidden is not said to be another's than the holder's" {
	shared_pool 1
	needs_hiding
	hold_alone
	fake_state '{"gpus": [{"memory_used_mb": 9000, "processes": [{"pid": '"$command"'}]}]}'
	as_blind_user 'canhazgpu status --json' >"$WORLD/stdout"
	assert_json '.[0].validation' '9000MB, 1 processes'
	fake_state '{"gpus": [{"memory_used_mb": 9000, "processes": [{"pid": 99999991}]}]}'
	as_blind_user 'canhazgpu status --json' >"$WORLD/stdout"
	assert_json '.[0].unreserved_users | tojson' '["unknown"]'
}

@test "a run that cannot be seen is not freed while its heartbeat is fresh" {
	shared_pool 1
	needs_hiding
	hold_alone
	assert_equal "$(seen_blindly)" IN_USE
	status=0
	as_blind_user 'canhazgpu run -- true' 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'Available: 0' "$WORLD/stderr"
	# A dead one that its parent has waited for is gone for everybody.
	kill -KILL "$command"
	wait_background job
	assert_equal "$(seen_blindly)" AVAILABLE
}

@test "a pid that is there but hidden proves no life for ever: it may be somebody else's by now" {
	need_sqlite
	shared_pool 1
	needs_hiding
	hold_alone
	# As if another process had got the pid of a command that ended long ago.
	sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" 'UPDATE reservations SET command_start_ticks = command_start_ticks - 1'
	heartbeat_of_age_s 280
	assert_equal "$(seen_blindly)" IN_USE
	# The first look that finds it silent only doubts; a later one is sure.
	heartbeat_of_age_s 301
	assert_equal "$(seen_blindly)" IN_USE
	sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" 'UPDATE reservations SET doubt_boot_ns = doubt_boot_ns - 100000000000'
	assert_equal "$(seen_blindly)" AVAILABLE
	as_blind_user 'canhazgpu run -- true'
	assert_alive "$command"
}

# ---- a kernel without some system calls ----

# on_old_kernel CALLS COMMAND...: in the world, like chg.
on_old_kernel() {
	status=0
	in_world python3 "$BATS_TEST_DIRNAME/programs/old-kernel" "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	read_file "$WORLD/stdout"
	stdout=$file_text
	read_file "$WORLD/stderr"
	stderr=$file_text
}

@test "without pidfds and close_range runs start, end, reach their time limit, and leave nothing behind" {
	local calls
	pool 2
	on_old_kernel close_range true
	[[ "$stderr" != 'no filter'* ]] || skip 'no filters of system calls here'
	for calls in close_range pidfd_open,pidfd_send_signal pidfd_open,pidfd_send_signal,close_range; do
		on_old_kernel "$calls" canhazgpu run -- sh -c 'exit 7'
		assert_equal "$status" 7
		wait_until '[ -z "$(reserved)" ]'
		on_old_kernel "$calls" canhazgpu run --timeout 1s -- sh -c 'trap "echo stopped; exit 3" INT; while :; do sleep 0.05; done'
		assert_equal "$status,$stdout" 3,stopped
		wait_until '[ -z "$(reserved)" ]'
	done
	# Its supervisor has closed what the shell had open: nobody writes into the pipe any more.
	mkfifo "$WORLD/pipe"
	start_background job python3 "$BATS_TEST_DIRNAME/programs/old-kernel" "$calls" \
		sh -c 'exec 9>"$0" && exec canhazgpu run -- sh -c "exec 9>&- && exec sleep 1000"' "$WORLD/pipe"
	timeout 30 cat "$WORLD/pipe"
	kill_now "$background_pid"
	assert_no_processes
}

@test "without pidfds a waiting request gets its GPU when the holder ends, and adopt follows its process" {
	pool 1
	on_old_kernel close_range true
	[[ "$stderr" != 'no filter'* ]] || skip 'no filters of system calls here'
	hold holder
	start_background waiter python3 "$BATS_TEST_DIRNAME/programs/old-kernel" pidfd_open,pidfd_send_signal \
		canhazgpu run --wait -- echo started
	wait_until 'has_line "$WORLD/waiter.err" "GPUs not available yet"'
	kill_now "$command"
	wait_background waiter
	assert_equal "$(cat "$WORLD/waiter.out")" started
	wait_until '[ -z "$(reserved)" ]'
	start_background job sleep 1000
	wait_until 'is_called "$background_pid" sleep'
	fake_state '{"gpus": [{"index": 0, "memory_used_mb": 5000, "processes": [{"pid": '"$background_pid"', "memory_mb": 5000}]}]}'
	on_old_kernel pidfd_open,pidfd_send_signal canhazgpu adopt "$background_pid"
	assert_equal "$status" 0
	assert_reserved 0
	fake_state '{}'
	kill_now "$background_pid"
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "doctor says what the kernel lacks" {
	pool 1
	on_old_kernel pidfd_open,close_range canhazgpu doctor --json
	[[ "$stderr" != 'no filter'* ]] || skip 'no filters of system calls here'
	assert_json '.[] | select(.check == "kernel") | "\(.result)|\(.detail)"' \
		'note|has no pidfd_open: the ends of processes are polled, no close_range: descriptors are closed one by one'
	chg doctor --json
	assert_json '.[] | select(.check == "kernel") | .result' ok
}
