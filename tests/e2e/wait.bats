#!/usr/bin/env bats
# run --wait and reserve --wait: who waits for what, in which order, and how waiting ends.
# stores: each

load wait_helpers

@test "those who wait start in the order in which they came" {
	pool 1
	hold holder
	for name in a b c; do
		start_background "$name" canhazgpu run --user "$name" --wait -- \
			sh -c "echo $name >>'$WORLD/order'"
		wait_until "waits $name" 30
	done
	assert_equal "$(line)" 'a b c'
	kill "$command"
	for name in a b c; do
		wait_background "$name"
		assert_status 0
	done
	assert_equal "$(paste -sd ' ' "$WORLD/order")" 'a b c'
	wait_until '[ -z "$(reserved)" ]' 20
	assert_equal "$(line)" ''
}

@test "who can have GPUs at once does not wait, and says nothing of it" {
	pool 2
	chg_ok run --wait -- true
	assert_stderr 'Reserved 1 GPU(s): [0] for command execution'
	assert_no_processes # until its supervisor has ended there is one GPU only
	chg_ok reserve --wait 5m --gpus 2 --short
	assert_stdout 0,1
	assert_stderr ''
}

@test "what is free is collected for who comes first, and nobody overtakes" {
	pool 3
	chg_ok reserve --gpu-ids 0 --duration 1h
	wait_run big --gpus 3
	wait_until '[ "$(reserved)" = "0 1 2" ]'
	grep -q 'position 1 of 1, collected 2/3 \[1, 2\],.* waiting for GPUs: .* 0' "$WORLD/big.err"
	wait_run small
	assert_equal "$(line)" 'big small'
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	chg run --gpu-ids 2 -- true
	assert_error 1 'GPU 2 is not available'
	chg_ok release
	wait_for_start big
	grep -qx 'started 0,1,2' "$WORLD/big.out"
	assert_waits small
	kill "${background_pids[big]}"
	wait_for_start small
	# What was only collected is no use of a GPU.
	wait_until '[ "$(usage_history | wc -l)" = 4 ]' 20
}

@test "a GPU that nobody waits for is given to who asks" {
	pool 3
	chg_ok reserve --gpu-ids 0 --duration 1h
	wait_run first --gpu-ids 0,1
	chg run --gpu-ids 1 -- true
	assert_error 1 'GPU 1 is not available'
	chg_ok run -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout 2
	wait_until '[ "$(reserved)" = "0 1" ]'
	# Others who wait for something else are not in the way either.
	wait_run other --gpu-ids 2
	wait_for_start other
	assert_waits first
}

@test "many who wait for another GPU keep nobody from one that is free" {
	pool 2
	# By hand, they would run there.
	wait_run holder --gpu-ids 0
	chg_ok reserve --gpu-ids 1 --duration 1h
	for i in $(seq 12); do
		start_background "many$i" canhazgpu reserve --wait --gpu-ids 0
	done
	wait_until '[ "$(in_world canhazgpu queue --json | jq .total_waiting)" = 12 ]' 30
	wait_run any
	chg_ok release --gpu-ids 1
	wait_until 'runs any' 15
	grep -qx 'started 1' "$WORLD/any.out"
}

@test "a GPU that somebody waits for is refused by that reason" {
	pool 2
	start_background user sleep 1000
	user=$background_pid
	fake_state "{\"gpus\":[{\"index\":1,\"memory_used_mb\":500,\"processes\":[{\"pid\":$user,\"memory_mb\":500}]}]}"
	wait_run first --gpu-ids 1 --memory-threshold 100
	# It is first for what is free, though it cannot take it.
	chg run --gpu-ids 1 -- true
	assert_error 1 "GPU 1 is not available: first ($(id -un)) is waiting for it"
	chg_ok run -- true
	fake_state '{}'
	kill "$user"
	wait_for_start first
}

@test "what the pool can never give is refused at once" {
	pool 2
	hold holder --gpus 2
	chg run --wait --gpus 3 -- true
	assert_error 1 'Requested 3 GPUs, but the pool has only 2'
	chg reserve --wait --gpu-ids 1,5
	assert_error 1 'GPU ID 5 does not exist (the pool has 0 to 1)'
	assert_equal "$(line)" ''
}

@test "an unknown command is exit 127 at once, without waiting" {
	pool 1
	hold holder
	chg run --wait -- no-such-command
	assert_status 127
	assert_equal "$(line)" ''
}

@test "--wait D gives up: exit 75, and leaves the line" {
	pool 2
	hold holder --gpu-ids 0
	chg run --wait 1s --gpus 2 -- true
	assert_status 75
	assert_stderr_has 'Error: gave up after waiting'
	assert_equal "$(line)" ''
	assert_reserved 0
	chg reserve --wait=1s --gpu-ids 0
	assert_status 75
	# Bare, before another option: as long as it takes.
	start_background bare canhazgpu reserve --wait --short
	wait_background bare
	assert_status 0
	assert_equal "$(cat "$WORLD/bare.out")" 1
}

