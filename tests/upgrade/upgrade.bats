#!/usr/bin/env bats
# The release before this one and this one on the same pool: its runs, waiting requests and manual reservations go on
# while the program is replaced, in both directions. RELEASE_BIN is its program (tests/upgrade/build-release).
# stores: each
# seconds: 90

load ../e2e/helpers

setup() {
	[ -x "${RELEASE_BIN:-}" ] || {
		echo "RELEASE_BIN must name the program of the release before" >&2
		return 1
	}
	world_open
	mkdir "$WORLD/go"
	# Runs until $WORLD/go/NAME is there, and says on which GPUs.
	cat >"$WORLD/bin/job" <<-'END'
		#!/bin/bash
		echo "$CUDA_VISIBLE_DEVICES" >"$CANHAZGPU_TEST_WORLD/$1.gpus"
		until [ -e "$CANHAZGPU_TEST_WORLD/go/$1" ]; do read -r -t 0.05 <> <(:); done
		exit 0
	END
	chmod +x "$WORLD/bin/job"
	previous=$RELEASE_BIN
}

# The program that everybody starts as `installed` is replaced, as a package manager does it.
install_program() {
	cp "$1" "$WORLD/bin/installed.new"
	mv "$WORLD/bin/installed.new" "$WORLD/bin/installed"
}

# Like chg_ok, with the program of the release before.
previous_ok() {
	status=0
	in_world "$previous" "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	read_file "$WORLD/stdout"
	stdout=$file_text
	read_file "$WORLD/stderr"
	stderr=$file_text
	[ "$status" -eq 0 ] || fail_with "the release before: $* ended with status $status"
}

# run_job NAME OPTIONS...: a run that goes on until end_job NAME.
run_job() {
	start_background "$1" installed run "${@:2}" -- job "$1"
}

wait_for_start() {
	wait_until '[ -s "$WORLD/'"$1"'.gpus" ]'
}

end_job() {
	: >"$WORLD/go/$1"
	wait_background "$1"
	[ "$status" -eq 0 ] || fail_with "$1 ended with status $status: $(cat "$WORLD/$1.err")"
}

waiting() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis zcard canhazgpu:queue
	else
		db 'SELECT count(*) FROM queue'
	fi
}

# The heartbeats of all runs and waiting requests, oldest first.
heartbeats() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		for key in $(redis --raw keys 'canhazgpu:gpu:*') $(redis --raw keys 'canhazgpu:queue:entry:*'); do
			redis --raw get "$key" | jq -r 'select(.type != "manual") | "\(.heartbeat_exact // .last_heartbeat // empty)"'
		done | sort
	else
		db "SELECT heartbeat_ns FROM reservations WHERE type = 'run' UNION ALL SELECT heartbeat_ns FROM queue" | sort
	fi
}

# The supervisors of this world.
supervisors() {
	local pid
	for pid in $(world_processes); do
		! grep -qz __supervise "/proc/$pid/cmdline" 2>/dev/null || echo "$pid"
	done
}

assert_all_free() {
	assert_no_processes
	chg_ok status --json
	assert_json 'map(.status) | unique | join(" ")' AVAILABLE
	assert_equal "$stderr" ''
	previous_ok status --json
	assert_json 'map(.status) | unique | join(" ")' AVAILABLE
	assert_equal "$(waiting)" 0
}

@test "upgrade: what the release before has begun goes on" {
	install_program "$previous"
	previous_ok admin --gpus 3 --provider fake
	run_job one --gpus 1
	wait_for_start one
	previous_ok reserve --duration 1h
	before=$(supervisors)
	run_job two --wait --gpus 3
	wait_until '[ "$(waiting)" = 1 ]'
	# Its supervisor is gone by the time that it gets its GPUs: it starts another one.
	kill -KILL $(comm -13 <(sort <<<"$before") <(supervisors | sort))

	install_program "$CANHAZGPU_BIN"
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE IN_USE IN_USE' # the third is collected
	chg_ok extend --duration 2h --force
	run_job three --wait --gpus 1
	wait_until '[ "$(waiting)" = 2 ]'
	previous_ok queue --json
	assert_json length 2
	end_job one
	[ ! -e "$WORLD/two.gpus" ]
	chg_ok release
	wait_for_start two
	assert_equal "$(cat "$WORLD/two.gpus")" 0,1,2
	[ ! -e "$WORLD/three.gpus" ]
	end_job two
	wait_for_start three
	end_job three
	assert_all_free
	assert_equal "$(usage_history | awk '{ print $2, $3 }' | sort | uniq -c | sed 's/^ *//')" '1 manual released
5 run released'
}

@test "downgrade: what this release has begun goes on" {
	install_program "$CANHAZGPU_BIN"
	pool 3
	run_job one --gpus 1
	wait_for_start one
	chg_ok reserve --duration 1h
	run_job two --wait --gpus 3
	wait_until '[ "$(waiting)" = 1 ]'

	install_program "$previous"
	previous_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE IN_USE IN_USE'
	previous_ok extend --duration 2h --force
	run_job three --wait --gpus 1
	wait_until '[ "$(waiting)" = 2 ]'
	end_job one
	[ ! -e "$WORLD/two.gpus" ]
	previous_ok release
	wait_for_start two
	end_job two
	wait_for_start three
	end_job three
	assert_all_free
	assert_equal "$(usage_history | awk '{ print $2, $3 }' | sort | uniq -c | sed 's/^ *//')" '1 manual released
5 run released'
	# A pool that it recreates is anybody's, and then this host's again.
	previous_ok admin --gpus 2 --provider fake --force
	chg_ok run -- true
	assert_all_free
}

@test "both keep up their heartbeats, on one pool" {
	install_program "$previous"
	previous_ok admin --gpus 2 --provider fake
	run_job one --gpus 1
	wait_for_start one
	install_program "$CANHAZGPU_BIN"
	run_job two --gpus 1
	wait_for_start two
	run_job three --wait --gpus 1
	wait_until '[ "$(waiting)" = 1 ]'
	install_program "$previous"
	run_job four --wait --gpus 2
	wait_until '[ "$(waiting)" = 2 ]'
	newest=$(heartbeats | tail -n 1)
	assert_equal "$(heartbeats | wc -l)" 4
	# Every 60 s and 45 s.
	wait_until '[[ $(heartbeats | head -n 1) > $newest ]]' 150
	end_job one
	wait_for_start three
	end_job three
	end_job two
	wait_for_start four
	end_job four
	assert_all_free
}
