#!/usr/bin/env bats
# canhazgpu adopt: a reservation for processes that run already, as long as they live.
# stores: each

load run_helpers

ME=$(id -un)

# start NAME COMMAND...: something that runs without a reservation: $pid.
start() {
	start_background "$@"
	pid=$background_pid
}

# uses 'GPU PID MB' ...: what the fake GPUs show from now on.
uses() {
	local gpu pid mb row rows=''
	for row in "$@"; do
		read -r gpu pid mb <<<"$row"
		rows+="$gpu $pid $mb"$'\n'
	done
	fake_state "$(jq -Rn '{gpus: [inputs | select(length > 0) | split(" ") | map(tonumber)] | group_by(.[0]) |
		map({index: .[0][0], memory_used_mb: (map(.[2]) | add),
			processes: map({pid: .[1], memory_mb: .[2]})})}' <<<"$rows")"
}

# One more process than those that start_background can name: a child that outlives its parent.
orphan() {
	wait_for_line "$WORLD/$1.out"
}

@test "a process gets the GPUs that it uses, for as long as it lives" {
	pool 4
	start job sleep 1000
	uses "1 $pid 9000" "3 $pid 200"
	chg_ok status --json
	assert_json '.[1].status' UNRESERVED
	chg adopt "$pid" --note 'was there before'
	assert_status 0
	assert_stdout "Adopted PID $pid on 2 GPU(s): [1, 3]"
	assert_stderr ''
	chg_ok status --json
	assert_json '.[1] | [.status, .type, .user, .note] | join("|")' "IN_USE|RUN|$ME|was there before"
	assert_json '.[3].status' IN_USE
	chg_ok status
	assert_stdout_has RUN
	# Nobody else gets them; nothing was changed about the process.
	chg run --gpu-ids 3 -- true
	assert_error 1 "reserved by $ME (run)"
	assert_alive "$pid"
	kill_now "$pid"
	wait_until '[ "$(ends)" = "released released" ]'
	uses
	assert_reserved ''
	assert_no_processes
}

@test "its descendants are it: by what they use, and for as long as they use it" {
	pool 2
	start job sh -c 'sleep 1000 & echo $!; wait'
	child=$(orphan job)
	uses "0 $child 9000"
	chg_ok adopt "$pid"
	assert_stdout "Adopted PID $pid on 1 GPU(s): [0]"
	supervisor=$(supervisor_of "$pid")
	kill_now "$pid"
	wait_until '[ "$(supervisor_of "$child")" = "$supervisor" ]'
	assert_reserved 0
	assert_equal "$(ends)" ''
	kill_now "$child"
	wait_until '[ "$(ends)" = released ]'
}

@test "descendants of each of several processes are it, too" {
	pool 1
	start one sleep 1000
	one=$pid
	start two sh -c 'sleep 1000 & echo $!; wait'
	child=$(orphan two)
	uses "0 $child 9000"
	chg_ok adopt "$one" "$pid"
	assert_stdout "Adopted PID $one, $pid on 1 GPU(s): [0]"
	supervisor=$(supervisor_of "$one")
	kill_now "$one" "$pid"
	wait_until '[ "$(supervisor_of "$child")" = "$supervisor" ]'
	assert_reserved 0
	kill_now "$child"
	wait_until '[ "$(ends)" = released ]'
}

@test "several processes: it lives as long as the last of them, in whatever order they end" {
	pool 3
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	start one sleep 1000
	one=$pid
	start two sleep 1000
	two=$pid
	start three sleep 1000
	three=$pid
	uses "0 $one 9000" "2 $two 9000"
	chg_ok adopt "$two" "$one" "$three"
	assert_stdout "Adopted PID $two, $one, $three on 2 GPU(s): [0, 2]"
	supervisor=$(supervisor_of "$two")
	kill_now "$one"
	assert_equal "$(supervisor_of "$two")" "$supervisor"
	kill_now "$two"
	# The third one uses no GPU: that it lives is enough.
	wait_until '[ "$(supervisor_of "$three")" = "$supervisor" ]'
	assert_reserved '0 2'
	# Who looks sees a holder that lives, also without the supervisor.
	wait_for_renewals "$supervisor" 2
	kill_now "$supervisor"
	assert_reserved '0 2'
	uses
	kill_now "$three"
	assert_reserved ''
	assert_equal "$(ends)" 'holder-died holder-died'
}

@test "a killed supervisor: reserved as long as the process lives" {
	pool 1
	start job sleep 1000
	uses "0 $pid 9000"
	chg_ok adopt "$pid"
	kill_now "$(supervisor_of "$pid")"
	assert_reserved 0
	chg run -- true
	assert_error 1 'Available: 0'
	uses
	kill_now "$pid"
	chg_ok run -- true
	wait_until '[ "$(ends)" = "holder-died released" ]'
}

