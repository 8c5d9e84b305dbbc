#!/usr/bin/env bats
# canhazgpu web and the store: what is told of changes, when, and what is read again.
# stores: each
# seconds: 25

load helpers
load web_helpers

@test "/api/queue has who waits, in order" {
	pool 2
	web
	get_ok /api/queue
	assert_equal "$body" '{"entries":[],"total_waiting":0,"total_gpus_requested":0,"total_gpus_allocated":0}'
	chg_ok reserve --gpu-ids 0
	start_background first canhazgpu run --wait --gpus 2 --note 'the first' -- true
	wait_until 'get_ok /api/queue && [ "$(json_get ".entries | map(.allocated | length) | add")" = 1 ]' 60
	start_background second canhazgpu reserve --wait --gpu-ids 0 --user somebody
	wait_until 'get_ok /api/queue && [ "$(json_get .total_waiting)" = 2 ]' 60
	assert_json '.entries | map("\(.position) \(.user) \(.type) \(.requested) \(.requested_ids) \(.note)") | join(",")' \
		"1 $(id -un) run 2 null the first,2 somebody manual 1 [0] null"
	assert_json '.entries[0] | "\(.allocated) \(.waiting_seconds >= 0) \(.account)"' "[1] true $(id -un)"
	wait_until 'get_ok /metrics && grep -qx "canhazgpu_queue_length 2" <<<"$body"' 60
}

@test "a stream is told of every change of the pool" {
	pool 2
	# The look of the interval does not help here.
	web --interval 1h
	stream one
	stream two
	for command in reserve release reserve; do
		before_one=$(changes one) before_two=$(changes two)
		chg_ok $command
		wait_until '[ "$(changes one)" -gt "$before_one" ] && [ "$(changes two)" -gt "$before_two" ]' 60
	done
	grep -q '^retry: ' "$WORLD/one.out"
	grep -qE '^data: \{"version":[0-9]+\}$' "$WORLD/one.out"
	# The word may come before the look at what has changed has ended.
	wait_until 'get_ok /api/status && [ "$(json_get ".[0].status")" = IN_USE ]' 60
}

@test "who asks right after a change gets what is true now" {
	pool 1
	web
	get_ok /api/status
	for state in IN_USE AVAILABLE IN_USE AVAILABLE; do
		[ $state = IN_USE ] && chg_ok reserve || chg_ok release
		# Word of the change has some milliseconds to arrive.
		wait_until 'get_ok /api/status && [ "$(json_get ".[0].status")" = '$state' ]' 60
	done
}

@test "a report that is being read is nobody's before it is there" {
	pool 2
	web --interval 1h
	get_ok /api/status
	get_ok /api/report
	assert_json .total_reservations 0
	# The process that reads the history was started last.
	read -ra children < <(workers) || true
	kill -STOP "${children[-1]}"
	chg_ok run -- true
	chg_ok run -- true
	# The server has heard of it: otherwise it would not look within an hour.
	wait_until 'get_ok /api/status && [ "$(json_get "map(.last_released) | any")" = true ]' 60
	for n in 1 2; do
		start_background "report$n" curl -sS --max-time 60 "$url/api/report"
		# Long enough to be asked for; who is answered now gets the old one.
		sleep 0.5
	done
	kill -CONT "${children[-1]}"
	for n in 1 2; do
		wait_background "report$n"
		assert_equal "$(jq .total_reservations "$WORLD/report$n.out")" 2
	done
}

@test "an error about the past is not served any longer than it is true" {
	web
	get /api/report
	assert_refused 503 'canhazgpu admin'
	read -ra children < <(workers) || true
	# Without the one that hears of changes.
	kill -STOP "${children[0]}"
	pool 1
	get_ok /api/report
}

@test "what was asked about the past does not stay in memory for ever" {
	! grep -q __asan_init "$CANHAZGPU_BIN" || skip 'a sanitizer keeps freed memory'
	need_sqlite
	pool 8
	db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO usage_history SELECT unixepoch() * 1000000000 - i * 100000000, i, 'r' || i, 'user', 'user', 1000,
		'run', i % 8, unixepoch() * 1000000000 - i * 100000000 - 500, 'released', NULL FROM n"
	web
	for ((days = 1; days <= 90; days++)); do
		get_ok "/api/timeline?days=$days"
	done
	[ "$(stat -c %s "$WORLD/stdout")" -gt 1000000 ] || fail_with 'the timelines are small'
	kilobytes=$(sed -nE 's/^VmRSS:\s*([0-9]+) kB/\1/p' "/proc/${background_pids[web]}/status")
	[ "$kilobytes" -lt 60000 ] || fail_with "the server has $kilobytes KiB"
}

@test "nothing is looked at while nobody watches" {
	pool 1
	web
	# Once the last visitor is gone, nothing is read for several intervals.
	get_ok /api/status
	quiet() {
		before=$(bytes_read)
		sleep 2
		[ "$(bytes_read)" = "$before" ]
	}
	wait_until quiet 60
	# With a stream open there is.
	stream one
	before=$(bytes_read)
	wait_until '[ "$(bytes_read)" -gt "$before" ]' 60
}

@test "no pool: an error that says what to do, and all is well once there is one" {
	web
	for path in /api/status /api/queue /api/host /api/report /api/timeline /metrics /healthz; do
		get "$path"
		assert_refused 503 'canhazgpu admin'
		assert_equal "$(header retry-after)" 2
	done
	get_ok /
	stream one
	before=$(changes one)
	pool 2
	wait_until '[ "$(changes one)" -gt "$before" ]' 60
	wait_until 'get /healthz && [ "$code $body" = "200 ok" ]' 60
	get_ok /api/status
	assert_json length 2
	wait_until 'get /api/report && [ "$code" = 200 ]' 60
}

@test "metrics: GPU time reserved counts up, and what ended meanwhile is in it" {
	pool 2
	web
	get_ok /metrics
	chg_ok reserve --gpus 2
	chg_ok release
	# GPU seconds of an account, by the last look.
	seconds() {
		get_ok /metrics
		sed -n "s/^canhazgpu_reservation_seconds_total{account=\"$(id -un)\",type=\"$1\"} //p" <<<"$body"
	}
	# A look at what was reserved, begun when it was released again.
	wait_until '[[ $(seconds manual) == *[1-9]* ]] && grep -qxF "canhazgpu_gpus{state=\"available\"} 2" "$WORLD/stdout"' 60
	ended=$(seconds manual)
	assert_equal "$(seconds manual)" "$ended"
	chg_ok reserve
	first=$(seconds manual)
	wait_until '[ "$(jq -n "$(seconds manual) > $first")" = true ]' 60
}
