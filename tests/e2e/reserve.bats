#!/usr/bin/env bats
# canhazgpu reserve: which GPUs, for how long, and what it says when it refuses.

load helpers

ME=$(id -un)

# The ids of reserved GPUs, like "0 2".
held() {
	chg_ok status --json
	json_get 'map(select(.status == "IN_USE").gpu_id) | join(" ")'
}

# busy ID...: these GPUs are in use from now on, by nobody knows whom.
busy() {
	fake_state "$(jq -nc '{gpus: ($ARGS.positional | map({index: tonumber, memory_used_mb: 9000}))}' --args "$@")"
}

@test "without options: one GPU for 8 hours, and how to use it" {
	pool 4
	chg reserve
	assert_status 0
	assert_stdout "$(cat <<-'END'
	Reserved 1 GPU(s): [0] for 8h 0m 0s
	To use them, run:
	  export CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0
	END
	)"
	assert_stderr ''
	assert_equal "$(held)" 0
	chg_ok status --json
	assert_json '.[0].details | test("^expires in (7h 59m [0-9]+|8h 0m 0)s$")' true
}

@test "a number of GPUs, all in one reservation" {
	pool 4
	chg_ok reserve --gpus 3
	assert_equal "${stdout%%$'\n'*}" 'Reserved 3 GPU(s): [0, 1, 2] for 8h 0m 0s'
	assert_stdout_has 'CUDA_VISIBLE_DEVICES=0,1,2'
	chg_ok status --json
	assert_json 'map(.reservation_id) | unique | length' 2
}

@test "GPUs by id, in any order, and as ranges" {
	pool 8
	chg_ok reserve --gpu-ids 3,1 --duration 2h
	assert_equal "${stdout%%$'\n'*}" 'Reserved 2 GPU(s): [1, 3] for 2h 0m 0s'
	chg_ok reserve -G 5-7,0
	assert_equal "${stdout%%$'\n'*}" 'Reserved 4 GPU(s): [0, 5, 6, 7] for 8h 0m 0s'
	chg_ok reserve --gpu-ids=4-4
	assert_equal "$(held)" '0 1 3 4 5 6 7'
}

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

@test "not enough: the exact text, with the numbers of that moment" {
	pool 2
	busy 1
	chg reserve --gpus 2
	assert_error 1 ''
	assert_stderr "Error: Not enough GPUs available. Requested: 2, Available: 1 (1 GPUs in use without reservation - run 'canhazgpu status' for details)"
	assert_equal "$(held)" ''
	busy 0 1
	chg reserve
	assert_error 1 ''
	assert_stderr "Error: Not enough GPUs available. Requested: 1, Available: 0 (2 GPUs in use without reservation - run 'canhazgpu status' for details)"
	fake_state '{}'
	chg_ok reserve
	chg reserve --gpus 2
	assert_error 1 ''
	assert_stderr 'Error: Not enough GPUs available. Requested: 2, Available: 1'
}

@test "reserved GPUs that are in use are not counted as use without reservation" {
	pool 4
	chg_ok reserve --gpu-ids 0,1
	busy 0 1 2
	chg reserve --gpus 2
	assert_error 1 ''
	assert_stderr "Error: Not enough GPUs available. Requested: 2, Available: 1 (1 GPUs in use without reservation - run 'canhazgpu status' for details)"
}

@test "a GPU by id that is not to be had: who has it" {
	pool 4
	chg_ok reserve --gpu-ids 0 --user alice
	busy 2
	chg reserve --gpu-ids 0,1
	assert_error 1 "GPU 0 is not available: reserved by alice (manual) - run 'canhazgpu status' for details"
	chg reserve --gpu-ids 1,2
	assert_error 1 "GPU 2 is not available: in use without reservation - run 'canhazgpu status' for details"
	fake_state '{"gpus": [{"index": 3, "memory_used_mb": null}]}'
	chg reserve --gpu-ids 1,3
	assert_error 1 "GPU 3 is not available: its use is unknown - run 'canhazgpu status' for details"
	assert_equal "$(held)" 0
}

@test "a name in an error is harmless on a terminal" {
	pool 1
	chg_ok reserve --user $'e\e[31mvil\nError: none'
	chg reserve --gpu-ids 0
	assert_error 1 'reserved by e\x1b[31mvil\x0aError: none (manual)'
}

@test "GPUs in unreserved use are left out, and taken with --force" {
	pool 4
	busy 0 2
	chg_ok reserve --gpus 2 --short
	assert_stdout 1,3
	chg_ok release
	chg_ok reserve --gpus 3 --force --short
	assert_stdout 0,1,3 # idle ones first
	chg_ok release
	chg_ok reserve --gpu-ids 0,2 --force --short
	assert_stdout 0,2
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.validation)"' 'IN_USE|9000MB, 0 processes'
}

