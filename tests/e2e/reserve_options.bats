#!/usr/bin/env bats
# canhazgpu reserve: its options, and what it prints.
# stores: any

load helpers

@test "--gpus with --gpu-ids: when they agree, or --gpus is 1" {
	pool 8
	chg_ok reserve --gpus 2 --gpu-ids 1,3
	chg_ok reserve --gpus 1 --gpu-ids 4,5
	assert_equal "$(held)" '1 3 4 5'
	chg reserve --gpus 3 --gpu-ids 0,2
	assert_error 2 '--gpus 3 does not match the 2 GPU IDs of --gpu-ids'
	chg reserve --gpus 2 --gpu-ids 0
	assert_error 2 '--gpus 2 does not match'
	assert_equal "$(held)" '1 3 4 5'
}

@test "ids that cannot be are refused" {
	pool 4
	chg reserve --gpu-ids 4
	assert_error 1 'GPU ID 4 does not exist (the pool has 0 to 3)'
	chg reserve --gpu-ids 0,99
	assert_error 1 'GPU ID 99 does not exist'
	for ids in 0,0 1-3,2; do
		chg reserve --gpu-ids "$ids"
		assert_error 2 'given twice'
	done
	for ids in '' , 1, ,1 1,,2 a 1x -1 3-1 1- 1.5 '1 2' 99999999999999999999 0-99999999; do
		chg reserve --gpu-ids "$ids"
		assert_error 2 'invalid GPU ids'
	done
	assert_equal "$(held)" ''
}

@test "UUIDs, and how they begin, name GPUs of every command" {
	pool 3
	chg_ok reserve --gpu-ids 'GPU-fake-2,0' --short
	assert_stdout 0,2
	chg reserve --gpu-ids gpu-fake
	assert_error 2 "the UUIDs of 3 GPUs begin with 'gpu-fake'"
	chg run --gpu-ids GPU-x -- true
	assert_error 1 "there is no GPU 'GPU-x' in this pool"
	chg reserve --gpu-ids 1,GPU-fake-1
	assert_error 2 'GPU id 1 is given twice'
	chg_ok extend --gpu-ids gpu-FAKE-2,0 --duration 1h
	chg_ok release --gpu-ids GPU-fake-0,GPU-fake-2
	assert_stdout 'Released 2 GPU(s): [0, 2]'
	chg_ok admin --drain GPU-fake-1
	assert_stdout_has 'Drained 1 GPU(s): [1]'
	printf 'reserve:\n  gpu-ids: [GPU-fake-2, 0]\n' >"$WORLD/config.yaml"
	chg_ok --config "$WORLD/config.yaml" reserve --short
	assert_stdout 0,2
}

@test "--type and --min-memory: GPUs of a kind, or why there are none" {
	pool 3
	fake_state '{"gpus": [{"name": "NVIDIA A100-SXM4-40GB", "memory_total_mb": 40960}, {"name": "NVIDIA L40S",
		"memory_total_mb": 46068}, {"name": "NVIDIA H100 80GB HBM3", "memory_total_mb": 81559}]}'
	chg_ok reserve --type h100 --short
	assert_stdout 2
	chg reserve --type h100
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	for arguments in '--type l4' '--type h100 --gpus 2' '--min-memory 90G --wait' '--type a100 --min-memory 40Gi --gpus 2'; do
		# shellcheck disable=SC2086
		chg reserve $arguments
		assert_error 1 'in service (it has: 1 NVIDIA A100-SXM4-40GB (40960 MB), 1 NVIDIA L40S (46068 MB), 1 NVIDIA H100'
	done
	chg run --type h100 --gpu-ids 0 -- true
	assert_error 1 "GPU 0 is not of type 'h100': it is NVIDIA A100-SXM4-40GB"
	chg_ok reserve --min-memory 40G --gpus 2 --short
	assert_stdout 0,1
	for size in 40 G 0G 1x 40Gx; do
		chg reserve --min-memory "$size"
		assert_error 2 '--min-memory: invalid size'
	done
	chg reserve --type=--
	assert_error 2 "--type needs a word of a model's name"
}

