#!/usr/bin/env bats
# What reservations do with their GPUs: seen by status and by supervisors, kept in the store, shown, and told once.
# stores: any

bats_require_minimum_version 1.5.0
load helpers
load run_helpers
load web_helpers

# The card of the only GPU from now on: these members besides its number.
card() {
	fake_state "{\"gpus\": [{\"index\": 0, $1}]}"
}

# look SECONDS [ARGUMENTS]: status, so many seconds after the start; what it has seen is stored when that returns.
look() {
	set_clock "${wall:-0}" "$1"
	in_world env "LOOKING=$WORLD" canhazgpu status --fresh "${@:2}" >"$WORLD/looked"
	# Of what the caller has open, nothing is in that process.
	while grep -aqs "^LOOKING=$WORLD" -z /proc/[0-9]*/environ; do sleep 0.01; done
}

# A member of the GPU in the document of the last look; null: it has none.
seen() {
	jq -c ".[0].$1" "$WORLD/looked"
}

# near FOUND EXPECTED: seconds, of which some more pass besides those that set_clock makes.
near() {
	[ "$1" -ge "$2" ] || fail_with "got '$1', expected '$2' or a little more"
	[ "$1" -le $(($2 + 25)) ] || fail_with "got '$1', expected '$2' or a little more"
}

# The seconds that the report calls active or idle.
reported() {
	chg_ok report --idle --json
	jq ".$1_hours * 3600 | round" "$WORLD/stdout"
}

@test "status sees a GPU become idle, and used again: it is shown, told once, and reported" {
	pool 1
	use_clock
	chg_ok reserve --duration 8h
	card '"memory_used_mb": 8000, "utilization_percent": 70'
	look 1 --json
	assert_equal "$(seen idle_seconds)" null
	card '"memory_used_mb": 8000'
	for minute in $(seq 10); do
		look $((minute * 60))
	done
	grep -q '8000MB, 0 processes$' "$WORLD/looked"
	look 660
	grep -q '8000MB, 0 processes, idle 0h 10m$' "$WORLD/looked"
	# Whoever sets the clock changes nothing.
	wall=86400 look 720 --json
	near "$(seen idle_seconds)" 660
	[ "$(seen last_active)" != null ]
	chg_ok events --since 3d --kind idle --json
	assert_json '.events | map(.gpus) | tojson' '[[0]]'
	card '"memory_used_mb": 8001'
	look 725 --json
	assert_equal "$(seen idle_seconds)" null
	look 790
	chg_ok events --since 3d --kind active --json
	assert_json '.events | length' 1
	# The first look and the one with other memory; the others.
	near "$(reported active)" 5
	near "$(reported idle)" 780
	chg_ok release
	near "$(reported active)" 5
	near "$(reported idle)" 780
}

@test "what the driver does not tell is unknown, and so is the time between looks that are far apart" {
	pool 1
	use_clock
	chg_ok reserve --duration 8h
	card '"memory_used_mb": 500, "utilization_percent": null'
	for minute in 1 2 3; do
		look $((minute * 60)) --json
	done
	assert_equal "$(seen idle_seconds) $(seen last_active)" 'null null'
	card '"memory_used_mb": 500'
	look 240
	look 7200 --json
	near "$(seen idle_seconds)" 0
	assert_equal "$(reported active)" 0
	near "$(reported idle)" 60
	# With a counter of energy that shows nothing, ten minutes are not too far apart; and it shows what happened.
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 0'
	look 7260
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 41300000'
	look 7850 --json
	near "$(seen idle_seconds)" 650
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 48000000'
	look 7920 --json
	assert_equal "$(seen idle_seconds)" null
}

@test "what status records in the background holds nothing of its caller's" {
	need_sqlite
	pool 1
	chg_ok reserve --duration 8h
	# While somebody writes it waits.
	start_background holder flock "$WORLD/pool.db.lock" sleep 1000
	wait_until '! flock -n "$WORLD/pool.db.lock" true'
	in_world flock "$WORLD/held" canhazgpu status --json >"$WORLD/looked"
	flock -n "$WORLD/held" true
	[ "$(seen status)" = '"IN_USE"' ]
}

@test "another reservation begins with nothing" {
	pool 1
	use_clock
	chg_ok reserve --duration 8h
	look 60
	look 120 --json
	near "$(seen idle_seconds)" 60
	chg_ok release
	chg_ok reserve --duration 8h
	look 121 --json
	near "$(seen idle_seconds)" 0
}

@test "the supervisor of a run looks after its heartbeats, and asks a slow driver rarely" {
	use_nvml
	gpus='"gpus": [{"uuid": "GPU-a", "memory": [81559, 600, 0], "utilization": 0}]'
	nvml_state "{$gpus}"
	chg_ok admin --provider nvidia
	nvml_state "{$gpus, \"delays\": {\"nvmlInit\": 1200}, \"log\": \"$WORLD/asked\"}"
	world_set CANHAZGPU_RUN_HEARTBEAT=1s
	hold run
	wait_until '[ "$(wc -l <"$WORLD/asked")" -ge 2 ]'
	wait_until '[ "$(reported idle)" != 0 ]'
	asked=$(wc -l <"$WORLD/asked")
	sleep 2.5
	assert_equal "$(wc -l <"$WORLD/asked")" "$asked"
	kill "$command"
}

@test "the web server looks, too: the store knows it, and the metrics show it" {
	pool 2
	web
	chg_ok reserve --gpu-ids 0 --duration 8h
	fake_state '{"gpus": [{"index": 0, "utilization_percent": 50}]}'
	wait_until 'get_ok /metrics; grep -q "^canhazgpu_gpu_idle_seconds{gpu=\"0\"} 0$" "$WORLD/stdout"'
	run ! grep -q '^canhazgpu_gpu_idle_seconds{gpu="1"}' "$WORLD/stdout"
	wait_until 'chg_ok report --idle --json; jq -e ".active_hours > 0" "$WORLD/stdout"'
}