@test "a process that uses no GPU: only with ids, and only what is free" {
	pool 3
	start job sleep 1000
	chg adopt "$pid"
	assert_error 1 'the driver does not show these processes on any GPU of the pool: name the GPUs with --gpu-ids'
	chg_ok reserve --gpu-ids 2 --user bob --duration 1h
	uses "1 $$ 9000"
	chg adopt "$pid" --gpu-ids 0,1
	assert_error 1 'GPU 1 is in use, but not by these processes'
	chg adopt "$pid" --gpu-ids 3
	assert_error 1 'GPU ID 3 does not exist'
	chg_ok adopt "$pid" --gpu-ids 0-0
	assert_stdout "Adopted PID $pid on 1 GPU(s): [0]"
	chg_ok adopt "$pid" --gpu-ids 1 --force
	assert_reserved '0 1 2'
	kill_now "$pid"
	wait_until '[ "$(reserved)" = 2 ]'
}

@test "--gpus says how many they must use" {
	pool 3
	start job sleep 1000
	uses "0 $pid 9000"
	chg adopt "$pid" --gpus 2
	assert_error 1 'the processes use 1 GPU(s), not 2: leave --gpus out to take those, or name the GPUs with --gpu-ids'
	chg adopt "$pid" --gpus 2 --gpu-ids 0
	assert_error 2 '--gpus 2 does not match the 1 GPU IDs of --gpu-ids'
	assert_reserved ''
	chg_ok adopt "$pid" --gpus 1
	chg_ok adopt "$pid" --gpus 2 --gpu-ids 1,2
	assert_reserved '0 1 2'
}

@test "what is reserved stays so, but one's own reservation by hand becomes the processes'" {
	pool 3
	start job sleep 1000
	uses "0 $pid 9000" "1 $pid 9000"
	chg_ok reserve --gpus 3 --force --duration 1h
	chg_ok adopt "$pid"
	assert_stdout "Adopted PID $pid on 2 GPU(s): [0, 1]"
	assert_equal "$(usage_history)" "0 manual released $ME"$'\n'"1 manual released $ME"
	chg_ok status --json
	assert_json 'map(.type) | join(" ")' 'RUN RUN MANUAL'
	chg adopt "$pid"
	assert_error 1 "GPU 0 is not available: reserved by $ME (run)"
	kill_now "$pid"
	wait_until '[ "$(reserved)" = 2 ]'
}

@test "not behind the back of those who wait, unless they could not have it now anyway" {
	pool 2
	start job sleep 1000
	uses "0 $pid 9000"
	chg_ok reserve --gpu-ids 1 --duration 1h
	start_background waiter canhazgpu run --gpus 2 --wait --user bob -- true
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	chg adopt "$pid" --gpu-ids 0,1
	assert_error 1 "GPU 1 is not available: bob ($ME) is waiting for it, and these processes do not keep it busy"
	assert_reserved 1
	chg_ok adopt "$pid"
	assert_reserved '0 1'
	uses
	kill_now "$pid"
	chg_ok release
	wait_background waiter
	assert_status 0
}

@test "processes that are none, threads, zombies, and nonsense" {
	pool 1
	chg adopt 4194304999
	assert_error 2 "'4194304999' is not a process id"
	chg adopt x
	assert_error 2 "'x' is not a process id"
	chg adopt -- -1
	assert_error 2 "'-1' is not a process id"
	chg adopt
	assert_error 2 'missing argument'
	start job sleep 1000
	chg adopt "$pid" "$pid"
	assert_error 2 "process $pid is given twice"
	chg adopt "$pid" --gpus 0
	assert_error 2 --gpus
	kill_now "$pid"
	# A zombie, as long as the shell has not asked for its end, or nothing at all.
	chg adopt "$pid" --gpu-ids 0
	assert_status 1
	[[ $stderr == "Error: there is no process $pid "* ]] || fail_with 'other words'
	assert_reserved ''
	assert_no_processes
}

@test "a lost reservation: the processes are told and go on, or are stopped where that was asked for" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	world_set CANHAZGPU_RUN_GRACE=100ms
	start warned sleep 1000
	warned=$pid
	start stopped sh -c 'trap "" INT; while :; do sleep 1; done'
	stopped=$pid
	chg_ok adopt "$warned" --gpu-ids 0
	chg_ok adopt "$stopped" --gpu-ids 1 --on-lost kill
	chg_ok release --gpu-ids 0,1
	wait_until 'is_gone "$stopped"' 60
	wait_until '[ "$(supervisors | wc -l)" -eq 1 ]'
	assert_alive "$warned"
	kill_now "$warned"
	assert_no_processes
}

@test "adopt comes back at once, and leaves nothing open to its caller" {
	pool 1
	start job sleep 1000
	# Without an end of the pipe this would hang.
	output=$(in_world canhazgpu adopt "$pid" --gpu-ids 0 2>&1)
	assert_equal "$output" "Adopted PID $pid on 1 GPU(s): [0]"
	assert_alive "$pid"
}