@test "numbers that cannot be are refused" {
	pool 4
	chg reserve --gpus 5
	assert_error 1 'Requested 5 GPUs, but the pool has only 4'
	for gpus in 0 -1 '' a 1.5 2x 99999999999999999999; do
		chg reserve --gpus "$gpus"
		assert_error 2 '--gpus'
	done
	assert_equal "$(held)" ''
}

@test "durations in all forms" {
	pool 1
	while read -r given shown seconds; do
		chg_ok reserve --duration "$given"
		assert_equal "${stdout%%$'\n'*}" "Reserved 1 GPU(s): [0] for ${shown//_/ }"
		if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
			assert_equal "$(db 'SELECT (expiry_ns - start_ns) / 1000000000 FROM reservations')" "$seconds"
		fi
		chg_ok release
	done <<-'END'
		30s 0h_0m_30s 30
		30m 0h_30m_0s 1800
		2h 2h_0m_0s 7200
		1d 24h_0m_0s 86400
		0.5h 0h_30m_0s 1800
		1h30m 1h_30m_0s 5400
		1d2h3m4s 26h_3m_4s 93784
		1.5d 36h_0m_0s 129600
		90m 1h_30m_0s 5400
		3650d 87600h_0m_0s 315360000
	END
}

@test "durations that make no sense are refused" {
	pool 1
	for duration in 0 0s 0h0m -1h -30m '' ' ' h 30 1.5 1h-30m 30m1h 1h1h 5x '1h ' ' 1h' 1e3h inf nan 3651d \
		99999999999999999999h 9223372036854775807s 1H 0x10m; do
		chg reserve --duration "$duration"
		assert_error 2 --duration
	done
	assert_equal "$(held)" ''
}

@test "--short prints the ids and a newline, byte for byte" {
	pool 4
	chg_ok reserve --gpu-ids 1,3 --short
	printf '1,3\n' | cmp - "$WORLD/stdout"
	assert_stderr ''
	chg_ok reserve --short
	printf '0\n' | cmp - "$WORLD/stdout"
}

@test "what --short prints works as CUDA_VISIBLE_DEVICES, and a refusal prints nothing there" {
	pool 2
	in_world sh -c 'CUDA_VISIBLE_DEVICES=$(canhazgpu reserve --gpus 2 --short) && export CUDA_VISIBLE_DEVICES &&
		echo "$CUDA_VISIBLE_DEVICES"' >"$WORLD/out"
	assert_equal "$(cat "$WORLD/out")" 0,1
	chg reserve --short
	assert_status 1
	assert_stdout ''
}

@test "a name in an error is harmless on a terminal" {
	pool 1
	chg_ok reserve --user $'e\e[31mvil\nError: none'
	chg reserve --gpu-ids 0
	assert_error 1 'reserved by e\x1b[31mvil\x0aError: none ('"$(id -un)"') (manual)'
}

@test "the threshold: at it a GPU is free, one above it is in use; flag, environment and file" {
	pool 1
	fake_state '{"gpus": [{"memory_used_mb": 1024}]}'
	chg_ok reserve
	chg_ok release
	fake_state '{"gpus": [{"memory_used_mb": 1025}]}'
	chg reserve
	assert_error 1 '1 GPUs in use without reservation'
	chg_ok reserve --memory-threshold 1025
	chg_ok release

	world_set CANHAZGPU_MEMORY_THRESHOLD=1025
	chg_ok reserve
	chg_ok release
	chg reserve --memory-threshold 1024
	assert_error 1 'in use without reservation'
	world_unset CANHAZGPU_MEMORY_THRESHOLD

	printf 'memory:\n  threshold: 1025\n' >"$WORLD/config.yaml"
	chg_ok --config "$WORLD/config.yaml" reserve
	chg_ok release
	cp "$WORLD/config.yaml" "$WORLD/home/.canhazgpu.yaml"
	chg_ok reserve
	chg_ok release
	world_set CANHAZGPU_MEMORY_THRESHOLD=1024
	chg reserve
	assert_error 1 'in use without reservation'
	chg_ok reserve --memory-threshold 2000
}

