#!/usr/bin/env bats
# A driver that is slow: one scan for however many ask, a time limit, and what people are told meanwhile. The stub
# of the driver's library waits until $WORLD/gate is there, and notes in $WORLD/log that it was asked.
# stores: any
# seconds: 25

load helpers
load terminal

teardown() {
	for socket in "$WORLD"/tmux.*; do
		[ ! -S "$socket" ] || tmux -S "$socket" kill-server 2>/dev/null || true
	done
	world_close
}

# slow_pool [MEMBERS]: a pool of four GPUs whose driver is closed from now on.
slow_pool() {
	use_nvml
	# Where the pool is on a server, scans are shared here.
	mkdir -m 0700 "$WORLD/runtime"
	world_environment+=(XDG_RUNTIME_DIR="$WORLD/runtime")
	touch "$WORLD/gate"
	nvml_state "$(jq -nc --arg world "$WORLD" --argjson more "${1:-{\}}" '{driver_version: "550", gate: "\($world)/gate",
		log: "\($world)/log", gpus: [range(4) | {uuid: "GPU-\(.)", name: "H100", bus: [0, ., 0],
		memory: [80000, 500, 5], compute: [], graphics: []}]} + $more')"
	chg_ok admin
	rm "$WORLD/gate" "$WORLD/log"
}

# How often the driver was asked.
scans() {
	[ ! -e "$WORLD/log" ] || wc -l <"$WORLD/log"
}

# Whether that process waits for somebody else's scan.
joins() {
	[ -n "$(find "/proc/$1/fd" -lname '*/canhazgpu-scan-*.lock' 2>/dev/null)" ]
}

@test "one scan for however many ask, whatever they ask for" {
	slow_pool
	start_background first canhazgpu status --json
	wait_until '[ "$(scans)" = 1 ]'
	for i in 1 2 3; do
		start_background "status$i" canhazgpu status --summary
		wait_until 'joins "$background_pid"'
	done
	for i in 1 2 3; do
		start_background "run$i" canhazgpu run -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"
			until [ -e "$0" ]; do sleep 0.1; done' "$WORLD/done"
		wait_until 'joins "$background_pid"'
	done
	touch "$WORLD/gate"
	wait_until '[ "$(cat "$WORLD"/run?.out | wc -l)" = 3 ]'
	touch "$WORLD/done"
	for name in first status1 status2 status3 run1 run2 run3; do
		wait_background "$name"
		assert_equal "$status" 0
	done
	assert_equal "$(jq length "$WORLD/first.out")" 4
	assert_equal "$(sort -u "$WORLD"/run?.out | wc -l)" 3
	assert_no_processes
}

@test "what was scanned before a release, or before --fresh, is asked again" {
	slow_pool
	start_background first canhazgpu status --json
	wait_until '[ "$(scans)" = 1 ]'
	start_background fresh canhazgpu status --fresh --json
	wait_until 'joins "$background_pid"'
	chg_ok release
	touch "$WORLD/gate"
	wait_background first
	wait_background fresh
	assert_equal "$status" 0
	assert_equal "$(scans)" 2
	chg_ok reserve --gpu-ids 0
	chg_ok release
	before=$(scans)
	chg_ok status
	assert_equal "$(scans)" $((before + 1))
}

@test "the driver has gpu.timeout as a whole, however many calls there are" {
	slow_pool '{"delays": {"nvmlInit": 400, "nvmlDeviceGetCount": 400, "nvmlDeviceGetName": 400}}'
	touch "$WORLD/gate"
	world_set CANHAZGPU_GPU_TIMEOUT=1s
	chg_ok status --fresh --json
	assert_json 'map(.error) | unique | join("|")' 'the nvidia driver did not answer within 1000 ms'
	chg config
	assert_stdout_has 'gpu.timeout'
	world_set CANHAZGPU_GPU_TIMEOUT=0s
	chg status
	assert_status 2
}

@test "after a second a person at a terminal is told what takes so long, and it is gone afterwards" {
	slow_pool
	terminal 100 20
	enter 'canhazgpu status --summary'
	wait_until 'screen_has "asking the NVIDIA driver ...; persistence mode would make this fast"'
	touch "$WORLD/gate"
	wait_until 'screen_has "Available GPUs: 4"'
	! screen_has asking || fail_with "$(screen)"
}

@test "a terminal that is stopped does not stop the scan that others wait for" {
	slow_pool
	terminal 100 20
	enter 'canhazgpu status --summary'
	wait_until '[ "$(scans)" = 1 ]'
	press C-s
	begin=${EPOCHREALTIME/./}
	start_background other canhazgpu status --json
	wait_until 'joins "$background_pid"'
	wait_until '[ $((${EPOCHREALTIME/./} - begin)) -gt 1500000 ]'
	touch "$WORLD/gate"
	wait_background other
	assert_equal "$status" 0
	assert_equal "$(scans)" 1
	press C-q
	wait_until 'screen_has "Available GPUs: 4"'
}

@test "nobody else is told: output and errors stay as they are" {
	slow_pool '{"delays": {"nvmlInit": 1200}}'
	touch "$WORLD/gate"
	chg_ok status --json
	assert_json length 4
	assert_stderr ''
}

@test "who waits in the queue leaves it at once, though the driver does not answer" {
	slow_pool
	world_set CANHAZGPU_GPU_TIMEOUT=10m
	start_background waiter canhazgpu run --wait -- true
	wait_until '[ "$(scans)" = 1 ]'
	kill -INT "$background_pid"
	wait_background waiter
	assert_equal "$status" 130
	has_text "$WORLD/waiter.err" 'Left the queue'
	assert_no_processes
}

@test "a wait ends at its limit, though the driver does not answer" {
	slow_pool
	world_set CANHAZGPU_GPU_TIMEOUT=10m
	chg run --wait=1s -- true
	assert_equal "$status" 75
	assert_stderr_has 'gave up after waiting'
	assert_no_processes
}

@test "doctor says how long the driver takes, and what would help" {
	slow_pool '{"delays": {"nvmlInit": 1200}}'
	touch "$WORLD/gate"
	chg doctor --json
	assert_json '.[] | select(.check == "driver") | "\(.result)|\(.advice)"' \
		'warning|start nvidia-persistenced: persistence mode keeps the driver initialized'
	assert_json '.[] | select(.check == "driver") | .detail | test("most commands wait that long")' true
}

@test "a refresh of a pool that is recreated meanwhile, with other GPUs, fails at once" {
	slow_pool
	start_background refresh canhazgpu admin --refresh
	wait_until '[ "$(scans)" = 1 ]'
	chg_ok admin --force --provider fake --gpus 2
	touch "$WORLD/gate"
	begin=$EPOCHREALTIME
	wait_background refresh
	assert_status 1
	assert_equal "$(cat "$WORLD/refresh.err")" 'Error: the pool was recreated in the meantime: try again'
	(((${EPOCHREALTIME/./} - ${begin/./}) < 4000000)) || fail_with 'it tried again and again'
}

@test "a pool whose driver hangs is recreated with another one, which does not ask the first" {
	slow_pool
	touch "$WORLD/gate"
	chg_ok reserve
	rm "$WORLD/gate" "$WORLD/log"
	chg_ok admin --force --provider fake --gpus 2
	assert_stderr_has 'Recreating the pool ends 1 reservation'
	assert_equal "$(scans)" ''
}
