#!/usr/bin/env bats
# canhazgpu reserve: which GPUs, for how long, and what it says when it refuses.
# stores: each

load helpers

ME=$(id -un)

# busy ID...: these GPUs are in use from now on, by nobody knows whom.
busy() {
	fake_state "$(jq -nc '{gpus: ($ARGS.positional | map({index: tonumber, memory_used_mb: 9000}))}' --args "$@")"
}

# assert_refused TEXT: that, and when the next GPU is free (answers.bats looks closer).
assert_refused() {
	[[ $(cat "$WORLD/stderr") =~ ^"Error: $1; next free about "[0-9:]{5}" (GPU "[0-9]+", $ME); --wait queues"$ ]] ||
		fail_with "$(cat "$WORLD/stderr")"
}

@test "without options: one GPU for 8 hours, and how to use it" {
	pool 4
	chg reserve
	assert_status 0
	assert_stdout "$(cat <<-'END'
	Reserved 1 GPU(s): [0] for 8h 0m 0s
	To use them, run:
	  export CUDA_DEVICE_ORDER=PCI_BUS_ID
	  export CUDA_VISIBLE_DEVICES=0
	  export NVIDIA_VISIBLE_DEVICES=GPU-fake-0
	  export APPTAINERENV_CUDA_DEVICE_ORDER=PCI_BUS_ID
	  export APPTAINERENV_CUDA_VISIBLE_DEVICES=0
	  export APPTAINERENV_NVIDIA_VISIBLE_DEVICES=GPU-fake-0
	  export SINGULARITYENV_CUDA_DEVICE_ORDER=PCI_BUS_ID
	  export SINGULARITYENV_CUDA_VISIBLE_DEVICES=0
	  export SINGULARITYENV_NVIDIA_VISIBLE_DEVICES=GPU-fake-0
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

@test "--export prints what run sets, as lines for eval, and nothing else there" {
	pool 4
	fake_state '{"gpus": [{"index": 2, "uuid": "GPU-it'"'"'s $(odd)"}]}'
	# shellcheck disable=SC2016
	in_world sh -c 'before=$(env | sort) && eval "$(canhazgpu reserve --gpu-ids 0,2 --export)" && env | grep -v ^PWD= | sort' \
		>"$WORLD/reserve" 2>"$WORLD/stderr"
	assert_equal "$(cat "$WORLD/stderr")" 'Reserved 2 GPU(s): [0, 2] for 8h 0m 0s'
	chg_ok release
	in_world canhazgpu run --gpu-ids 0,2 -- env 2>/dev/null | grep -v RESERVATION_ID | sort >"$WORLD/run"
	assert_equal "$(diff "$WORLD/reserve" "$WORLD/run")" ''
	grep -Fqx 'CUDA_VISIBLE_DEVICES=0,2' "$WORLD/reserve"
	grep -Fqx "APPTAINERENV_NVIDIA_VISIBLE_DEVICES=GPU-fake-0,GPU-it's \$(odd)" "$WORLD/reserve"
}

@test "--export: a refusal prints a line that fails, and it excludes --short" {
	pool 1
	chg_ok reserve
	chg reserve --export
	assert_status 1
	assert_stdout false
	chg reserve --export --short
	assert_stdout false
	assert_stderr_has '--export, --short and --id: only one of them at a time'
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
	assert_refused 'Not enough GPUs available. Requested: 2, Available: 1'
}

@test "reserved GPUs that are in use are not counted as use without reservation" {
	pool 4
	chg_ok reserve --gpu-ids 0,1
	busy 0 1 2
	chg reserve --gpus 2
	assert_error 1 ''
	assert_refused "Not enough GPUs available. Requested: 2, Available: 1 (1 GPUs in use without reservation - run 'canhazgpu status' for details)"
}

@test "a GPU by id that is not to be had: who has it" {
	pool 4
	chg_ok reserve --gpu-ids 0 --user alice
	busy 2
	chg reserve --gpu-ids 0,1
	assert_error 1 "GPU 0 is not available: reserved by alice ($ME) (manual), your own reservation - 'canhazgpu run --gpu-ids 0' runs there, 'canhazgpu extend' prolongs it"
	chg reserve --gpu-ids 1,2
	assert_error 1 "GPU 2 is not available: in use without reservation - run 'canhazgpu status' for details"
	fake_state '{"gpus": [{"index": 3, "memory_used_mb": null}]}'
	chg reserve --gpu-ids 1,3
	assert_error 1 "GPU 3 is not available: its use is unknown - run 'canhazgpu status' for details"
	assert_equal "$(held)" 0
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
	INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor) VALUES (3000, 1, 'x', 'daemon', 'daemon', 1, 'manual', 2, 1, 'released', NULL)"
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
	assert_refused 'Not enough GPUs available. Requested: 3, Available: 2'
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
	assert_equal "$status $(cat "$WORLD/slow.out" "$WORLD/slow.err" | sed 's/; next free.*//')" \
		'1 Error: Not enough GPUs available. Requested: 2, Available: 1'
	chg_ok status --json
	assert_json 'map("\(.status) \(.user)") | join(", ")' 'IN_USE quick, AVAILABLE null'
}

@test "a refused request leaves no trace but one event" {
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
	assert_equal "$(db .dump | grep -v '^INSERT INTO events')" "$(grep -v '^INSERT INTO events' <<<"$before")"
	assert_equal "$(db "SELECT kind FROM events WHERE kind NOT IN ('admin', 'granted')")" requested
}
