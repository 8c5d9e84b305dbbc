#!/usr/bin/env bats
# canhazgpu web: the page, the documents, events and metrics.
# stores: any
# seconds: 60

load helpers
load web_helpers

PROGRAMS=$BATS_TEST_DIRNAME/programs

setup_file() {
	shared_web_open
}

teardown_file() {
	shared_web_close
}

@test "the page and its files: type, compression, and nothing sent twice" {
	shared_web
	get_ok /
	assert_equal "$(header content-type)" 'text/html; charset=utf-8'
	[[ $body == *'<!doctype html>'* ]] || fail_with 'no page'
	plain=$body
	get_ok /index.html
	[ "$body" = "$plain" ] || fail_with 'two pages'
	tag=$(header etag)
	get / -H "If-None-Match: $tag"
	assert_equal "$code $body" '304 '
	get_ok / -H 'If-None-Match: "other"'
	get_ok / -H 'Accept-Encoding: br, gzip'
	assert_equal "$(header content-encoding)" gzip
	assert_equal "$(gunzip <"$WORLD/stdout")" "$plain"
	[ "$(header etag)" != "$tag" ] || fail_with 'one tag for two contents'
	get_ok / -H 'Accept-Encoding: gzip;q=0'
	assert_equal "$(header content-encoding)" ''
	for file in $(grep -oE '(href|src)="[a-z.]+"' <<<"$plain" | cut -d'"' -f2); do
		get_ok "/$file"
		case $file in
		*.js) assert_equal "$(header content-type)" 'text/javascript; charset=utf-8' ;;
		*.css) assert_equal "$(header content-type)" 'text/css; charset=utf-8' ;;
		*.svg) assert_equal "$(header content-type)" image/svg+xml ;;
		esac
	done
}

# 70 kB in all are promised with 64 GPUs and a queue of 20, whose documents are 14 kB; each answer has half a kilobyte of headers.
@test "the files of the page are small" {
	shared_web
	local sum=0 file
	for file in '' page.css page.js theme.js copy.js favicon.svg; do
		get_ok "/$file" -H 'Accept-Encoding: gzip'
		sum=$((sum + $(stat -c %s "$WORLD/stdout") + 500))
	done
	((sum > 20000 && sum < 55000)) || fail_with "$sum bytes"
}

