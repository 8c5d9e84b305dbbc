#!/usr/bin/env bats
# The clock of the host is set, it is renamed, or a holder cannot be seen: nobody loses a GPU who lives, and
# everybody is charged for what they had.
# stores: any

load run_helpers

in_namespace() {
	unshare --mount --pid --fork --mount-proc true 2>/dev/null || skip 'no pid namespaces here'
}

# hold_unseen NAME [OPTIONS]: like hold, in a pid namespace of its own: nobody outside sees whether it lives.
# $command and $supervisor are as the host counts.
hold_unseen() {
	local pid
	in_namespace
	start_background "$1" unshare --mount --pid --fork --mount-proc env CANHAZGPU_RUN_HEARTBEAT=1s canhazgpu run "${@:2}" -- sleep 1000
	command=
	supervisor=
	wait_until 'find_unseen'
}

find_unseen() {
	local pid
	for pid in $(world_processes); do
		! is_called "$pid" sleep || command=$pid
		! is_supervisor "$pid" || is_supervisor "$(process_field "$pid" 4)" || supervisor=$pid
	done
	[ -n "$command" ] && [ -n "$supervisor" ]
}

heartbeat() {
	db 'SELECT heartbeat_ns FROM reservations'
}

# The supervisor has stored one more heartbeat.
assert_renewed() {
	local before
	before=$(heartbeat)
	wait_until '[ "$(heartbeat)" != "'"$before"'" ]'
}

# As a reservation of the release before: nothing tells by which clock its times were taken.
forget_clock() {
	db 'UPDATE reservations SET clock = NULL'
}

doubts() {
	db 'SELECT count(*) FROM reservations WHERE doubt_wall_ns <> 0 AND doubt_heartbeat_ns = heartbeat_ns'
}

# What each record has charged, in whole seconds, oldest first.
charged() {
	db "SELECT reason || ' ' || ((end_ns - start_ns) / 1000000000) FROM usage_history ORDER BY start_ns" | paste -sd ' '
}

setup() {
	world_open
	need_sqlite
	use_clock
}

# ---- runs ----

@test "the clock is set by 10 minutes while a run lives in a pid namespace of its own: it keeps its GPU" {
	pool 1
	hold_unseen job
	for set in 600 864000 -600; do
		set_clock "$set"
		chg reserve
		assert_error 1 'Not enough GPUs available'
		assert_equal "$(held)" 0
		assert_equal "$(usage_history)" ''
	done
	kill "$command"
	wait_until '[ "$(held)" = "" ]'
	# However the clock was set, it is charged for the seconds that it took.
	[[ $(charged) =~ ^released\ [0-9]{1,2}$ ]] || fail_with "charged: $(charged)"
}

@test "a waiting request gets the GPU of a run out of sight after two looks, not after one" {
	pool 1
	hold_unseen job
	forget_clock
	# Between two heartbeats the clock is set, and several look.
	stop_now "$supervisor"
	set_clock 600
	chg reserve
	assert_error 1 'Not enough GPUs available'
	assert_equal "$(doubts) $(held)" '1 0'
	chg_ok status --json
	assert_json '.[0].details | test("^heartbeat 0h 10m [0-9]+s ago, released unless one follows$")' true
	kill -CONT "$supervisor"
	assert_renewed
	assert_equal "$(doubts)" 0
	set_clock 600 120
	assert_equal "$(held)" 0
	# Now it is gone.
	kill -KILL "$supervisor" "$command"
	wait_until 'is_gone $command'
	start_background waits canhazgpu reserve --wait --short
	set_clock 600 1000
	wait_until '[ "$(held)" = 0 ] && [ "$(doubts)" = 1 ]'
	assert_equal "$(usage_history)" ''
	set_clock 600 1030
	assert_equal "$(held)" 0
	assert_equal "$(usage_history)" ''
	set_clock 600 1100
	chg status
	wait_background waits
	assert_status 0
	assert_equal "$(usage_history | cut -d ' ' -f 1-3)" '0 run stale'
}

# The supervisor is stopped until its run has been taken for dead.
take_for_dead() {
	pool 1
	hold_unseen job "$@"
	stop_now "$supervisor"
	set_clock 0 400
	assert_equal "$(held)" 0
	set_clock 0 500
	assert_equal "$(held)" ''
	assert_equal "$(usage_history | cut -d ' ' -f 1-3)" '0 run stale'
}

@test "a run that was taken for dead takes its GPU back, and no hour is charged twice or not at all" {
	take_for_dead
	kill -CONT "$supervisor"
	wait_until '[ "$(held)" = 0 ]'
	wait_until 'has_line "$WORLD/job.err" "canhazgpu: GPU(s) [0] had been released, because no heartbeat of this run had been seen"'
	kill "$command"
	wait_until '[ "$(held)" = "" ]'
	assert_equal "$(usage_history | cut -d ' ' -f 3 | paste -sd ' ')" 'stale released'
	assert_equal "$(db 'SELECT count(DISTINCT reservation_id), count(*),
		max(start_ns) - min(end_ns) FROM usage_history')" '1|2|0'
}

