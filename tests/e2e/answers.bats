#!/usr/bin/env bats
# What people want to know: when is there a GPU, who has it, until when. The same answer wherever it is given.
# stores: each
# seconds: 15

load helpers
load wait_helpers

ME=$(id -un)

# at SECONDS: the time of day in so many seconds, as people are told it; with the date where that is needed.
at() {
	if [ "$1" -lt 43200 ]; then
		date -d "+$1 seconds" +%H:%M
	else
		date -d "+$1 seconds" '+%Y-%m-%d %H:%M'
	fi
}

# matches TEXT PATTERN: the times in the pattern, %N% for N seconds from now, may be a minute late or early.
matches() {
	local pattern=$2 seconds
	while [[ $pattern =~ %([0-9]+)% ]]; do
		seconds=${BASH_REMATCH[1]}
		pattern=${pattern//"%$seconds%"/"($(at $((seconds - 60)))|$(at "$seconds")|$(at $((seconds + 60))))"}
	done
	[[ $1 =~ $pattern ]] || fail_with "$1"$'\n'"is not"$'\n'"$pattern"
}

# on_terminal COLUMNS COMMAND: its output on a terminal of that width, without the carriage returns.
on_terminal() {
	in_world SHELL=/bin/sh script -qec "stty cols $1; $2" /dev/null </dev/null | tr -d '\r'
}

# ---- until when ----

@test "a run with a time limit: its end, before the heartbeat" {
	pool 1
	start_background job canhazgpu run --timeout 2h -- sleep 1000
	wait_until '[ "$(held)" = 0 ]'
	chg_ok status
	grep -qE ' (ends in 2h|ends in 1h 59m), heartbeat 0h 0m [0-9]+s ago ' "$WORLD/stdout" || fail_with "$(cat "$WORLD/stdout")"
	chg_ok status --json
	assert_json '.[0] | (.ends_at | sub("\\..*Z"; "Z") | fromdate) - (.start_time | sub("\\..*Z"; "Z") | fromdate) | . >= 7199 and . <= 7201' true
	assert_json '.[0].ends_at_estimated' false
	assert_json '.[0].details | test("^heartbeat 0h 0m [0-9]+s ago$")' true
}

@test "a run without one: what earlier runs of the account suggest, or nothing" {
	pool 1
	start_background job canhazgpu run -- sleep 1000
	wait_until '[ "$(held)" = 0 ]'
	chg_ok status
	grep -qE ' RUN +- +heartbeat 0h 0m [0-9]+s ago ' "$WORLD/stdout" || fail_with "$(cat "$WORLD/stdout")"
	chg_ok status --json
	assert_json '.[0] | has("ends_at") or has("ends_at_estimated")' false
	past_run 3600
	past_run 3600
	past_run 3600
	chg_ok status
	grep -qE ' (about 1h|about 59m) left, heartbeat 0h 0m [0-9]+s ago ' "$WORLD/stdout" || fail_with "$(cat "$WORLD/stdout")"
	chg_ok status --json
	assert_json '.[0].ends_at_estimated' true
	assert_json '.[0].ends_at | test(":00Z$")' true
}

# ---- when do I get one ----

@test "the line at the end of status: on a terminal, and of --summary" {
	pool 4
	chg_ok reserve --gpu-ids 3 --duration 2h --user boss
	chg_ok reserve --gpu-ids 0 --duration 3h
	chg_ok status
	[ "$(wc -l <"$WORLD/stdout")" = 6 ] || fail_with 'a line more than the table, in a pipe'
	chg_ok status --summary
	matches "$(tail -n 1 "$WORLD/stdout")" "^2 of 4 available; next free about %7200% \(GPU 3, boss \($ME\)\)$"
	wait_run first --gpus 3
	wait_run second
	chg_ok status --summary
	matches "$(tail -n 1 "$WORLD/stdout")" "^0 of 4 available; 2 requests wait; next free about %7200% \(GPU 3, boss \($ME\)\)$"
	matches "$(on_terminal 120 'canhazgpu status' | tail -n 1)" \
		"^0 of 4 available; 2 requests wait; next free about %7200% \(GPU 3, boss \($ME\)\)$"
	# Of one's own GPUs alone it would be wrong.
	[[ $(on_terminal 120 'canhazgpu status --mine') != *' of '*available* ]]
}

@test "a refusal says when, and how" {
	pool 2
	chg_ok reserve --gpu-ids 0 --duration 2h --user boss
	chg_ok reserve --gpu-ids 1 --duration 3h
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0 - you hold GPU(s) 0,1 by hand, and --gpu-ids runs there; next free about '
	matches "$(cat "$WORLD/stderr")" "; next free about %7200% \(GPU 0, boss \($ME\)\); --wait queues$"
	chg reserve --gpus 2
	matches "$(cat "$WORLD/stderr")" \
		"; next free about %7200% \(GPU 0, boss \($ME\)\); --wait queues, to start about %10800%$"
	chg reserve --gpu-ids 1
	matches "$(cat "$WORLD/stderr")" \
		"^Error: GPU 1 is not available: reserved by $ME \(manual\), your own reservation - 'canhazgpu run --gpu-ids 1' runs there, 'canhazgpu extend' prolongs it; --wait queues, to start about %10800%$"
	# Somebody else is first.
	start_background other canhazgpu reserve --wait --duration 30m --user other
	wait_until 'waits other'
	chg run -- true
	matches "$(cat "$WORLD/stderr")" \
		"; next free about %7200% \(GPU 0, boss \($ME\)\); --wait queues, to start about %9000%$"
}

@test "a refusal promises nothing where nobody has anything" {
	pool 1
	fake_state '{"gpus": [{"memory_used_mb": 9000}]}'
	chg run -- true
	assert_stderr "Error: Not enough GPUs available. Requested: 1, Available: 0 (1 GPUs in use without reservation - run 'canhazgpu status' for details)"
}

# The second request for which a GPU in use without a reservation is no hope either.
@test "a waiting request is told the same as queue says" {
	pool 3
	fake_state '{"gpus": [{"index": 0, "memory_used_mb": 9000}]}'
	chg_ok reserve --gpu-ids 1 --duration 2h
	chg_ok reserve --gpu-ids 2 --duration 9h
	# The last one is for a GPU that the first ones want, too, and for none that is in such use.
	start_background one canhazgpu reserve --wait --duration 60m --user one
	wait_until 'waits one'
	start_background two canhazgpu reserve --wait --duration 60m --user two
	wait_until 'waits two'
	start_background three canhazgpu reserve --wait --duration 60m --gpu-ids 1 --user three
	for name in one two three; do
		wait_until 'grep -q "starts in" "$WORLD/$name.err"' 30
	done
	chg_ok queue --json
	assert_json '.entries | map((.estimated_start | sub("\\..*Z"; "Z") | fromdate) - (.waiting_since | sub("\\..*Z"; "Z") | fromdate) | . / 3600 | round) | tostring' '[2,3,4]'
	grep -qE 'starts in about (1h 59m|2h), ' "$WORLD/one.err" || fail_with "$(cat "$WORLD/one.err")"
	grep -qE 'starts in about (2h 59m|3h), ' "$WORLD/two.err" || fail_with "$(cat "$WORLD/two.err")"
	grep -qE 'starts in about (3h 59m|4h), ' "$WORLD/three.err" || fail_with "$(cat "$WORLD/three.err")"
	# Nobody was told anything else at first.
	[ "$(cat "$WORLD"/{one,two,three}.err | grep -o 'starts in about [^,]*' | sort -u | wc -l)" = 3 ] ||
		fail_with "$(cat "$WORLD"/{one,two,three}.err)"
}

# ---- who has it ----

@test "a display name is no disguise: the account stands beside it, and nobody is called like another account" {
	pool 2
	chg_ok reserve --gpu-ids 0 --user boss
	chg_ok status
	assert_stdout_has "  boss ($ME)  "
	chg_ok status --json
	assert_json '.[0] | "\(.user) \(.account)"' "boss $ME"
	other=$(getent passwd | cut -d: -f1 | grep -vx "$ME" | head -n 1)
	for command in "reserve --user $other" "run --user $other -- true" "reserve --wait --user $other"; do
		# shellcheck disable=SC2086 # words
		chg $command
		assert_error 2 "--user '$other' is the name of another account"
	done
	# Nor like one to the eye.
	for name in "$other " " $other" "$other"$'\t' "$(id -u "$other")" "uid $(id -u "$other")" "uid $other"; do
		chg reserve --user "$name"
		assert_error 2 'is the name of another account'
	done
	for name in '' ' ' $'\n'; do
		chg reserve --user "$name"
		assert_error 2 '--user needs a name'
	done
	chg_ok reserve --gpu-ids 1 --user "$ME"
	chg_ok status
	assert_stdout_has "  $ME  "
}

@test "release --user takes accounts: a display name and a name that nobody has are told so" {
	pool 1
	chg_ok reserve --user boss
	chg release --user boss
	assert_error 1 "there is no account 'boss': it is a display name of the account '$ME', which --user takes"
	chg release --user nobody-has-this-name
	assert_error 1 "there is no account 'nobody-has-this-name'"
	assert_equal "$(held)" 0
	chg_ok release --user "$ME"
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "release --cancel: the requests go, too" {
	pool 2
	chg_ok reserve --gpu-ids 0
	wait_run one --gpus 2
	wait_run two --gpus 2
	chg release --cancel
	assert_error 2 '--cancel can be used with --user or --all'
	chg_ok release --user "$ME" --cancel
	[ "$(head -n 1 "$WORLD/stdout")" = 'Released 1 GPU(s): [0]' ]
	[ "$(grep -cE '^Cancelled request [0-9a-f]{8} \(2 GPUs, waited 0h 0m [0-9]+s\)$' "$WORLD/stdout")" = 2 ]
	assert_stderr '' # nobody is next
	wait_until '[ -z "$(line)" ]'
	wait_background one
	has_text "$WORLD/one.err" cancelled
	! runs one && ! runs two
	assert_equal "$(held)" ''
	chg_ok release --user "$ME" --cancel
	assert_stdout "No reserved GPUs or waiting requests found for $ME"
	wait_run three
	wait_for_start three
	wait_run four --gpus 2
	chg_ok release --all --cancel
	assert_stdout_has 'Cancelled request '
}

# ---- requests that are stopped ----

@test "a request that is stopped keeps nobody from a GPU, and keeps its place" {
	pool 2
	hold holder --gpu-ids 0
	hold other --gpu-ids 1
	wait_run first
	wait_run second
	kill -STOP "${background_pids[first]}"
	chg_ok release --gpu-ids 0
	wait_for_start second
	assert_equal "$(line)" first
	chg_ok queue
	assert_stdout_has '(absent: its process is stopped)'
	wait_run third
	kill -CONT "${background_pids[first]}"
	wait_until '! in_world canhazgpu queue | grep -q absent'
	chg_ok release --gpu-ids 1
	wait_for_start first
	assert_waits third
}

@test "what a request has collected goes to the next one when it is stopped" {
	pool 2
	hold holder --gpu-ids 0
	wait_run first --gpus 2
	wait_run second --gpu-ids 1
	pause 3 # it has nothing more to do for itself
	assert_waits second
	kill -STOP "${background_pids[first]}"
	wait_until 'runs second' 15 # long before its next step
	assert_equal "$(line)" first
}
