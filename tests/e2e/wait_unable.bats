#!/usr/bin/env bats
# A request that cannot take its GPUs: those behind it are served, it keeps its place, and the queue says why.
# stores: each
# seconds: 65

load wait_helpers
load terminal

teardown() {
	local socket
	thaw
	for socket in "$WORLD"/tmux.*; do
		[ ! -S "$socket" ] || tmux -S "$socket" kill-server 2>/dev/null || true
	done
	world_close
}

# little_in_use: GPU 0 has 500 MB in use, which only a threshold of one's own minds.
little_in_use() {
	start_background user sleep 1000
	fake_state "{\"gpus\":[{\"index\":0,\"memory_used_mb\":500,\"processes\":[{\"pid\":$background_pid,\"memory_mb\":500}]}]}"
}

# The first one minds it, and waits.
wait_picky() {
	wait_run picky --memory-threshold 100
	assert_waits picky
}

# Who is refused offers the GPU, and does not take it when it is declined: so the reason stays to be read.
offer_by_refusal() {
	chg run -- true
	assert_error 1 'others are waiting for 1 more'
}

# freeze PID: in a control group, as `docker pause` does. Nothing of that is seen from outside.
freeze() {
	local mount kind=cgroup2
	mount=$(sed -nE 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - cgroup2 .*/\1/p' /proc/self/mountinfo | head -n 1)
	if [ -z "$mount" ] || ! mkdir "$mount/canhazgpu-test-$$" 2>/dev/null; then
		kind=freezer
		mount=$(sed -nE 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - cgroup .*freezer.*/\1/p' /proc/self/mountinfo | head -n 1)
		{ [ -n "$mount" ] && mkdir "$mount/canhazgpu-test-$$" 2>/dev/null; } || skip 'cannot make control groups'
	fi
	frozen=$mount/canhazgpu-test-$$
	echo "$1" >"$frozen/cgroup.procs" || skip 'cannot use control groups'
	if [ "$kind" = cgroup2 ]; then
		echo 1 >"$frozen/cgroup.freeze"
		wait_until 'grep -qx "frozen 1" "$frozen/cgroup.events"'
	else
		echo FROZEN >"$frozen/freezer.state"
		wait_until 'grep -qx FROZEN "$frozen/freezer.state"'
	fi
}

thaw() {
	local pid
	[ -n "${frozen:-}" ] || return 0
	if [ -e "$frozen/cgroup.freeze" ]; then
		echo 0 >"$frozen/cgroup.freeze"
	else
		echo THAWED >"$frozen/freezer.state"
	fi
	for pid in $(cat "$frozen/cgroup.procs"); do
		echo "$pid" >"${frozen%/*}/cgroup.procs" || true
	done
	rmdir "$frozen" || true
	frozen=
}

# Sleeping in a place where it holds no lock: it has said what it waits for.
freeze_waiter() {
	wait_until "! grep -qE '^[0-9]+: [A-Z]+ +[A-Z]+ +[A-Z]+ ${background_pids[$1]} ' /proc/locks && [ \"\$(process_field ${background_pids[$1]} 3)\" = S ]"
	freeze "${background_pids[$1]}"
}

@test "a threshold of one's own: the GPU goes to the next, who comes first is told why, and has it later" {
	pool 1
	little_in_use
	wait_picky
	offer_by_refusal
	wait_until 'grep -q "passed over: GPU 0 uses 500 MB, more than its memory.threshold of 100 MB" "$WORLD/picky.err"' 30
	wait_run second
	wait_for_start second
	assert_equal "$(line)" picky
	# What was declined ends with the new holder: it is first for the GPU again.
	fake_state '{}'
	kill "${background_pids[second]}"
	wait_for_start picky
}

@test "many with such a threshold delay the next no longer than one" {
	pool 1
	little_in_use
	for i in $(seq 10); do
		wait_run "picky$i" --memory-threshold 100
	done
	wait_run last
	wait_for_start last
	assert_equal "$(line | wc -w)" 10
}

@test "the queue says why a request is passed over" {
	pool 2
	little_in_use
	hold holder --gpu-ids 1
	wait_picky
	wait_until 'chg run --gpu-ids 0 -- true; [ "$status" -eq 0 ]' 30
	chg run --gpu-ids 0 -- true # its end made the picky one first again: this offers the GPU again
	why='GPU 0 uses 500 MB, more than its memory.threshold of 100 MB'
	wait_until 'chg_ok queue --json; jq -e --arg why "$why" ".entries[0].passed_over == \$why" "$WORLD/stdout" >/dev/null' 30
	chg_ok queue
	[[ $stdout == *"(passed over: $why)"* ]]
	id=$(jq -r '.entries[0].id' <(in_world canhazgpu queue --json))
	chg_ok queue --explain "$id"
	[[ $stdout == *"It is passed over: $why. It keeps its place, but others are served meanwhile."* ]]
}

@test "numbers are demanded, and not certain for a while: passed over, not refused" {
	local card='{"uuid": "GPU-a", "name": "N", "bus": [0, 1, 0], "memory": [80000, 0, 0]}'
	local lost='{"uuid": "GPU-b", "name": "N", "bus": [0, 2, 0], "memory": [80000, 0, 0], "codes": {"nvmlDeviceGetMemoryInfo": 15}}'
	use_nvml
	nvml_state "{\"gpus\": [$card, ${lost/, \"codes\"*/}}]}"
	chg_ok admin
	hold holder --gpu-ids 0
	world_set CANHAZGPU_RUN_VISIBLE=index
	wait_run numbered --gpu-ids 0
	nvml_state "{\"gpus\": [$card, $lost]}"
	kill "$command"
	wait_until 'has_text "$WORLD/numbered.err" "use unknown 0"'
	world_unset CANHAZGPU_RUN_VISIBLE
	wait_run named --gpu-ids 0
	wait_for_start named
	assert_equal "$(line)" numbered
	# The driver is away altogether.
	nvml_state '{"codes": {"nvmlInit": 9}}'
	kill "${background_pids[named]}"
	stir
	assert_waits numbered
	nvml_state "{\"gpus\": [$card, ${lost/, \"codes\"*/}}]}"
	wait_for_start numbered
}

@test "without --wait: refused once, then served" {
	pool 1
	little_in_use
	wait_picky
	offer_by_refusal
	wait_until 'chg run -- true; [ "$status" -eq 0 ]' 30
	assert_equal "$(line)" picky
}

@test "a driver that this account cannot read" {
	pool 1
	hold holder
	echo 'no such thing' >"$WORLD/broken"
	start_background blind env CANHAZGPU_FAKE_STATE="$WORLD/broken" canhazgpu run --user blind --wait -- sleep 1000
	wait_until 'waits blind' 30
	kill "$command"
	wait_until '[ -z "$(reserved)" ]' 30
	offer_by_refusal
	wait_until 'grep -q "passed over: GPU 0 cannot be read by it: " "$WORLD/blind.err"' 30
	wait_run second
	wait_for_start second
	assert_equal "$(line)" blind
}

@test "frozen by a control group: the next one starts, and has what the frozen one had collected" {
	pool 2
	hold holder --gpu-ids 0
	wait_run first --gpus 2
	wait_until '[ "$(reserved)" = "0 1" ]'
	wait_run second --gpus 2
	freeze_waiter first
	kill "$command"
	wait_for_start second
	assert_equal "$(line)" first
	chg_ok queue
	[[ $stdout == *'did not take a GPU that was free for it'* ]]
	wait_run third --gpus 2
	thaw
	# In its old place it comes before the third.
	kill "${background_pids[second]}"
	wait_for_start first
	assert_waits third
}

@test "a supervisor that is frozen when its command ends: its GPU is free when two looks have found it silent" {
	use_clock
	pool 1
	hold holder
	wait_run next
	freeze "$supervisor"
	kill "$command"
	stir
	# Longer than from one heartbeat to the next: a doubt, no more.
	set_clock 0 65
	stir
	assert_waits next
	set_clock 0 150
	wait_for_start next
	thaw
	wait_until 'is_gone $supervisor'
	runs next
	assert_alive "${background_pids[next]}"
}

@test "many who are frozen one after the other" {
	pool 1
	hold holder
	wait_run a
	wait_run b
	wait_run c
	freeze_waiter a
	echo "${background_pids[b]}" >"$frozen/cgroup.procs"
	kill "$command"
	wait_for_start c
	assert_equal "$(line)" 'a b'
}

@test "Ctrl-S on the terminal: it gets its GPU, and its command starts" {
	pool 1
	hold holder
	terminal 120 20
	enter "canhazgpu run --wait -- sh -c 'cat /proc/self/fdinfo/2 >$WORLD/started; exec sleep 1000'"
	wait_until 'screen_has "position 1 of 1"' 30
	press C-s
	wait_run second
	# It has tried to write since: its clock goes on every second.
	before=$(process_field "$(waiter_pid)" 14)
	wait_until '[ "$(process_field "$(waiter_pid)" 14)" != "$before" ] || stir' 30
	kill "$command"
	wait_until '[ -s "$WORLD/started" ]' 30
	assert_waits second
	press C-q
	wait_until 'screen_has "Reserved" || screen_has "position 1 of 1"' 30
	# The terminal is as it was: writing waits.
	assert_blocking "$WORLD/started"
}

@test "standard error is a pipe that nobody reads" {
	pool 1
	hold holder
	mkfifo "$WORLD/pipe"
	exec 9<>"$WORLD/pipe"
	dd if=/dev/zero of="$WORLD/pipe" bs=1 count=100000 oflag=nonblock 2>/dev/null || true
	dd if=/dev/zero of="$WORLD/pipe" bs=65536 count=100 oflag=nonblock 2>/dev/null || true
	start_background first sh -c 'exec canhazgpu run --user first --wait -- \
		sh -c "cat /proc/self/fdinfo/2; echo started; exec sleep 1000" 2>"$1"' sh "$WORLD/pipe"
	wait_until '[ "$(line)" = first ]' 30
	kill "$command"
	wait_for_start first
	assert_blocking "$WORLD/first.out"
	exec 9<&-
}

@test "a stopped one is passed over at once, and is first again when it goes on" {
	pool 1
	hold holder
	wait_run first
	wait_run second
	stop_now "${background_pids[first]}"
	kill "$command"
	wait_for_start second
	chg_ok queue
	[[ $stdout == *'(absent: its process is stopped)'* ]]
	kill -CONT "${background_pids[first]}"
	wait_run third
	kill "${background_pids[second]}"
	wait_for_start first
	assert_waits third
}

# switches: how often the request behind has gone to sleep.
switches() {
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/${background_pids[behind]}/status"
}

@test "who has collected is watched until it starts, and no longer, even if its command is stopped then" {
	local before
	[ "${E2E_STORE:-sqlite}" = sqlite ] || skip 'a Redis connection is checked meanwhile'
	pool 2
	chg_ok reserve --gpu-ids 1 --user holder
	wait_run ahead --gpus 2
	wait_until '[ "$(reserved | wc -w)" -eq 2 ]'
	wait_run behind
	chg_ok release
	wait_for_start ahead
	stop_now "${background_pids[ahead]}"
	# Once more for the start, and for the estimate.
	sleep 2
	before=$(switches)
	sleep 4
	[ $(($(switches) - before)) -le 4 ] || fail_with "woke up $(($(switches) - before)) times"
}

# waiter_pid: of the only request in the terminal.
waiter_pid() {
	tmux -S "$socket" list-panes -F '#{pane_pid}' | xargs pgrep -P
}

# The flags of a descriptor, as /proc shows them, have no O_NONBLOCK.
assert_blocking() {
	local flags
	flags=$(sed -nE 's/^flags:[[:space:]]*//p' "$1")
	(((8#$flags & 8#4000) == 0)) || fail_with "flags $flags"
}

@test "a request of the other program that leaves a GPU lying has two minutes" {
	local now old
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'is about the Redis store'
	pool 1
	now=$(date -u +%FT%T.%NZ)
	old=$(date -u -d '-115 seconds' +%FT%T.%NZ)
	for since in "$now" "$old"; do
		redis set canhazgpu:queue:entry:018c266f-a239-48ce-9c6a-e5289b1abe51 "{\"id\":\"018c266f-a239-48ce-9c6a-e5289b1abe51\",\"user\":\"bob\",\"actual_user\":\"bob\",\"requested_count\":1,\"allocated_gpus\":[],\"reservation_type\":\"manual\",\"expiry_duration\":7199999722756,\"note\":\"\",\"enqueue_time\":\"$since\",\"last_heartbeat\":\"$now\",\"wait_timeout\":null}" >/dev/null
		redis zadd canhazgpu:queue "$(date -u -d "$since" +%s%N)" 018c266f-a239-48ce-9c6a-e5289b1abe51 >/dev/null
		chg run -- true
		assert_error 1 'others are waiting for 1 more'
	done
	wait_until 'chg run -- true; [ "$status" -eq 0 ]' 60
	assert_equal "$(line)" bob
}
