#!/usr/bin/env bats
# Many at once, and killed at random: nobody loses, nobody gets what another has.
# stores: each

load helpers

# all_at_once N ARGUMENTS: starts canhazgpu N times at one moment, and waits for all of them. What
# they said is in s1.out and s1.err, how they ended in s1.status, and so on.
all_at_once() {
	local n=$1 i
	shift
	mkfifo "$WORLD/go"
	exec 9<>"$WORLD/go"
	for i in $(seq "$n"); do
		# shellcheck disable=SC2016
		start_background "s$i" sh -c 'read -r go <&9; exec 9>&-; exec canhazgpu "$@"' sh "$@"
	done
	printf "%${n}s" '' | tr ' ' '\n' >&9 # a line for each
	exec 9>&-
	for i in $(seq "$n"); do
		wait_background "s$i"
		echo "$status" >"$WORLD/s$i.status"
	done
}

# How many of them ended with that status.
ended_with() {
	cat "$WORLD"/s*.status | grep -cx "$1" || true
}

# Refusals without when there will be a GPU.
without_when() {
	sed -E 's/; (next free|--wait) .*//'
}

@test "64 at once on 64 GPUs: all succeed, on distinct GPUs" {
	pool 64
	all_at_once 64 reserve --short
	assert_equal "$(cat "$WORLD"/s*.err)" ''
	assert_equal "$(ended_with 0)" 64
	assert_equal "$(sort -n "$WORLD"/s*.out)" "$(seq 0 63)"
	chg_ok status --json
	assert_json 'all(.status == "IN_USE")' true
	assert_json 'map(.reservation_id) | unique | length' 64
}

@test "64 at once on 8 GPUs: exactly 8 succeed, the others are told true numbers" {
	pool 8
	all_at_once 64 reserve --short
	assert_equal "$(ended_with 0) $(ended_with 1)" '8 56'
	assert_equal "$(cat "$WORLD"/s*.out | sort -n)" "$(seq 0 7)"
	assert_equal "$(sort "$WORLD"/s*.err | without_when | uniq -c | sed 's/^ *//')" \
		'56 Error: Not enough GPUs available. Requested: 1, Available: 0'
}

@test "12 at once that want 3 of 8 GPUs: two get them, nobody gets a part" {
	pool 8
	all_at_once 12 reserve --gpus 3 --short
	assert_equal "$(ended_with 0) $(ended_with 1)" '2 10'
	assert_equal "$(cat "$WORLD"/s*.out | tr , '\n' | sort -u | wc -l)" 6
	assert_equal "$(sort "$WORLD"/s*.err | without_when | uniq -c | sed 's/^ *//')" \
		'10 Error: Not enough GPUs available. Requested: 3, Available: 2'
	chg_ok status --json
	assert_json 'map(select(.status == "AVAILABLE")) | length' 2
}

@test "16 at once that want the same GPU: one gets it" {
	pool 4
	all_at_once 16 reserve --gpu-ids 2 --short
	assert_equal "$(ended_with 0) $(ended_with 1)" '1 15'
	assert_equal "$(cat "$WORLD"/s*.err | without_when | sort -u)" \
		"Error: GPU 2 is not available: reserved by $(id -un) (manual), your own reservation - 'canhazgpu run --gpu-ids 2' runs there, 'canhazgpu extend' prolongs it"
}

@test "24 runs at once on 24 GPUs: each has its own, and all are free afterwards" {
	pool 24
	all_at_once 24 run -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_equal "$(ended_with 0)" 24
	assert_no_processes
	# One that had ended may have left its GPU to one that started late.
	assert_equal "$(cat "$WORLD"/s*.out | wc -l)" 24
	chg_ok status --json
	assert_json 'all(.status == "AVAILABLE")' true
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		assert_equal "$(usage_history | grep -c ' run released ')" 24
		assert_equal "$(db 'SELECT count(*) FROM usage_history a JOIN usage_history b ON a.gpu = b.gpu
			AND a.key < b.key AND a.start_ns < b.end_ns AND b.start_ns < a.end_ns')" 0
	fi
}

# Finds how long a victim lives at most, for a start: twice what it needs, under the load of six of them.
measure_life() {
	local begin=${EPOCHREALTIME/./} i pids=()
	for i in 1 2 3 4 5 6; do
		in_world canhazgpu status >"$WORLD/stdout" &
		pids+=("$!")
	done
	wait "${pids[@]}"
	life_ms=$(((${EPOCHREALTIME/./} - begin) / 1000 * 2 + 2))
	[ "$life_ms" -lt 999 ] || life_ms=999
}