@test "run.wait makes waiting the default, and --nonblock undoes it" {
	pool 1
	hold holder
	printf 'run:\n  wait: 1h\nreserve:\n  wait: 1s\n' >"$WORLD/home/.canhazgpu.yaml"
	chg run --nonblock -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	chg reserve
	assert_status 75
	start_background waiter canhazgpu run -- sh -c 'echo started'
	wait_until 'waits waiter' 30
	kill "$command"
	wait_background waiter
	assert_status 0
}

@test "a configuration file that breaks while its request waits does not cost it its GPUs" {
	pool 1
	hold holder
	printf 'memory: {threshold: 2048}\n' >"$WORLD/named.yaml"
	printf 'run: {gpus: 1}\n' >"$WORLD/home/.canhazgpu.yaml"
	wait_run named --config "$WORLD/named.yaml"
	wait_run personal
	printf 'memory: [\n' >"$WORLD/named.yaml"
	printf 'no-such-key: 1\n' >"$WORLD/home/.canhazgpu.yaml"
	kill "$command"
	wait_for_start named
	kill "${background_pids[named]}"
	wait_for_start personal
	assert_equal "$(in_world env HOME=/nonexistent canhazgpu status --json | jq -r '.[0].user')" personal
	rm "$WORLD/home/.canhazgpu.yaml"
}

@test "reserve --wait: the reservation begins when it is granted" {
	pool 1
	hold holder
	start_background waiter canhazgpu reserve --wait --duration 1h --note later
	wait_until 'waits waiter' 30
	kill "$command"
	wait_background waiter
	assert_status 0
	grep -q 'Reserved 1 GPU(s): \[0\]' "$WORLD/waiter.out"
	chg_ok status --json
	assert_json '.[0] | [.type, .note] | @tsv' $'MANUAL\tlater'
	assert_no_processes
}

@test "Ctrl-C, TERM, HUP, QUIT: leaves the line, gives back, and ends by that signal" {
	pool 2
	hold holder --gpu-ids 0
	for signal in INT:130 TERM:143 HUP:129 QUIT:131; do
		start_background waiter canhazgpu run --wait --gpus 2 -- true
		wait_until 'waits waiter && [ "$(reserved)" = "0 1" ]' 30
		kill -"${signal%:*}" "$background_pid"
		wait_background waiter
		assert_status "${signal#*:}"
		assert_equal "$(line)" '' # before anybody else cleans up
		assert_reserved 0
		grep -qx 'Left the queue' "$WORLD/waiter.err"
	done
	kill "$command"
	wait_until '[ "$(ends)" = released ]' 20
}

@test "a hang-up that is ignored (nohup) does not end the wait" {
	pool 1
	hold holder
	start_background waiter sh -c 'trap "" HUP; exec canhazgpu run --wait -- echo started'
	wait_until 'waits waiter' 30
	kill -HUP "$background_pid"
	kill "$command"
	wait_background waiter
	assert_status 0
	runs waiter
}

@test "admin --force clears the line: who waits is told, and leaves" {
	pool 2
	hold holder --gpu-ids 0
	wait_run waiter --gpus 2
	chg_ok admin --gpus 3 --provider fake --force
	wait_background waiter
	assert_status 1
	grep -qx 'Error: the request was cancelled while it waited.*' "$WORLD/waiter.err"
	assert_equal "$(line)" ''
	chg_ok status --json
	assert_json 'map(.status) | unique | join(" ")' AVAILABLE
}

@test "what waiting says has no control characters where it is no terminal" {
	pool 2
	hold holder --user $'\e[31mevil\e]0;x\a' --gpu-ids 0
	wait_run waiter --gpus 2
	grep -q 'evil' "$WORLD/waiter.err"
	assert_no_controls "$WORLD/waiter.err"
	kill "$command"
	wait_for_start waiter
	assert_no_controls "$WORLD/waiter.err"
}

@test "two accounts wait in one line, and each gets its own" {
	shared_pool 1
	hold_as 4301 holder
	start_as_user 4302 waiter canhazgpu run --wait -- sh -c 'id -u; exec sleep 1000'
	wait_until 'waits waiter' 30
	start_as_user 4301 last canhazgpu run --wait -- id -u
	wait_until 'waits last' 30
	grep -q 'waiting for GPUs: uid 4301 0' "$WORLD/waiter.err"
	kill_now "$supervisor" "$command"
	wait_until 'grep -qx 4302 "$WORLD/waiter.out"' 30
	as_user 4301 canhazgpu status --json >"$WORLD/stdout"
	assert_json '.[0].user' 'uid 4302'
	kill_now "${background_pids[waiter]}"
	wait_background last
	assert_status 0
	assert_equal "$(cat "$WORLD/last.out")" 4301
}
