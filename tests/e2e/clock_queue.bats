#!/usr/bin/env bats
# The clock of the host is set while requests wait: their order stays, and how long they have waited is what it took.
# stores: each
# seconds: 15

load wait_helpers

setup() {
	world_open
	use_clock
}

# What jq makes of the queue.
queue() {
	in_world canhazgpu queue --json | jq -r ".entries | $1"
}

# assert_says PATTERN: what was printed matches it.
assert_says() {
	[[ $stdout =~ $1 ]] || fail_with "no '$1' in: $stdout"
}

# assert_queue STATES FROM TO AHEAD: the requests as "user state", each of which has waited for FROM to TO seconds,
# also by the time that is shown, on a clock that is ahead by so much.
assert_queue() {
	assert_equal "$(queue '[.[] | "\(.user) \(.state)"] | join(", ")')" "$1"
	assert_equal "$(queue "map(.waiting_seconds >= $2 and .waiting_seconds < $3) | all")" true
	assert_equal "$(queue "map((now + $4 - (.waiting_since | sub(\"\\\\.[0-9]+Z\$\"; \"Z\") | fromdate)) as \$age |
		\$age >= $2 and \$age < $3 + 2) | all")" true
}

@test "waiting requests are neither older nor absent because the clock was set" {
	pool 1
	chg_ok reserve --user holder
	wait_run one --wait=2h
	for set in 864000 -864000 0; do
		set_clock "$set"
		assert_queue 'one active' 0 60 "$set"
		chg_ok queue
		assert_says ' 0h 0m [0-9]+s +run '
		chg_ok queue --explain "$(queue ".[0].id")"
		assert_says ' \(0h 0m [0-9]+s\)'
		assert_alive "${background_pids[one]}"
	done
	# It was not told that the clock was set, and writes its entry with times of now.
	set_clock 864000
	wait_run two --wait=2h
	assert_queue 'one active, two active' 0 60 864000
	set_clock -864000
	wait_run three
	assert_queue 'one active, two active, three active' 0 60 -864000
	assert_equal "$(line)" 'one two three'
	chg_ok cancel "$(queue '.[2].id')"
	assert_says 'waited 0h 0m [0-9]+s'
	wait_until '[ "$(line)" = "one two" ]'
	set_clock 864000
	chg_ok release
	wait_for_start one
	assert_waits two
}

@test "time that has really passed counts" {
	pool 1
	chg_ok reserve --user holder --duration 2h
	wait_run one
	set_clock 864000 600
	assert_queue 'one active' 600 660 864600
	set_clock -864000 1200
	assert_queue 'one active' 1200 1260 -862800
	chg_ok cancel "$(queue '.[0].id')"
	assert_says 'waited 0h 20m [0-9]+s'
}

@test "release --cancel tells how long requests have really waited" {
	pool 1
	chg_ok reserve --user holder
	wait_run one
	set_clock 864000
	chg_ok release --all --cancel
	assert_says 'Cancelled request [0-9a-f]{8} \(1 GPU, waited 0h 0m [0-9]+s\)'
}