@test "--force takes nobody's reservation" {
	pool 2
	chg_ok reserve --gpu-ids 0
	chg reserve --gpu-ids 0 --force
	assert_error 1 'reserved by'
	chg reserve --gpus 2 --force
	assert_error 1 'Requested: 2, Available: 1'
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

@test "who you are comes from the kernel, not from the environment" {
	pool 2
	for variable in USER LOGNAME USERNAME; do
		world_set "$variable=mallory"
	done
	chg_ok reserve
	world_unset USER
	world_unset LOGNAME
	chg_ok reserve
	chg_ok status --json
	assert_json 'map(.user) | unique | join(" ")' "$ME"
	chg_ok release
	assert_stdout 'Released 2 GPU(s): [0, 1]'
}

@test "--user is a label beside the account" {
	need_sqlite
	pool 1
	chg_ok reserve --user alice
	assert_equal "$(db 'SELECT user, account, uid FROM reservations')" "alice|$ME|$(id -u)"
}

@test "GPUs that this account used last come first" {
	pool 4
	chg_ok reserve --gpu-ids 2
	chg_ok release
	chg_ok reserve --gpu-ids 1
	chg_ok release
	chg_ok reserve --short
	assert_stdout 1
	chg_ok reserve --short
	assert_stdout 2
	chg_ok reserve --short
	assert_stdout 0
}

@test "among GPUs that this account never used, the one that is free the longest comes first" {
	need_root
	need_sqlite
	pool 4
	# Used by another account: 3 long ago, then 0, then 2. Nobody ever used 1.
	db "UPDATE gpus SET last_released_ns = 1000 WHERE id = 3;
	UPDATE gpus SET last_released_ns = 2000 WHERE id = 0;
	UPDATE gpus SET last_released_ns = 3000 WHERE id = 2;
	INSERT INTO usage_history VALUES (3000, 1, 'x', 'daemon', 'daemon', 1, 'manual', 2, 1, 'released', NULL)"
	for expected in 1 3 0 2; do
		chg_ok reserve --short
		assert_stdout "$expected"
	done
}

@test "a GPU in unreserved use is not taken, though it was used last" {
	pool 2
	chg_ok reserve --gpu-ids 1
	chg_ok release
	busy 1
	chg_ok reserve --short
	assert_stdout 0
}

@test "an expired reservation is in nobody's way, and is recorded as of its expiry" {
	need_sqlite
	pool 2
	chg_ok reserve --gpus 2 --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg_ok reserve --gpus 2
	assert_equal "$(usage_history)" "0 manual expired $ME"$'\n'"1 manual expired $ME"
	assert_equal "$(db 'SELECT DISTINCT end_ns FROM usage_history')" "$expiry"
	assert_equal "$(held)" '0 1'
}

@test "a refusal counts what has expired as free, and records it" {
	need_sqlite
	pool 3
	chg_ok reserve --gpu-ids 0 --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	chg_ok reserve --gpu-ids 1
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg reserve --gpus 3
	assert_error 1 ''
	assert_stderr 'Error: Not enough GPUs available. Requested: 3, Available: 2'
	assert_equal "$(usage_history)" "0 manual expired $ME"
}

@test "nobody waits for somebody else's slow driver, and what was decided meanwhile counts" {
	pool 2
	mkfifo "$WORLD/slow.json"
	start_background slow env CANHAZGPU_FAKE_STATE="$WORLD/slow.json" canhazgpu reserve --gpus 2
	exec 7>"$WORLD/slow.json" # opens when the other one reads: it is in the middle of its look at the GPUs
	chg_ok reserve --gpu-ids 1
	chg_ok release
	chg_ok reserve --gpu-ids 0 --user quick
	kill -0 "$background_pid"
	# It looks once more where its look has become old.
	echo '{}' >"$WORLD/slow.new"
	mv "$WORLD/slow.new" "$WORLD/slow.json"
	echo '{}' >&7
	exec 7>&-
	wait_background slow
	assert_equal "$status $(cat "$WORLD/slow.out" "$WORLD/slow.err")" \
		'1 Error: Not enough GPUs available. Requested: 2, Available: 1'
	chg_ok status --json
	assert_json 'map("\(.status) \(.user)") | join(", ")' 'IN_USE quick, AVAILABLE null'
}

@test "a refused request leaves no trace" {
	need_sqlite
	pool 2
	busy 1
	before=$(db .dump)
	chg reserve --gpus 2
	assert_status 1
	chg reserve --gpu-ids 7
	assert_status 1
	chg reserve --duration 0s
	assert_status 2
	assert_equal "$(db .dump)" "$before"
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