@test "a store that cannot be reached, or has no pool: nothing is left behind" {
	start job sleep 1000
	chg adopt "$pid" --gpu-ids 0
	assert_error 1 'GPU pool not initialized'
	wait_until '[ -z "$(supervisors)" ]'
}

@test "one's own processes only; root adopts anybody's for their account" {
	shared_pool 3
	start_as_user 4301 one sleep 1000
	one=$background_pid
	start_as_user 4302 two sleep 1000
	two=$background_pid
	# Before that they are still this account's.
	wait_until 'is_called "$one" sleep && is_called "$two" sleep'
	uses "0 $one 9000" "1 $two 9000" "2 $one 9000" "2 $two 9000"
	chmod 0644 "$FAKE_STATE"
	status=0
	as_user 4301 canhazgpu adopt "$two" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 1
	assert_equal "$(cat "$WORLD/stderr")" "Error: process $two belongs to uid 4302, not to you"
	# What somebody else uses, too, is not taken in silence.
	status=0
	as_user 4301 canhazgpu adopt "$one" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'somebody else is also using GPU 2' "$WORLD/stderr"
	as_user 4301 canhazgpu adopt "$one" --gpu-ids 0 >"$WORLD/stdout"
	assert_equal "$(cat "$WORLD/stdout")" "Adopted PID $one on 1 GPU(s): [0]"
	chg adopt "$one" "$two"
	assert_error 1 "process $one belongs to uid 4301, process $two to uid 4302"
	chg_ok adopt "$two" --gpu-ids 1,2 --force
	chg_ok status --json
	assert_json 'map(.user) | join("|")' 'uid 4301|uid 4302|uid 4302'
	# It is theirs: they may release it, and its end is theirs.
	as_user 4302 canhazgpu release --gpu-ids 2 >"$WORLD/stdout"
	assert_equal "$(cat "$WORLD/stdout")" 'Released 1 GPU(s): [2]'
	uses "0 $one 9000"
	kill_now "$two"
	wait_until '[ "$(reserved)" = 0 ]'
	kill_now "$one"
	wait_until '[ "$(reserved)" = "" ]'
	assert_no_processes
}

@test "root tells processes of others that their reservation is lost, but not in files that they may only read" {
	shared_pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	mkdir -m 0777 "$WORLD/theirs"
	echo precious >"$WORLD/theirs/precious"
	chmod 0644 "$WORLD/theirs/precious"
	# shellcheck disable=SC2016
	start_as_user 4302 reader sh -c 'exec sleep 1000 2<"$1"' sh "$WORLD/theirs/precious"
	reader=$background_pid
	# shellcheck disable=SC2016
	start_as_user 4302 writer sh -c 'exec sleep 1000 2>"$1"' sh "$WORLD/theirs/log"
	writer=$background_pid
	wait_until 'is_called "$reader" sleep && is_called "$writer" sleep' 20
	# Not from a log file: it would be told there.
	in_world canhazgpu adopt "$reader" --gpu-ids 0 --on-lost kill 2>/dev/null
	in_world canhazgpu adopt "$writer" --gpu-ids 1 --on-lost kill 2>/dev/null
	chg_ok release --gpu-ids 0,1
	wait_until 'is_gone "$reader" && is_gone "$writer"' 60
	assert_equal "$(cat "$WORLD/theirs/precious")" precious
	grep -q '^canhazgpu: the reservation of GPU(s) .* is gone' "$WORLD/theirs/log"
	assert_no_processes
}

@test "nor does root open what a process has under the name of its terminal, in a mount namespace of its own" {
	shared_pool 1
	unshare --mount true 2>/dev/null || skip 'needs the right to make mount namespaces'
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	mkfifo "$WORLD/bell"
	# It ends when the other end of the pipe has been opened and closed, whoever does that.
	start_background listener cat "$WORLD/bell"
	# shellcheck disable=SC2016
	start_background other unshare --mount sh -c 'mount --bind /dev/null "$1" &&
		exec setpriv --reuid 4302 --regid 4300 --clear-groups sleep 1000 2>"$1"' sh "$WORLD/bell"
	other=$background_pid
	wait_until 'is_called "$other" sleep' 20
	assert_equal "$(readlink "/proc/$other/fd/2")" "$WORLD/bell"
	in_world canhazgpu adopt "$other" --gpu-ids 0 --on-lost kill 2>/dev/null
	chg_ok release --gpu-ids 0
	wait_until 'is_gone "$other"' 60
	timeout 20 sh -c 'echo ours >"$1"' sh "$WORLD/bell"
	wait_background listener
	assert_equal "$(cat "$WORLD/listener.out")" ours
}