@test "a run that was taken for dead begins again where somebody else has left off" {
	take_for_dead
	chg_ok reserve --short
	set_clock 0 800
	chg_ok release
	kill -CONT "$supervisor"
	wait_until '[ "$(held)" = 0 ]'
	assert_equal "$(db "SELECT (SELECT start_ns FROM reservations) - end_ns FROM usage_history
		WHERE type = 'manual'")" 0
}

@test "a run whose GPU was given to somebody else is told so, and --on-lost is followed" {
	for lost in warn kill; do
		take_for_dead --on-lost "$lost"
		chg_ok reserve --user bob --short
		kill -CONT "$supervisor"
		wait_until 'has_line "$WORLD/job.err" "canhazgpu: GPU 0 was given to bob ($(id -un)), because no heartbeat of this run had been seen (was the clock of this host set?); the command "'
		[ "$lost" = kill ] || assert_alive "$command"
		[ "$lost" = warn ] || wait_until 'is_gone $command'
		kill -KILL "$command" 2>/dev/null || true
		wait_until '[ -z "$(supervisors)" ]'
		chg_ok release
		forget_pool
		set_clock 0
	done
}

@test "the time limit of a run is not that of the wall clock" {
	pool 1
	hold job --timeout 1h
	set_clock 7200
	chg_ok status --json
	assert_json '.[0].status' IN_USE
	assert_alive "$command"
	set_clock -7200
	assert_equal "$(held)" 0
	assert_alive "$command"
}

# ---- reservations by hand ----

@test "a reservation for an hour lasts an hour, however the clock is set" {
	pool 1
	for set in 600 864000 -864000; do
		set_clock 0
		chg_ok reserve --duration 1h
		set_clock "$set" 3500
		chg_ok status --json
		assert_json '.[0] | "\(.status) \(.duration[0:6]) \(.details[0:16])"' 'IN_USE 0h 58m expires in 0h 1m'
		set_clock "$set" 3601
		chg_ok status --json
		assert_json '.[0].status' AVAILABLE
		assert_equal "$(charged)" 'expired 3600'
		db 'DELETE FROM usage_history'
	done
}

# stepping N ARGUMENTS...: canhazgpu, while which the clock is set, when it is read for the Nth time.
stepping() {
	set_clock 0
	in_world env CANHAZGPU_STUB_CLOCK_STEP="$1" canhazgpu "${@:2}" >/dev/null
}

@test "the clock is set between any two readings of a command: what it grants and ends is charged for what it took" {
	pool 1
	for n in $(seq 12); do
		chg_ok reserve --duration 1h
		stepping "$n" release
		stepping "$n" reserve --duration 1h
		chg_ok release
	done
	assert_equal "$(db 'SELECT count(*) FROM usage_history')" 24
	assert_equal "$(db 'SELECT count(*) FROM usage_history WHERE end_ns - start_ns > 60000000000')" 0
	assert_equal "$(db 'SELECT count(*) FROM usage_history WHERE end_ns = start_ns')" 0
}

@test "the clock is set between any two readings of a run: it starts, and is charged for what it took" {
	pool 1
	for n in $(seq 16); do
		stepping "$n" run -- true
		wait_until '[ -z "$(supervisors)" ]'
	done
	assert_equal "$(db 'SELECT count(*) FROM usage_history WHERE end_ns - start_ns BETWEEN 1 AND 60000000000')" 16
}

# ---- names ----

@test "a hostname that changes keeps its runs, and what has ended is freed at once" {
	need_root
	unshare --uts true 2>/dev/null || skip 'no UTS namespaces here'
	pool 1
	hold job
	stop_now "$supervisor"
	renamed() {
		in_world unshare --uts sh -c 'hostname renamed && exec canhazgpu "$@"' sh "$@"
	}
	db 'UPDATE reservations SET heartbeat_ns = 1, clock = NULL'
	for _ in 1 2; do
		gpus_in_use "$(renamed status --json)"
		assert_equal "$(held)" 0
		set_clock 0 1000
	done
	kill_now "$supervisor" "$command"
	renamed status >/dev/null
	assert_equal "$(usage_history | cut -d ' ' -f 1-3)" '0 run holder-died'
}

@test "a time namespace shifts the clock by which processes have started: nobody's GPU is taken for free" {
	unshare --time --boottime 86400 true 2>/dev/null || skip 'no time namespaces here'
	pool 2
	hold job
	in_world unshare --time --fork --boottime 86400 canhazgpu status --json >"$WORLD/inside"
	assert_equal "$(jq -r '.[0].status' "$WORLD/inside") $(held)" 'IN_USE 0'
	start_background inside unshare --time --boottime -60 canhazgpu run -- sleep 1000
	wait_until '[ "$(held)" = "0 1" ]'
	wait_until 'is_called "$background_pid" sleep'
	chg_ok status --json
	assert_json '[.[].status] | join(" ")' 'IN_USE IN_USE'
	assert_equal "$(held)" '0 1'
	kill "$background_pid" "$command"
	wait_until '[ "$(held)" = "" ]'
}
