#!/usr/bin/env bats
# `run` within `run`.
# stores: any

load run_helpers

setup() {
	world_open
}

@test "within one's own reservation it runs there, on a part of the GPUs" {
	pool 3
	chg run --gpus 2 -- sh -c 'canhazgpu run --gpu-ids 1 -- sh -c "echo \$CUDA_VISIBLE_DEVICES; canhazgpu status --json"'
	assert_status 0
	assert_stderr_has 'Using 1 GPU(s): [1] of the enclosing run'
	assert_equal "$(head -n 1 <<<"$stdout")" 1
	assert_equal "$(tail -n +2 <<<"$stdout" | jq -r '[.[] | select(.status == "IN_USE") | .gpu_id] | join(" ")')" '0 1'
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a run that could only wait for its own ancestor is told so at once" {
	pool 2
	chg run --gpus 2 -- canhazgpu run --gpus 1 --wait -- true
	assert_status 1
	assert_stderr_has 'Error: 1 GPU(s) are not available before the enclosing run ends, which holds GPU(s) 0,1: use some of these with --gpu-ids'
	chg run --gpu-ids 0 -- canhazgpu run --gpu-ids 0,1 --wait -- true
	assert_status 1
	assert_stderr_has 'Error: GPU 1 is not held by the enclosing run'
}

@test "as many as the run around it has: it runs there where the rest of the pool is too small" {
	pool 2
	chg run --gpus 2 -- sh -c 'canhazgpu run --gpus 2 --wait -- sh -c "echo \$CUDA_VISIBLE_DEVICES"'
	assert_status 0
	assert_stdout 0,1
}

@test "other GPUs are reserved as ever" {
	pool 2
	chg run --gpu-ids 0 -- sh -c 'canhazgpu run --gpu-ids 1 -- sh -c "echo \$CUDA_VISIBLE_DEVICES"; canhazgpu run -- sh -c "echo \$CUDA_VISIBLE_DEVICES"'
	assert_status 0
	assert_stdout $'1\n1'
}

@test "a time limit within is refused, and a marker of somebody else means nothing" {
	pool 2
	chg run --gpu-ids 0 -- canhazgpu run --gpu-ids 0 --timeout 1h -- true
	assert_status 2
	assert_stderr_has 'Error: --timeout does not work within the run that holds these GPUs'
	# That of a configuration is for runs of their own.
	world_set CANHAZGPU_RUN_TIMEOUT=1h
	chg_ok run --gpu-ids 0 -- canhazgpu run --gpu-ids 0 -- true
	world_set CANHAZGPU_RESERVATION_ID=52da1c68-755d-4669-8670-7a63002184a8
	chg_ok run -- true
	world_set CANHAZGPU_RESERVATION_ID=
	chg_ok run -- true
}
