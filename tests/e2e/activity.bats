#!/usr/bin/env bats
# What reservations do with their GPUs: seen by status and by supervisors, kept in the store, shown, and told once.
# stores: any

bats_require_minimum_version 1.5.0
load helpers
load run_helpers

# The card of the only GPU from now on: these members besides its number.
card() {
	fake_state "{\"gpus\": [{\"index\": 0, $1}]}"
}

# look SECONDS [ARGUMENTS]: status, so many seconds after the start; what it has seen is stored when that returns.
look() {
	set_clock "${wall:-0}" "$1"
	in_world flock "$WORLD/looking" canhazgpu status --fresh "${@:2}" >"$WORLD/looked"
	flock "$WORLD/looking" true
}

# A member of the GPU in the document of the last look; null: it has none.
seen() {
	jq -c ".[0].$1" "$WORLD/looked"
}

hours() {
	chg_ok report --idle --json
	jq -c '[.active_hours, .idle_hours] | map(. * 3600 | round)' "$WORLD/stdout"
}

@test "status sees a GPU become idle, and used again: it is shown, told once, and reported" {
	pool 1
	use_clock
	chg_ok reserve --duration 8h
	card '"memory_used_mb": 8000, "processes": [{"pid": 99999991}], "utilization_percent": 70'
	look 1 --json
	assert_equal "$(seen idle_seconds)" null
	card '"memory_used_mb": 8000, "processes": [{"pid": 99999991}]'
	for minute in $(seq 10); do
		look $((minute * 60))
	done
	grep -q '8000MB, 1 processes$' "$WORLD/looked"
	look 660
	grep -q '8000MB, 1 processes, idle 0h 10m$' "$WORLD/looked"
	# Whoever sets the clock changes nothing.
	wall=86400 look 720 --json
	assert_equal "$(seen idle_seconds)" 660
	[ "$(seen last_active)" != null ]
	chg_ok events --kind idle --json
	assert_json 'length' 1
	assert_json '.[0].gpus' '[0]'
	card '"memory_used_mb": 8001, "processes": [{"pid": 99999991}]'
	look 725 --json
	assert_equal "$(seen idle_seconds)" null
	look 790
	chg_ok events --kind active --json
	assert_json 'length' 1
	# The first look and the one with other memory; the others.
	assert_equal "$(hours)" '[6,784]'
	chg_ok release
	assert_equal "$(hours)" '[6,784]'
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
	assert_equal "$(seen idle_seconds)" 0
	assert_equal "$(hours)" '[0,60]'
	# With a counter of energy that shows nothing, ten minutes are not too far apart; and it shows what happened.
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 0'
	look 7260
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 42000000'
	look 7860 --json
	assert_equal "$(seen idle_seconds)" 660
	card '"memory_used_mb": 500, "power_mw": 70000, "energy_mj": 48000000'
	look 7920 --json
	assert_equal "$(seen idle_seconds)" null
}

@test "another reservation begins with nothing" {
	pool 1
	use_clock
	chg_ok reserve --duration 8h
	look 60
	look 120 --json
	assert_equal "$(seen idle_seconds)" 60
	chg_ok release
	chg_ok reserve --duration 8h
	look 121 --json
	assert_equal "$(seen idle_seconds)" 0
}

@test "the supervisor of a run looks after its heartbeats, and asks a slow driver rarely" {
	use_nvml
	gpus='"gpus": [{"uuid": "GPU-a", "memory": [81559, 600, 0], "utilization": 0}]'
	nvml_state "{$gpus}"
	chg_ok admin --provider nvidia
	nvml_state "{$gpus, \"delays\": {\"nvmlInit\": 1200}, \"log\": \"$WORLD/asked\"}"
	in_world canhazgpu run --heartbeat 1s -- sleep 60 3>&- &
	command=$!
	wait_until '[ "$(wc -l <"$WORLD/asked")" -ge 2 ]'
	asked=$(wc -l <"$WORLD/asked")
	wait_until '[ "$(hours)" != "[0,0]" ]'
	sleep 2.5
	assert_equal "$(wc -l <"$WORLD/asked")" "$asked"
	kill "$command"
	wait_until 'is_free 0'
}
