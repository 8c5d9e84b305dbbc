#!/usr/bin/env bats
# canhazgpu events: what has happened, with the reason and the state that it was decided on. What is said
# of each change is tests/unit/test_plan_events.c, what stores promise tests/contract/test_store_events.c.
# stores: each

load run_helpers

ME=$(id -un)

# The kinds and GPUs of all events, one per line.
events() {
	in_world canhazgpu events --json "$@" | jq -r '.events[] | "\(.kind) \(.gpus | join(","))"'
}

@test "what happens is an event, with its reason; a heartbeat and a look are none" {
	pool 3
	chg_ok reserve --gpus 2 --duration 2h
	chg_ok extend --duration 3h
	chg_ok status
	chg_ok run -- true
	wait_until '[ "$(events | tail -n 1)" = "released 2" ]'
	chg_ok admin --drain 2 --note 'a fan'
	chg_ok release
	assert_equal "$(events)" "$(printf '%s\n' 'admin ' 'granted 0,1' 'extended 0,1' 'granted 2' 'released 2' \
		'drained 2' 'released 0,1')"
	assert_equal "$(events --gpu 2 --kind drained,extended)" 'drained 2'
	assert_equal "$(events --newest 1)" 'released 0,1'
	chg_ok events --user nobody-at-all
	assert_stdout 'Nothing has happened in that time.'
	assert_stderr "Warning: there is no account 'nobody-at-all', and nothing of one in that time"
	chg_ok events
	assert_stdout_has "$ME got GPUs 0-1 for 2h 0m 0s"
	assert_stdout_has "$ME took GPU 2 out of service: a fan"
	chg events --kind nonsense
	assert_error 2 "'nonsense' is no kind of event"
	chg events --explain 17
	assert_error 1 'there is no event 17'
	# Forced; the history of events goes on.
	chg_ok admin --gpus 3 --provider fake --force
	assert_equal "$(events | tail -n 1)" 'admin '
}

@test "--explain shows the state that a decision was made on, and why others did not get it" {
	pool 3
	chg_ok reserve --gpus 2
	start_background two canhazgpu reserve --gpus 2 --wait
	wait_until '[ "$(events | tail -n 1)" = "collected 2" ]'
	start_background one canhazgpu reserve --wait
	wait_until '[ "$(events | tail -n 1)" = "queued " ]'
	chg_ok release
	wait_background two
	wait_background one
	id=$(in_world canhazgpu events --kind granted --gpu 1 --json | jq -r '.events[-1].id')
	chg_ok events --explain "$id"
	assert_stdout_has 'Asked for: '
	assert_stdout_has 'Requests that waited then, in order of arrival:'
	chg_ok events --kind queued --json
	assert_json '.events | map(.reason | split(", ")[-1]) | join("; ")' 'first in the queue; behind 1 other request'
	id=$(jq -r '.events[1].id' <<<"$stdout")
	chg_ok events --explain "$id" --json
	assert_json '.before.gpus | map("\(.state) \(.gpus | join(",")) \(.text | split(" ")[-1])") | join("; ")' \
		"held 0,1 $ME; kept 2 $ME"
	assert_json '.before.waiting | map(.requested) | tojson' '[2]'
}

@test "a refused request is an event, and a storm of them is one" {
	pool 1
	chg_ok reserve
	for _ in 1 2 3; do
		chg reserve --nonblock
		assert_status 1
	done
	assert_equal "$(events | sort | uniq -c | tr -s ' ')" "$(printf ' 1 %s\n' 'admin ' 'granted 0' 'requested ')"
	id=$(in_world canhazgpu events --kind requested --json | jq -r '.events[0].id')
	chg_ok events --explain "$id"
	assert_stdout_has "requested: $ME asked for 1 GPU, and was refused: "
	assert_stdout_has '  GPU 0: reserved: manual '
	# An event of a newer program, of a kind that this one does not know, is none.
	local id
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		id=$(redis xadd canhazgpu:events '*' e "{\"kind\": \"moved\", \"time_ns\": $(date +%s%N)}")
	else
		id=$(db "INSERT INTO events(id, time_ns, kind) SELECT max(id) + 1, max(time_ns), 'moved' FROM events RETURNING id")
	fi
	assert_equal "$(events | wc -l)" 3
	chg events --explain "$id"
	assert_error 1 "there is no event $id"
}

@test "--follow shows what there is, and what happens then, an object a line" {
	pool 2
	start_background log canhazgpu events --follow --json --kind granted,released
	chg_ok reserve
	wait_until '[ "$(wc -l <"$WORLD/log.out")" = 1 ]'
	chg_ok release
	wait_until '[ "$(wc -l <"$WORLD/log.out")" = 2 ]'
	assert_equal "$(jq -r .kind "$WORLD/log.out" | xargs)" 'granted released'
	kill "${background_pids[log]}"
	# Of what there is only the newest; what happens then is not counted.
	start_background newest canhazgpu events --follow --json --kind granted,released --newest 1
	wait_until '[ "$(wc -l <"$WORLD/newest.out")" = 1 ]'
	chg_ok reserve
	wait_until '[ "$(wc -l <"$WORLD/newest.out")" = 2 ]'
	assert_equal "$(jq -r .kind "$WORLD/newest.out" | xargs)" 'released granted'
	kill "${background_pids[newest]}"
	# Nor where nothing was there, and more than one thing happens at once. (Not every kernel tells what a process waits in; and
	# with Redis it waits also for the answer.)
	if [ "$E2E_STORE" != redis ] && [ "$(cat "/proc/$$/wchan")" != 0 ]; then
		chg_ok reserve
		start_background none canhazgpu events --follow --json --since 1ms --newest 1
		wait_until '[[ "$(cat "/proc/${background_pids[none]}/wchan")" == *poll* ]]'
		chg_ok release
		wait_until '[ "$(wc -l <"$WORLD/none.out")" = 2 ]'
		kill "${background_pids[none]}"
	fi
	chg events --follow --explain 1
	assert_error 2 '--explain and --follow cannot be used together'
}

@test "a backup has the events, and the pool that is restored says so" {
	pool 2
	chg_ok reserve
	chg_ok backup "$WORLD/backup.db"
	chg_ok release
	forget_pool
	chg_ok restore "$WORLD/backup.db"
	assert_equal "$(events)" "$(printf '%s\n' 'admin ' 'granted 0' 'admin ')"
	chg_ok events --newest 1
	assert_stdout_has "$ME restored the pool from $WORLD/backup.db"
}