@test "the commands that the page and the guide offer to copy are understood" {
	shared_web
	local line before words count=0
	for file in / /guide.html; do
		get_ok "$file"
		while read -r line; do
			# That of the shell is not this program's.
			line=${line#'eval "$('} line=${line%')"'}
			[[ $line == 'canhazgpu '* ]] || fail_with "$line"
			before=${line%% -- *}
			eval "words=(${before#canhazgpu })"
			chg "${words[@]}" --help
			[ "$status" = 0 ] || fail_with "$line: $stderr"
			count=$((count + 1))
		done < <(sed -n 's|.*<pre class="command"><code>\(.*\)</code></pre>.*|\1|p' <<<"$body")
	done
	((count > 15)) || fail_with "$count commands"
}

@test "documents are compressed for those who take it, and are not sent twice, either" {
	shared_web
	get_ok /metrics
	assert_equal "$(header content-encoding) $(header vary)" ' Accept-Encoding'
	plain=$(grep -v '^canhazgpu_.*seconds' <<<"$body")
	get_ok /metrics -H 'Accept-Encoding: gzip, deflate'
	assert_equal "$(header content-encoding) $(header vary)" 'gzip Accept-Encoding'
	assert_equal "$(gunzip <"$WORLD/stdout" | grep -v '^canhazgpu_.*seconds')" "$plain"
	tag=$(header etag)
	[[ $tag == *-gzip\" ]] || fail_with 'one tag for two contents'
	get /metrics -H 'Accept-Encoding: gzip' -H "If-None-Match: $tag"
	[ "$code" = 304 ] || assert_equal "$code $(header content-encoding)" '200 gzip'
	# What fits into one packet stays as it is.
	get_ok /api/queue -H 'Accept-Encoding: gzip'
	assert_equal "$(header content-encoding) ${body:0:1}" ' {'
}

@test "every answer has the headers that protect people's browsers" {
	shared_web
	for path in / /api/status /api/report /api/openapi.json /metrics /healthz /none '/api/report?days=x'; do
		get "$path"
		[[ $(header content-security-policy) == "default-src 'none'; script-src 'self';"* ]] || fail_with "$path"
		assert_equal "$(header x-content-type-options) $(header referrer-policy)" 'nosniff no-referrer'
		assert_equal "$(header access-control-allow-origin)" ''
	done
}

@test "/api/status is what status --json prints" {
	fake_state '{"gpus": [{"memory_used_mb": 45}, {"memory_used_mb": 9000, "processes": [{"pid": 1}]}, {"memory_used_mb": null, "processes": null}]}'
	pool 4
	chg_ok reserve --gpu-ids 3 --note 'a <b>note</b>'
	web
	get_ok /api/status
	assert_equal "$(header content-type) $(header cache-control)" 'application/json no-store'
	filter='map(del(.duration) | if .details then .details |= sub("[0-9]+h.*"; "") else . end)'
	served=$(json_get "$filter")
	chg_ok status --json
	assert_equal "$served" "$(json_get "$filter")"
	assert_equal "$(jq -r 'map(.status) | join(" ")' <<<"$served")" 'AVAILABLE UNRESERVED ERROR IN_USE'
}

@test "/api/report is what report --json --idle prints, for 1 to 90 days" {
	pool 2
	chg_ok run -- true
	# Its supervisor records the end.
	assert_no_processes 60
	web
	filter='del(.total_gpu_hours) | del(.users[].gpu_hours)'
	chg_ok report --json --idle --days 7
	before=$(json_get "$filter")
	get_ok '/api/report?days=7'
	served=$(json_get "$filter")
	# Unless a day ends meanwhile, there is one answer.
	chg_ok report --json --idle --days 7
	[ "$served" = "$before" ] || assert_equal "$served" "$(json_get "$filter")"
	get_ok /api/report
	assert_json .days 30
	get_ok '/api/report?days=90'
	assert_json .days 90
	for wrong in 0 91 -1 1.5 x '' 7x %207 99999999999999999999; do
		get "/api/report?days=$wrong"
		assert_refused 400 "'days' must be a whole number from 1 to 90"
		get "/api/timeline?days=$wrong"
		assert_refused 400 "'days' must be a whole number from 1 to 90"
	done
	get '/api/report?days=1&days=2'
	assert_refused 400 twice
	get '/api/report?days=%zz'
	assert_refused 400 'not readable'
	get_ok '/api/report?days=%37&_=1'
	assert_json .days 7
}

@test "/api/report of a month, and by user and day" {
	pool 2
	chg_ok reserve
	chg_ok release
	web
	month=$(date +%Y-%m)
	get_ok "/api/report?month=$month&by=user,day"
	assert_json '[.start_date, (.users_dates | length), .users_dates[0].account, .users_dates[0].manual_count, has("users")] | join(" ")' \
		"$month-01 1 $(id -un) 1 false"
	get_ok "/api/report?month=$month"
	assert_json '[.users[0].account, has("users_dates")] | join(" ")' "$(id -un) false"
	get_ok '/api/report?by=user&days=7'
	assert_json .days 7
	get_ok "/api/report?month=$(date -d "$month-01 - 1 day" +%Y-%m)"
	assert_json '[.end_date, .total_reservations] | join(" ")' "$(date -d "$month-01 - 1 day" +%F) 0"
	for wrong in x 2026 2026-13 2026-10-01 '' 1999-01 2199-01; do
		get "/api/report?month=$wrong"
		assert_refused 400 "'month' must be"
	done
	get "/api/report?month=$month&days=3"
	assert_refused 400 "only one of 'days' and 'month'"
	get '/api/report?by=day'
	assert_refused 400 "'by' must be user or user,day"
}

@test "/api/timeline has what ran and what runs, per GPU" {
	pool 2
	chg_ok reserve --gpu-ids 1
	chg_ok release
	chg_ok reserve --gpu-ids 0 --user somebody
	web
	get_ok /api/timeline
	assert_json '.gpus | map(.gpu) | join(" ")' '0 1'
	assert_json '.gpus[0].intervals | map("\(.user) \(.type) \(.state) \(.end)") | join(",")' 'somebody manual running null'
	assert_json '.gpus[1].intervals | map("\(.user) \(.type) \(.state) \(.end > .start)") | join(",")' \
		"$(id -un) manual finished true"
	assert_json '(.to | sub("[.].*"; "Z") | fromdate) - (.from | sub("[.].*"; "Z") | fromdate)' 86400
	get_ok '/api/timeline?days=90'
	assert_json '(.to | sub("[.].*"; "Z") | fromdate) - (.from | sub("[.].*"; "Z") | fromdate)' 7776000
}

@test "/api/events/log has what has happened, and a stream gets what happens, once" {
	shared_web
	chg_ok reserve
	stream log
	chg_ok release
	wait_until 'grep -q "\"kind\":\"released\"" "$WORLD/log.out"' 60
	# What came before the stream may be in the refresh that it waited for.
	grep '^event: log' -A2 "$WORLD/log.out" | sed -n 's/^data: //p' >"$WORLD/messages"
	assert_equal "$(jq -r 'select(.kind != "granted") | "\(.kind) \(.gpus)"' "$WORLD/messages")" 'released [0]'
	id=$(jq -r 'select(.kind == "released").id' "$WORLD/messages")
	grep -qx "id: $id" "$WORLD/log.out"
	get_ok /api/events/log
	assert_json '.events[-1].id' "$id"
	assert_json '.events[-2:] | map(.kind) | join(" ")' 'granted released'
	get '/api/events/log?days=0'
	assert_refused 400 "'days'"
}

@test "/api/host says what this server is" {
	shared_web
	get_ok /api/host
	assert_json '"\(.host) \(.version) \(.gpus) \(.provider) \(.demo) \(.interval_seconds)"' \
		"$(hostname) $(cat "$BATS_TEST_DIRNAME/../../VERSION") 2 fake false 0.5"
	get_ok "/$(json_get .documentation)"
	[[ $body == *'How to get a GPU'* ]] || fail_with 'no documentation'
}

@test "a page's links can lead elsewhere" {
	pool 1
	printf 'web: {source-url: "https://git.example/x", documentation-url: "https://docs.example/"}\n' \
		>"$WORLD/home/.canhazgpu.yaml"
	web
	get_ok /api/host
	assert_json '"\(.source) \(.documentation)"' 'https://git.example/x https://docs.example/'
}

@test "a stream is told when what runs on the GPUs changes" {
	pool 1
	web
	stream one
	before=$(changes one)
	fake_state '{"gpus": [{"memory_used_mb": 5000}]}'
	wait_until '[ "$(changes one)" -gt "$before" ]' 60
	wait_until 'get_ok /api/status && [ "$(json_get ".[0].status")" = UNRESERVED ]' 60
}

@test "however many ask, the driver is asked once per interval" {
	use_nvml
	world_set LD_LIBRARY_PATH="$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nvml-broken"
	mkdir "$WORLD/smi"
	printf '#!/bin/sh\necho "$1" >>"%s/smi/asked"\nexec "%s" "$@"\n' "$WORLD" \
		"$BATS_TEST_DIRNAME/../stubs/nvidia-smi" >"$WORLD/bin/nvidia-smi"
	chmod +x "$WORLD/bin/nvidia-smi"
	world_set CANHAZGPU_STUB_SMI="$WORLD/smi"
	echo '0, GPU-a, NVIDIA A100, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' >"$WORLD/smi/gpus.csv"
	: >"$WORLD/smi/apps.csv"
	chg_ok admin --provider nvidia --gpus 1
	: >"$WORLD/smi/asked"
	chg_ok status
	asked=$(wc -l <"$WORLD/smi/asked")
	: >"$WORLD/smi/asked"
	web --interval 1h
	for i in 1 2 3 4 5 6 7 8 9 10; do
		stream "s$i"
		get_ok /api/status
		get_ok /metrics
	done
	# Once for all of them, and once more where the word that changes are watched from now on came later.
	total=$(wc -l <"$WORLD/smi/asked")
	[ "$asked" -gt 0 ] && [ "$total" -ge "$asked" ] && [ "$total" -le $((2 * asked)) ] ||
		fail_with "one look asks $asked times, these were $total"
}

@test "a driver that hangs holds up neither the page nor those who watch it hang" {
	use_nvml
	nvml_state '{"gpus": [{"uuid": "GPU-a", "name": "A", "bus": [0, 1, 0], "memory": [40960, 1, 4], "compute": [], "graphics": []}]}'
	sound=$(cat "$WORLD/nvml.json")
	chg_ok admin --provider nvidia
	web
	stream one
	# Answered while one and the same process asked the driver: it hangs for five seconds at most. A busy machine
	# may be too slow for that, and tries again.
	answered_meanwhile() {
		nvml_state "$sound"
		wait_until 'get_ok /api/status && [ "$(json_get ".[0].status")" = AVAILABLE ]' 60
		nvml_state '{"hang": "nvmlInit", "gpus": []}'
		wait_until 'scanner=$(scanners) && [ -n "$scanner" ] && sleep 0.3 && [ "$(scanners)" = "$scanner" ]' 60
		get_ok / && get_ok /api/status && get_ok /api/report && get_ok /api/status && [ "$(scanners)" = "$scanner" ]
	}
	wait_until answered_meanwhile 120
	wait_until 'get_ok /api/status && [ "$(json_get ".[0].status")" = ERROR ]' 60
	get_ok /metrics
	grep -qx 'canhazgpu_scan_success 0' <<<"$body"
	grep -qx 'canhazgpu_gpus{state="error"} 1' <<<"$body"
}

@test "a process behind the server that is killed is replaced" {
	pool 1
	web
	get_ok /api/status
	get_ok /api/report
	for child in $(workers); do
		kill -KILL "$child"
	done
	wait_until 'get /api/status && [ "$code" = 200 ]' 60
	wait_until 'get /api/timeline && [ "$code" = 200 ]' 60
	stream one
	before=$(changes one)
	chg_ok reserve
	wait_until '[ "$(changes one)" -gt "$before" ]' 60
}

@test "metrics: every kind, right numbers, and no complaint from promtool" {
	pool 4
	chg_ok reserve --gpu-ids 0,3 --user 'a"b\c'
	fake_state '{"gpus": [{"memory_used_mb": 4096, "memory_total_mb": 8192, "utilization_percent": 50, "temperature_c": 61,
		"power_mw": 150500, "power_limit_mw": 400000, "processes": [{"pid": '$$'}]}, {"memory_used_mb": 2048}, {"memory_used_mb": null, "processes": null, "health": "faulty"}]}'
	web
	get_ok /metrics
	assert_equal "$(header content-type)" 'text/plain; version=0.0.4; charset=utf-8'
	me=$(id -un)
	for line in "canhazgpu_build_info{version=\"$(cat "$BATS_TEST_DIRNAME/../../VERSION")\"} 1" \
		'canhazgpu_gpus{state="available"} 0' 'canhazgpu_gpus{state="in_use"} 2' \
		'canhazgpu_gpus{state="unreserved"} 1' 'canhazgpu_gpus{state="error"} 1' \
		'canhazgpu_gpu_state{gpu="1",state="unreserved"} 1' \
		'canhazgpu_gpu_memory_used_bytes{gpu="0"} 4294967296' 'canhazgpu_gpu_memory_total_bytes{gpu="0"} 8589934592' \
		'canhazgpu_gpu_utilization_ratio{gpu="0"} 0.5' 'canhazgpu_gpu_temperature_celsius{gpu="0"} 61' \
		'canhazgpu_gpu_healthy{gpu="0"} 1' 'canhazgpu_gpu_healthy{gpu="2"} 0' 'canhazgpu_gpu_needs_attention{gpu="2"} 0' \
		'canhazgpu_gpu_power_watts{gpu="0"} 150.5' 'canhazgpu_gpu_power_limit_watts{gpu="0"} 400' \
		"canhazgpu_reservations{account=\"$me\",type=\"manual\"} 1" \
		"canhazgpu_reserved_gpus{account=\"$me\",type=\"manual\"} 2" \
		'canhazgpu_queue_length 0' 'canhazgpu_queue_oldest_wait_seconds 0' 'canhazgpu_scan_success 1'; do
		grep -qxF "$line" <<<"$body" || fail_with "no line: $line"
	done
	for name in scan_duration_seconds store_read_duration_seconds; do
		grep -qE "^canhazgpu_$name [0-9.e-]+\$" <<<"$body" || fail_with "no $name"
	done
	# A display name is nobody's account, and no label.
	[[ $body != *'a\'* ]] || fail_with 'a display name is a label'
	command -v promtool >/dev/null || skip 'no promtool'
	promtool check metrics <"$WORLD/stdout" >"$WORLD/lint" 2>&1 || fail_with "$(cat "$WORLD/lint")"
	assert_equal "$(cat "$WORLD/lint")" ''
}

@test "/api/openapi.json is true to the answers" {
	pool 4
	fake_state '{"gpus": [{"memory_used_mb": 45}, {"memory_used_mb": 9000, "processes": [{"pid": 1}]}, {"memory_used_mb": null, "processes": null}]}'
	chg_ok reserve --gpu-ids 3 --note x
	start_background waiter canhazgpu reserve --wait --gpu-ids 3 --note x
	web
	wait_until 'get_ok /api/queue && [ "$(json_get .total_waiting)" = 1 ]' 60
	python3 "$PROGRAMS/check-openapi" "$url" >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
	get_ok /api/openapi.json
	assert_equal "$(header content-type)" application/json
	kill "$background_pid"
	wait_background web
	# The simulation has every state and a queue.
	web --demo
	python3 "$PROGRAMS/check-openapi" "$url" >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
}

@test "other people's text arrives as text" {
	pool 1
	chg_ok reserve --user "$(printf '<img src=x onerror=alert(1)>\e[31m')" --note "$(printf '"\\\xff\xe2\x80\xae</script>\x01')"
	web
	get_ok /api/status
	LC_ALL=C grep -q '[^ -~]' <<<"$body" && fail_with 'bytes that are no plain text'
	assert_json '.[0].user' "$(printf '<img src=x onerror=alert(1)>\e[31m')"
	assert_json '.[0].note' "$(printf '"\\\xef\xbf\xbd\xe2\x80\xae</script>\x01')"
	for path in /api/timeline /api/report /metrics; do
		get_ok "$path"
	done
}

@test "the simulation needs no pool, and shows every state and a queue" {
	web --demo
	get_ok /api/status
	assert_json length 8
	assert_json '[.[].status] | unique - ["AVAILABLE"] | join(" ")' 'ERROR IN_USE UNRESERVED'
	assert_json '[.[] | select(.queue_id)] | length' 1
	get_ok /api/queue
	assert_json '.total_waiting >= 2 and (.entries[0].allocated | length) == 1' true
	wait_until 'get_ok "/api/timeline?days=7" &&
		[ "$(json_get "[.gpus[].intervals[] | .state] | unique | join(\" \")")" = "finished running" ]' 60
	get_ok /api/report
	assert_json '.unique_users > 3 and .total_gpu_hours > 100' true
	get_ok /api/host
	assert_json .demo true
	stream one
	wait_until '[ "$(changes one)" -gt 2 ]' 60
	[ ! -e "$WORLD/pool.db" ] || fail_with 'it made a pool'
	if command -v promtool >/dev/null; then
		get_ok /metrics
		promtool check metrics <"$WORLD/stdout" >"$WORLD/lint" 2>&1 || fail_with "$(cat "$WORLD/lint")"
	fi
}
