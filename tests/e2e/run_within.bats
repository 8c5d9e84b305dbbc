#!/usr/bin/env bats
# Runs on GPUs that one holds by hand, and what is said of one's own GPUs.
# stores: each
# seconds: 65

load wait_helpers

# The records of the history: GPU, type, number.
records() {
	chg_ok report --json --days 1
	jq -c '.users[] | [.run_count, .manual_count]' <<<"$stdout"
}

@test "a run on a GPU that one holds by hand runs there, and leaves the reservation as it is" {
	pool 3
	chg_ok reserve --gpu-ids 2 --duration 1h --note mine
	chg_ok status --json
	before=$(jq -c '.[2] | [.reservation_id, .type, .note, .expiry_time]' <<<"$stdout")
	# shellcheck disable=SC2016
	chg_ok run --gpu-ids 2 -- sh -c 'echo "on $CUDA_VISIBLE_DEVICES"; canhazgpu status --json | jq -r ".[2].type"'
	assert_stdout $'on 2\nMANUAL'
	assert_stderr 'Using 1 GPU(s): [2] that you hold by hand, until that ends'
	chg_ok status --json
	assert_json '.[2] | [.reservation_id, .type, .note, .expiry_time] | tojson' "$before"
	assert_no_processes
	# Each hour counts once: there is the manual reservation, and nothing of the run.
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [2]'
	assert_equal "$(records)" '[0,1]'
	# Of one's own GPUs, too, exactly those that are named.
	chg_ok reserve --gpus 3 --short
	# shellcheck disable=SC2016
	chg_ok run --gpu-ids 0,1 -- sh -c 'echo $CUDA_VISIBLE_DEVICES'
	assert_stdout 0,1
}

@test "its exit status and its time limit are its own; two runs can share the GPU" {
	pool 1
	chg_ok reserve --short
	chg run --gpu-ids 0 -- sh -c 'exit 7'
	assert_status 7
	start_background one canhazgpu run --gpu-ids 0 -- sleep 1000
	wait_until 'is_called "${background_pids[one]}" sleep'
	# What runs there is shown as the holder's.
	fake_state '{"gpus":[{"index":0,"memory_used_mb":4000,"processes":[{"pid":'"${background_pids[one]}"',"memory_mb":4000}]}]}'
	chg_ok status --json
	assert_json '.[0] | "\(.type) \(.status) \(.validation)"' 'MANUAL IN_USE 4000MB, 1 processes'
	chg run --gpu-ids 0 --timeout 300ms -- sleep 1000
	assert_stderr_has 'the time limit of 0h 0m 0s was reached: stopping the command'
	assert_alive "${background_pids[one]}"
	kill_now "${background_pids[one]}"
	assert_no_processes
	chg_ok status --json
	assert_json '.[0].type' MANUAL
}

@test "it is stopped when the manual reservation ends, which may be extended meanwhile" {
	pool 1
	chg_ok reserve --short --duration 3s
	ended=$(($(date +%s) + 3))
	start_background run canhazgpu run --gpu-ids 0 -- sleep 1000
	wait_until 'is_called "${background_pids[run]}" sleep'
	chg_ok extend --duration 1h
	chg_ok status --json
	wait_until '[ "$(date +%s)" -gt "$ended" ]'
	assert_alive "${background_pids[run]}"
	kill_now "${background_pids[run]}"
	chg_ok release
	chg_ok reserve --short --duration 1s
	chg run --gpu-ids 0 -- sleep 1000
	assert_stderr_has 'your manual reservation of GPU(s) [0] has ended: stopping the command (SIGINT; SIGKILL in 0h 0m 30s)'
	assert_status 130
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "it is stopped also when the manual reservation ends while the host is suspended" {
	use_clock
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	chg_ok reserve --short --duration 1h
	start_background run canhazgpu run --gpu-ids 0 -- sleep 1000
	wait_until 'is_called "${background_pids[run]}" sleep'
	set_clock 0 0 7200
	wait_until 'is_gone "${background_pids[run]}"'
	wait_for_text "$WORLD/run.err" 'your manual reservation of GPU(s) [0] has ended: stopping the command'
}

@test "when the manual reservation is released, the run goes on without, or is stopped: --on-lost" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	chg_ok reserve --short
	start_background warn canhazgpu run --gpu-ids 0 -- sleep 1000
	start_background kill canhazgpu run --gpu-ids 0 --on-lost kill -- sleep 1000
	wait_until 'is_called "${background_pids[warn]}" sleep && is_called "${background_pids[kill]}" sleep'
	chg_ok release
	wait_for_text "$WORLD/kill.err" 'your manual reservation of GPU(s) [0] is gone, or a part of it (released, or the pool was recreated); the command is being stopped'
	wait_until 'is_gone "${background_pids[kill]}"'
	wait_for_text "$WORLD/warn.err" 'the command continues WITHOUT a reservation'
	assert_alive "${background_pids[warn]}"
	# Somebody else's reservation is not touched when it ends.
	chg_ok reserve --short --force
	kill_now "${background_pids[warn]}"
	assert_no_processes
	assert_equal "$(reserved)" 0
}

@test "only by name: no run takes what is held by hand silently, and a refusal says so" {
	pool 2
	chg_ok reserve --gpus 2 --short
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0 - you hold GPU(s) 0,1 by hand, and --gpu-ids runs there'
	chg reserve
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	chg reserve --gpu-ids 1
	assert_error 1 "GPU 1 is not available: reserved by $(id -un) (manual), your own reservation - 'canhazgpu run --gpu-ids 1' runs there, 'canhazgpu extend' prolongs it"
	chg_ok release --gpu-ids 1
	chg run --gpu-ids 0,1 -- true
	assert_error 1 "GPU 0 is not available: reserved by $(id -un) (manual), your own reservation"
	start_background run canhazgpu run --gpu-ids 1 -- sleep 1000
	wait_until 'is_called "${background_pids[run]}" sleep'
	chg run --gpu-ids 1 -- true
	assert_error 1 "GPU 1 is not available: reserved by $(id -un) (run), a run of your own - run 'canhazgpu status' for details"
}

@test "run --claim takes over what one holds by hand: nobody can have it in between, whoever waits" {
	pool 3
	chg_ok reserve --gpus 2 --id
	id=$stdout
	[[ $id =~ ^[0-9a-f-]{36}$ ]]
	start_background waiter canhazgpu run --wait --gpus 3 -- true
	wait_until '[ "$(in_world canhazgpu queue --json | jq .total_waiting)" = 1 ]'
	# shellcheck disable=SC2016
	chg_ok run --claim "$id" --note claimed -- sh -c 'echo "on $CUDA_VISIBLE_DEVICES"; canhazgpu status --json | jq -r "[.[0, 1] | .type, .note] | join(\" \")"'
	assert_stdout $'on 0,1\nRUN claimed RUN claimed'
	assert_stderr 'Reserved 2 GPU(s): [0, 1] for command execution'
	wait_background waiter
	assert_status 0
	# It is there no more; others' are nobody's to claim; and it has the GPUs that it has.
	chg run --claim "$id" -- true
	assert_error 1 "you have no manual reservation '$id'"
	chg run --claim "$id" --gpus 2 -- true
	assert_error 2 '--claim takes the GPUs of a reservation: it cannot be used with --gpus'
	chg reserve --id --short
	assert_error 2 '--export, --short and --id: only one of them at a time'
}
