#!/usr/bin/env bats
# canhazgpu cancel: a request leaves the line from elsewhere.
# stores: each

load run_helpers

# The ids of those who wait, in their order.
waiting() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis --raw zrange canhazgpu:queue 0 -1
	else
		sqlite3 -cmd '.timeout 10000' "$WORLD/pool.db" 'SELECT id FROM queue ORDER BY enqueued_ns'
	fi
}

# wait_in_line NAME ARGUMENTS...: a request that waits, in the background: its id is $request.
wait_in_line() {
	start_background "$1" canhazgpu "${@:2}"
	wait_for_text "$WORLD/$1.err" 'queued as request'
	request=$(sed -n 's/.*as request \([0-9a-f]*\) .*/\1/p' "$WORLD/$1.err")
}

@test "a request that waits is cancelled: its process ends with an error, and the next one is first" {
	pool 1
	chg_ok reserve
	wait_in_line one run --wait -- true
	one=$request
	wait_in_line two reserve --wait
	chg cancel "$one"
	assert_status 0
	[[ $stdout =~ ^Cancelled\ request\ $one\ \(1\ GPU,\ waited\ 0h\ 0m\ [0-9]+s\)$ ]] || fail_with 'other words'
	assert_stderr ''
	wait_background one
	assert_status 1
	assert_equal "$(tail -n 1 "$WORLD/one.err")" \
		"Error: the request was cancelled while it waited (by 'canhazgpu cancel', or the pool was recreated)"
	assert_equal "$(waiting | cut -c 1-8)" "$request"
	chg_ok release
	wait_background two
	assert_status 0
}

@test "what was collected for it goes to the next one at once" {
	pool 2
	chg_ok reserve --gpu-ids 1
	wait_in_line both run --gpus 2 --wait -- true
	both=$request
	wait_until 'grep -q "collected 1/2 \[0\]" "$WORLD/both.err"'
	wait_in_line any run --wait -- true
	chg_ok cancel "$both"
	assert_stdout_has "Cancelled request $both (2 GPUs, waited "
	wait_background both
	assert_status 1
	wait_background any
	assert_status 0
	wait_until '[ "$(reserved)" = 1 ]'
	# Nobody has used what was collected.
	assert_equal "$(usage_history)" "0 run released $(id -un)"
}

@test "ids: the whole one, several, none that waits, ambiguous, twice; all or none" {
	pool 1
	chg_ok reserve
	wait_in_line one run --wait -- true
	one=$(waiting)
	wait_in_line two run --wait -- true
	two=$(waiting | tail -n 1)
	chg cancel "$one" deadbeef-none
	assert_error 1 "there is no waiting request 'deadbeef-none' - see 'canhazgpu queue'"
	chg cancel "$one" "${one:0:8}"
	assert_error 2 "request ${one:0:8} is named twice"
	chg cancel ''
	assert_error 1 "there is no waiting request ''"
	chg cancel
	assert_error 2 'you have 2 waiting requests: name those to cancel'
	assert_equal "$(waiting)" "$one"$'\n'"$two"
	chg_ok cancel "$two" "$one"
	assert_equal "$(cut -d ' ' -f 3 <<<"$stdout" | paste -sd ' ')" "${two:0:8} ${one:0:8}"
	wait_background one
	assert_status 1
	wait_background two
	assert_status 1
	wait_until '[ -z "$(waiting)" ]'
}

@test "a stopped request that is cancelled keeps nobody, and leaves when it is continued" {
	pool 1
	chg_ok reserve
	wait_in_line one run --wait -- true
	stop_now "$background_pid"
	chg_ok cancel "$request"
	chg_ok release
	# The mark stays until its process has seen it; GPUs are not kept for it.
	chg_ok run -- true
	assert_equal "$(waiting | cut -c 1-8)" "$request"
	chg_ok cancel "$request"
	kill -CONT "${background_pids[one]}"
	wait_background one
	assert_status 1
	wait_until '[ -z "$(waiting)" ]'
	wait_until '[ -z "$(reserved)" ]' # the run before has ended, its supervisor may not have
}

@test "a request whose process is gone is taken out" {
	pool 1
	chg_ok reserve
	wait_in_line one run --wait -- true
	kill_now "$background_pid"
	id=$(waiting)
	[ -n "$id" ]
	chg_ok cancel "$id"
	assert_equal "$(waiting)" ''
}

@test "an entry of the other program is dropped" {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'is about the Redis store'
	pool 1
	chg_ok reserve
	id=018c266f-a239-48ce-9c6a-e5289b1abe51
	now=$(date -u +%FT%TZ)
	redis set "canhazgpu:queue:entry:$id" "{\"id\":\"$id\",\"user\":\"$(id -un)\",\"actual_user\":\"$(id -un)\",\"requested_count\":3,\"reservation_type\":\"manual\",\"expiry_duration\":7200000000000,\"enqueue_time\":\"$now\",\"last_heartbeat\":\"$now\"}" >/dev/null
	redis zadd canhazgpu:queue "$(date +%s)000000000" "$id" >/dev/null
	chg_ok cancel 018c
	assert_stdout_has 'Cancelled request 018c266f (3 GPUs, waited '
	assert_equal "$(waiting)" ''
	assert_equal "$(redis exists "canhazgpu:queue:entry:$id")" 0
}

@test "another account's request is not yours to cancel, and root's to cancel" {
	shared_pool 1
	hold_as 4301 job
	start_as_user 4301 one canhazgpu run --wait -- true
	wait_for_text "$WORLD/one.err" 'queued as request'
	request=$(sed -n 's/.*as request \([0-9a-f]*\) .*/\1/p' "$WORLD/one.err")
	status=0
	as_user 4302 canhazgpu cancel "$request" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qE "^Error: request $request.* belongs to uid 4301, not to you$" "$WORLD/stderr"
	chg_ok cancel "$request"
	assert_stdout_has "Cancelled request $request"
	wait_background one
	assert_status 1
}

@test "without an id: the only request that one has, and otherwise which there are" {
	pool 1
	chg cancel
	assert_error 1 'you have no waiting request: there is nothing to cancel'
	chg_ok reserve
	wait_in_line one run --wait -- true
	one=$request
	chg_ok cancel
	assert_stdout_has "Cancelled request $one (1 GPU, waited "
	wait_background one
	assert_status 1
	wait_in_line two run --wait -- true
	two=$request
	wait_in_line three run --wait -- true
	chg cancel
	assert_error 2 "you have 2 waiting requests: name those to cancel ($two $request)"
	assert_equal "$(waiting | wc -l)" 2
}

@test "without an id: root's own, not anybody else's" {
	shared_pool 1
	hold_as 4301 job
	start_as_user 4301 one canhazgpu run --wait -- true
	wait_for_text "$WORLD/one.err" 'queued as request'
	chg cancel
	assert_error 1 'you have no waiting request'
	as_user 4301 canhazgpu cancel >"$WORLD/stdout"
	wait_background one
	assert_status 1
}