@test "note and user are kept, within limits" {
	pool 3
	note=$(printf 'n%.0s' {1..1024}) user=$(printf 'u%.0s' {1..64})
	chg_ok reserve --note "$note" --user "$user"
	chg_ok status --json
	assert_json '.[0].note' "$note"
	assert_json '.[0].user' "$user"
	chg reserve --note "${note}n"
	assert_error 2 '--note is 1025 bytes long (at most 1024)'
	chg reserve --user "${user}u"
	assert_error 2 '--user is 65 bytes long (at most 64)'
	chg reserve --user ''
	assert_error 2 '--user needs a name'
	chg_ok reserve --note ''
	chg_ok status --json
	assert_json '.[1] | "\(.status) \(has("note"))"' 'IN_USE false'
}

@test "defaults from the environment and the configuration file" {
	pool 8
	world_set CANHAZGPU_RESERVE_DURATION=3h
	printf 'reserve:\n  gpus: 2\n  duration: "1h"\n  note: from the file\n' >"$WORLD/home/.canhazgpu.yaml"
	chg_ok reserve
	assert_equal "${stdout%%$'\n'*}" 'Reserved 2 GPU(s): [0, 1] for 3h 0m 0s'
	chg_ok status --json
	assert_json '.[0].note' 'from the file'
	chg_ok reserve --gpus 1 --duration 30m --note ''
	assert_equal "${stdout%%$'\n'*}" 'Reserved 1 GPU(s): [2] for 0h 30m 0s'
	world_set CANHAZGPU_RESERVE_DURATION=soon
	chg reserve
	assert_error 2 'CANHAZGPU_RESERVE_DURATION'
}

@test "GPUs that nobody could be told of are not kept" {
	[ -w /dev/full ] || skip 'no /dev/full'
	pool 1
	local status=0
	in_world sh -c 'canhazgpu reserve --short >/dev/full' 2>"$WORLD/stderr" || status=$?
	assert_equal "$status" 1
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
}

@test "nor are those whose reader is gone" {
	pool 1
	mkfifo "$WORLD/pipe"
	# Opened for both, then closed for reading before anything is written.
	in_world sh -c 'exec 3<>"$1" 4>"$1"; exec 3<&-; canhazgpu reserve --short >&4 4>&-' sh "$WORLD/pipe" || true
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
}

@test "--reuse takes what one holds, and reserves only if there is no such reservation" {
	pool 4
	chg_ok reserve --reuse
	assert_stdout_has 'Reserved 1 GPU(s): [0] for 8h 0m 0s'
	chg_ok reserve --reuse
	[[ $stdout =~ ^Using\ 1\ GPU\(s\):\ \[0\],\ which\ you\ hold\ until\ [0-9-]+\ [0-9:]+$'\n' ]] || fail_with 'other words'
	assert_stdout_has 'export CUDA_VISIBLE_DEVICES=0'
	chg_ok reserve --reuse --short
	assert_stdout 0
	chg_ok reserve --reuse --wait --short
	assert_stdout 0
	chg_ok reserve --reuse --gpus 2 --short
	assert_stdout 1,2
	chg_ok reserve --reuse --gpus 2 --short
	assert_stdout 1,2
	chg_ok reserve --reuse --gpu-ids 0 --short
	assert_stdout 0
	chg_ok reserve --reuse --gpu-ids 3 --short
	assert_stdout 3
	assert_equal "$(held)" '0 1 2 3'
	chg_ok release
	chg reserve --reuse --force
	assert_error 2 '--reuse cannot be used with --force, --linked or --same-numa'
}

@test "--reuse: shells that start at once share one GPU" {
	need_sqlite
	pool 8
	for i in 1 2 3 4 5 6; do
		start_background "shell$i" canhazgpu reserve --reuse --short
	done
	for i in 1 2 3 4 5 6; do
		wait_background "shell$i"
		assert_status 0
		assert_equal "$(cat "$WORLD/shell$i.out")" 0
	done
	assert_equal "$(held)" 0
}