# Starts a command, and kills it at a random moment. What it printed is in $WORLD/victim.NAME.
# (The pause is the moment of death, not a synchronisation.)
victim() {
	local name=$1 pid
	shift
	(exec env -i "${world_environment[@]}" "$@" >"$WORLD/victim.$name" 2>/dev/null 3>&- 4>&-) &
	pid=$!
	sleep "0.$(printf %03d $((RANDOM % life_ms)))"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# One of several that reserve and release, and die at it.
mortal() {
	local i
	RANDOM=$1
	for i in $(seq 12); do
		victim "$1-$i" canhazgpu reserve --short --duration 1h --user "$1-$i"
		# The load is not what it was when that was measured: who had time to finish shortens the next life.
		if [ -s "$WORLD/victim.$1-$i" ]; then
			life_ms=$((life_ms / 2 + 1))
		else
			life_ms=$((life_ms < 500 ? life_ms * 2 : 999))
		fi
		[ $((RANDOM % 3)) -gt 0 ] || victim "$1-$i-release" canhazgpu release
	done
}

@test "killed at random: what was acknowledged is there or in the history, once, and the pool is sound" {
	need_sqlite
	pool 64
	measure_life
	for worker in 1 2 3 4 5 6; do
		mortal "$worker" &
		workers+=("$!")
	done
	wait "${workers[@]}"
	assert_equal "$(db 'PRAGMA integrity_check')" ok
	assert_equal "$(db 'PRAGMA foreign_key_check')" ''
	assert_equal "$(db 'SELECT count(*) FROM reservations WHERE id NOT IN (SELECT reservation_id FROM gpus WHERE reservation_id IS NOT NULL)')" 0
	acknowledged=0
	for worker in 1 2 3 4 5 6; do
		for i in $(seq 12); do
			known=$(db "SELECT count(*) FROM (SELECT id FROM reservations WHERE user = '$worker-$i'
				UNION ALL SELECT reservation_id FROM usage_history WHERE user = '$worker-$i')")
			if [ -s "$WORLD/victim.$worker-$i" ]; then
				acknowledged=$((acknowledged + 1))
				assert_equal "$worker-$i: $known" "$worker-$i: 1"
			else
				[ "$known" -le 1 ] || fail_with "$worker-$i is there $known times"
			fi
		done
	done
	# Of 72: if none or all of them had time to finish, nothing was tried.
	[ "$acknowledged" -gt 0 ] && [ "$acknowledged" -lt 72 ] || fail_with "$acknowledged acknowledged"
	chg_ok status
	chg_ok release
	chg_ok reserve --gpus 64
}

@test "runs killed at random leave no GPU behind" {
	pool 4
	measure_life
	RANDOM=4
	for i in $(seq 24); do
		victim "$i" canhazgpu run -- sh -c 'echo here; exec sleep 1000'
	done
	wait_until 'chg status -j; [ "$(json_get "map(select(.status == \"AVAILABLE\")) | length")" = 4 ]' 30
	assert_no_processes 30
	chg_ok reserve --gpus 4
}

# Some work without being killed: every answer must be one that makes sense.
immortal() {
	local i
	for i in $(seq 5); do
		in_world canhazgpu run --gpus 2 -- true 2>&1 | grep -vE '^(Reserved 2 GPU|Error: Not enough GPUs)' || true
		in_world canhazgpu reserve --duration 1h 2>&1 >/dev/null | grep -v '^Error: Not enough GPUs' || true
		in_world canhazgpu status --json | jq -e 'length == 4' >/dev/null || echo "status $i"
		in_world canhazgpu release 2>&1 >/dev/null || echo "release $i"
	done
}

@test "everything at once: no answer but those that make sense" {
	pool 4
	for worker in 1 2 3 4 5 6; do
		immortal >"$WORLD/said.$worker" 2>&1 &
		workers+=("$!")
	done
	wait "${workers[@]}"
	assert_equal "$(cat "$WORLD"/said.*)" ''
	assert_no_processes
	chg_ok release
	chg_ok status --json
	assert_json 'all(.status == "AVAILABLE")' true
}
