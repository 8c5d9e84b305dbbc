#!/usr/bin/env bats
# Several accounts with one pool, and programs that run with other rights. Needs root, to be others.
# stores: each
# seconds: 20

bats_require_minimum_version 1.5.0
load run_helpers

ends_in_shared_pool() {
	[ "${E2E_STORE:-sqlite}" = sqlite ] || { ends && return; }
	sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" 'SELECT reason FROM usage_history' | paste -sd ' '
}

# A copy of a program that runs with root's rights for everybody: its path.
set_uid_copy() {
	mkdir -p "$WORLD/set-uid"
	install -m 4755 "$(command -v "$1")" "$WORLD/set-uid/$1"
	chmod 0755 "$WORLD/set-uid"
	echo "$WORLD/set-uid/$1"
}

needs_set_uid() {
	[ "$(as_user 4301 "$1" --reuid 0 id -u)" = 0 ] || skip 'set-uid programs do not work here'
}

@test "a name service that never answers does not keep a command from its end" {
	local stub
	stub=$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nss
	[ -e "$stub/libnss_hang.so.2" ] || skip "no stub library in $stub"
	# In a copy that other accounts can read, wherever the sources are.
	install -D -m 0755 "$stub/libnss_hang.so.2" "$WORLD/nss/libnss_hang.so.2"
	stub=$WORLD/nss
	chmod 0755 "$stub"
	shared_pool 2
	printf '%s: files hang\n' passwd group >"$WORLD/nsswitch.conf"
	world_set CANHAZGPU_STUB_NSS="$WORLD/tmp/asked"
	# A shell would ask for its own account's name.
	slowly() {
		# shellcheck disable=SC2016
		in_world unshare --mount sh -c 'mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"' sh \
			"$WORLD/nsswitch.conf" timeout 20 setpriv --reuid 4301 --regid 4300 --clear-groups \
			env LD_LIBRARY_PATH="$stub" canhazgpu "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || fail_with "$* $(cat "$WORLD/stderr")"
	}
	slowly reserve --gpu-ids 1
	[ -s "$WORLD/tmp/asked" ]
	start_as_user 4302 one sleep 1000
	fake_state "{\"gpus\": [{\"index\": 0, \"memory_used_mb\": 5000, \"processes\": [{\"pid\": $background_pid, \"memory_mb\": 5000}]}]}"
	slowly status --json
	assert_json '[.[] | .status] | join(" ")' 'UNRESERVED IN_USE'
	assert_json '.[1].user' 'uid 4301'
	slowly release
	fake_state '{}'
	slowly run -- true
	slowly report
}

@test "root of a user namespace of one's own is not root of the pool, nor anybody else there" {
	shared_pool 3
	as_user 4301 unshare --user --map-root-user true 2>/dev/null || skip 'no user namespaces here'
	as_user 4302 canhazgpu reserve --gpu-ids 2 >/dev/null
	as_user 4301 unshare --user --map-root-user canhazgpu reserve --gpu-ids 0 >/dev/null
	as_user 4301 unshare --user --map-user=4302 canhazgpu reserve --gpu-ids 1 >/dev/null
	in_world canhazgpu status --json >"$WORLD/stdout"
	assert_json '[.[].user] | join(",")' 'uid 4301,uid 4301,uid 4302'
	run ! as_user 4301 unshare --user --map-root-user canhazgpu release --all
	# A pool in Redis has no owner: there everybody may.
	[ "${E2E_STORE:-sqlite}" = redis ] || run ! as_user 4302 unshare --user --map-root-user canhazgpu admin --drain 0
	run ! as_user 4301 unshare --user --map-root-user unshare --user --map-root-user canhazgpu release --all
	run ! as_user 4301 unshare --user --map-user=4302 canhazgpu release --gpu-ids 2
	as_user 4301 unshare --user --map-root-user canhazgpu release >/dev/null
	in_world canhazgpu status --json >"$WORLD/stdout"
	assert_json '[.[].status] | join(",")' 'AVAILABLE,AVAILABLE,IN_USE'
}

@test "two accounts see each other's runs, and get different GPUs" {
	shared_pool 2
	hold_as 4301 one
	as_user 4302 canhazgpu status --json >"$WORLD/stdout"
	assert_json '.[0] | [.status, .type, .user] | @tsv' $'IN_USE\tRUN\tuid 4301'
	as_user 4302 canhazgpu run -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"' >"$WORLD/stdout"
	assert_equal "$(cat "$WORLD/stdout")" 1
	status=0
	as_user 4302 canhazgpu run --gpu-ids 0 -- true 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'GPU 0 is not available: reserved by uid 4301 (run)' "$WORLD/stderr"
	wait_until '[ "$(reserved)" = 0 ]'
}

@test "the command of another account, which may not be signalled, is not taken for dead" {
	shared_pool 1
	hold_as 4301 one
	kill_now "$supervisor"
	status=0
	as_user 4302 canhazgpu run -- true 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'Available: 0' "$WORLD/stderr"
	as_user 4302 canhazgpu status --json | jq -e '.[0].status == "IN_USE"'
	kill_now "$command"
	as_user 4302 canhazgpu run -- true
	wait_until '[ "$(ends_in_shared_pool)" = "holder-died released" ]'
}

@test "an ordinary account cannot release another one's run, and root can" {
	shared_pool 1
	hold_as 4301 one
	status=0
	as_user 4302 canhazgpu release --gpu-ids 0 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'GPU 0 is reserved by uid 4301, not by you' "$WORLD/stderr"
	assert_reserved 0
	chg_ok release --gpu-ids 0
	assert_reserved ''
}

@test "a command that is set-uid root is alive, and released when it ends" {
	shared_pool 1
	program=$(set_uid_copy setpriv)
	needs_set_uid "$program"
	start_as_user 4301 job canhazgpu run -- "$program" --reuid 0 sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep'
	assert_equal "$(stat -c %u "/proc/$command")" 0
	supervisor=$(supervisor_of "$command")
	wait_for_look "$supervisor"
	as_user 4301 canhazgpu status --json | jq -e '.[0].status == "IN_USE"'
	kill_now "$command"
	wait_until '[ "$(ends_in_shared_pool)" = released ]'
}

@test "a command that is set-uid root is alive without a supervisor, too" {
	shared_pool 1
	program=$(set_uid_copy setpriv)
	needs_set_uid "$program"
	start_as_user 4301 job canhazgpu run -- "$program" --reuid 0 sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep'
	kill_now "$(supervisor_of "$command")"
	status=0
	as_user 4301 canhazgpu run -- true 2>"$WORLD/stderr" || status=$?
	assert_status 1
	kill_now "$command"
	as_user 4301 canhazgpu run -- true
	wait_until '[ "$(ends_in_shared_pool)" = "holder-died released" ]'
}

# A run whose command ends at once and leaves a set-uid process on the GPU: $child, $supervisor.
leave_set_uid_child() {
	mkfifo -m 0666 "$WORLD/gate"
	start_as_user 4301 job canhazgpu run -- sh -c "$1" sh "$2" "$WORLD/gate"
	command=$background_pid
	wait_until 'child=$(pgrep -U 0 -P "$command" -x sleep)'
	supervisor=$(supervisor_of "$command")
	fake_state "{\"gpus\": [{\"memory_used_mb\": 9000, \"processes\": [{\"pid\": $child, \"memory_mb\": 9000}]}]}"
	echo >"$WORLD/gate"
	wait_until 'is_gone "$command"'
}

@test "a set-uid child that outlives its parent and uses the GPU keeps it reserved" {
	shared_pool 1
	program=$(set_uid_copy setpriv)
	needs_set_uid "$program"
	# Its environment cannot be read, its session can.
	leave_set_uid_child '"$1" --reuid 0 sleep 1000 & read x <"$2"' "$program"
	wait_until '[ "$(supervisor_of "$child")" = "$supervisor" ]'
	as_user 4301 canhazgpu status --json | jq -e '.[0].status == "IN_USE"'
	kill_now "$child"
	wait_until '[ "$(ends_in_shared_pool)" = released ]'
}

@test "--timeout stops what it may, and a set-uid process does not hold the supervisor for ever" {
	shared_pool 1
	program=$(set_uid_copy setpriv)
	needs_set_uid "$program"
	world_set CANHAZGPU_RUN_GRACE=200ms
	start_as_user 4301 job canhazgpu run --timeout 8s -- sh -c '"$1" --reuid 0 sleep 1000 & exec sleep 1000' \
		sh "$program"
	command=$background_pid
	wait_until 'child=$(pgrep -U 0 -P "$command" -x sleep)'
	wait_background job
	assert_status 130
	# It uses no GPU: given up on, it keeps none.
	wait_until '[ "$(ends_in_shared_pool)" = released ]'
	assert_alive "$child"
}

@test "a command does not get the group of a set-group-id program, its supervisor does" {
	shared_pool 1
	chown root:4300 "$WORLD/bin/canhazgpu"
	chmod 2755 "$WORLD/bin/canhazgpu"
	as=(setpriv --reuid 4301 --regid 4301 --clear-groups)
	[ "$(in_world "${as[@]}" stat -c %a "$WORLD/store" 2>/dev/null)" = 2770 ]
	in_world "${as[@]}" canhazgpu --store "sqlite:$WORLD/store/pool.db" status >"$WORLD/stdout" ||
		skip 'set-group-id programs do not work here'
	in_world "${as[@]}" canhazgpu --store "sqlite:$WORLD/store/pool.db" run -- \
		grep '^Gid:' /proc/self/status >"$WORLD/stdout"
	assert_equal "$(cat "$WORLD/stdout")" $'Gid:\t4301\t4301\t4301\t4301'
	wait_until '[ "$(ends_in_shared_pool)" = released ]'
}

@test "--mine: what one holds, and what one uses without a reservation" {
	shared_pool 4
	as_user 4301 canhazgpu reserve --gpu-ids 1 --short
	as_user 4302 canhazgpu reserve --gpu-ids 2 --short
	start_as_user 4301 mine sleep 1000
	fake_state '{"gpus":[{"index":3,"memory_used_mb":4000,"processes":[{"pid":'"${background_pids[mine]}"',"memory_mb":4000}]}]}'
	mine() {
		as_user 4301 canhazgpu status "$@"
	}
	assert_equal "$(mine --mine --json | jq -c 'map(.gpu_id)')" '[1,3]'
	assert_equal "$(mine --mine | awk 'NR > 2 { print $1, $2 }')" $'1 IN_USE\n3 UNRESERVED'
	assert_equal "$(mine --json | jq -c 'map(.gpu_id)')" '[0,1,2,3]'
	chg status --mine --summary
	assert_error 2 '--mine cannot be used with --summary or --topology'
}
