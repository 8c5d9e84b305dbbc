#!/usr/bin/env bats
# canhazgpu web as a service: starting, listening, ending, and what systemd wants to hear.
# stores: any

load helpers
load web_helpers

PROGRAMS=$BATS_TEST_DIRNAME/programs

@test "one line says where, and SIGTERM or Ctrl-C ends it with nothing left" {
	pool 1
	for signal in TERM INT; do
		web
		get_ok /api/report
		stream one
		kill -$signal "${background_pids[web]}"
		wait_background web
		assert_equal "$status" 0
		assert_equal "$(wc -l <"$WORLD/web.err") $(cat "$WORLD/web.out")" '1 '
		wait_background one
		assert_no_processes 60
	done
}

@test "a server that is killed leaves no process behind" {
	pool 1
	web
	get_ok /api/report
	kill -KILL "${background_pids[web]}"
	assert_no_processes 60
}

@test "under nohup it outlives the terminal" {
	pool 1
	start_background web sh -c 'trap "" HUP; exec canhazgpu web --host 127.0.0.1 --port 0'
	web_started
	kill -HUP "${background_pids[web]}"
	get_ok /healthz
	kill "${background_pids[web]}"
	wait_background web
	assert_equal "$status" 0
}

@test "closed standard handles: it serves, and says nothing into its own sockets" {
	pool 1
	web
	port=${url##*:}
	kill "${background_pids[web]}"
	wait_background web
	start_background web sh -c "exec canhazgpu web --host 127.0.0.1 --port $port <&- >&- 2>&-"
	wait_until 'curl -sSo /dev/null "$url/healthz" 2>/dev/null || ! kill -0 "${background_pids[web]}"' 60
	get_ok /healthz
	for fd in 0 1 2; do
		assert_equal "$(readlink "/proc/${background_pids[web]}/fd/$fd")" /dev/null
	done
	kill "${background_pids[web]}"
	wait_background web
	assert_equal "$status" 0
}

@test "a port that is taken, and addresses that are none: what to do about it" {
	pool 1
	# On an address of its own nobody else takes the port while it is free.
	host=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
	start_background web canhazgpu web --host "$host" --port 0
	web_started
	port=${url##*:}
	chg web --host "$host" --port "$port"
	assert_error 1 "port $port is taken"
	assert_stderr_has --port
	chg web --host 203.0.113.7 --port 0
	assert_error 1 "'203.0.113.7' is not an address of this host"
	chg web --host no-such-name.invalid --port 0
	assert_error 1 "'no-such-name.invalid' is not an address to listen on"
	chg web --port 70000
	assert_error 2 --port
	chg web --interval 1ms
	assert_error 2 --interval
	chg web word
	assert_error 2 word
	# The one that runs is not harmed, and its port is free as soon as it is gone.
	get_ok /healthz -H 'Host: localhost'
	kill "${background_pids[web]}"
	wait_background web
	rm "$WORLD/web.err"
	start_background web canhazgpu web --host "$host" --port "$port"
	web_started
}

@test "a store that is none is told at the start" {
	for store in /proc/pool.db http://gpu1/ 'redis://gpu1:x/'; do
		chg --store "$store" status
		reason=$stderr
		chg --store "$store" web --host 127.0.0.1 --port 0
		assert_error 2 store
		assert_equal "$stderr" "$reason"
	done
}

@test "IPv6, and all addresses" {
	pool 1
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip 'no IPv6 here'
	for host in ::1 '[::1]'; do
		rm -f "$WORLD/web.err"
		start_background web canhazgpu web --host "$host" --port 0
		web_started
		[[ $url == 'http://[::1]:'* ]] || fail_with "$url"
		get_ok /healthz
		kill "$background_pid"
		wait_background web
	done
	rm -f "$WORLD/web.err"
	start_background web canhazgpu web --host :: --port 0
	web_started
	url=http://127.0.0.1:${url##*:}
	get_ok /healthz
}

@test "settings from files and the environment reach the server" {
	pool 1
	printf 'web: {host: 127.0.0.1, port: 0, interval: 3s, allow-host: "a,b"}\nmemory: {threshold: 100}\n' >"$WORLD/named.yaml"
	fake_state '{"gpus": [{"memory_used_mb": 150}]}'
	world_set CANHAZGPU_WEB_ALLOW_HOST=c
	start_background web canhazgpu web --config "$WORLD/named.yaml"
	web_started
	get_ok /api/host -H 'Host: c'
	assert_json .interval_seconds 3
	get_ok /api/status -H 'Host: c'
	assert_json '.[0].status' UNRESERVED
	get /api/status -H 'Host: a'
	assert_refused 403
}

@test "the server's program says who starts it" {
	for arguments in '' 'x' '99' '1 2'; do
		status=0
		in_world "$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/canhazgpu-web" $arguments >"$WORLD/stdout" 2>"$WORLD/stderr" </dev/null ||
			status=$?
		stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
		assert_error 2 "started by 'canhazgpu web'"
	done
}

@test "systemd hears when it is ready, that it lives, and when it ends" {
	pool 1
	for kind in path abstract; do
		rm -f "$WORLD/web.out" "$WORLD/web.err"
		start_background web python3 "$PROGRAMS/manager" --notify "$kind" --watchdog 400000 "$WORLD/notify-$kind" \
			canhazgpu web --host 127.0.0.1 --port 0
		web_started
		wait_until 'grep -q "^READY=1" "$WORLD/web.out"' 60
		wait_until '[ "$(grep -c "^WATCHDOG=1" "$WORLD/web.out")" -ge 3 ]' 60
		get_ok /healthz
		kill "$background_pid"
		wait_background web
		assert_equal "$status" 0
		grep -q '^STOPPING=1' "$WORLD/web.out"
	done
}

@test "systemd hears that it lives also where it asks once an hour" {
	pool 1
	start_background web python3 "$PROGRAMS/manager" --notify path --watchdog 3600000000 "$WORLD/notify" \
		canhazgpu web --host 127.0.0.1 --port 0
	web_started
	wait_until 'grep -q "^WATCHDOG=1" "$WORLD/web.out"' 60
	kill "$background_pid"
	wait_background web
	assert_equal "$status" 0
}

@test "systemd's socket is served, also a Unix one; what it hands over by mistake is refused" {
	pool 1
	start_background web python3 "$PROGRAMS/manager" --listen 127.0.0.1 "$WORLD/notify" canhazgpu web --port 1
	web_started
	wait_until '[ -s "$WORLD/web.out" ]' 60
	assert_equal "${url##*:}" "$(sed -n 's/^port //p' "$WORLD/web.out")"
	get_ok /healthz
	kill "$background_pid"
	wait_background web
	assert_equal "$status" 0
	rm -f "$WORLD/web.err"
	start_background web python3 "$PROGRAMS/manager" --listen "$WORLD/socket" "$WORLD/notify" canhazgpu web
	wait_until 'grep -qs "^Serving" "$WORLD/web.err"' 60
	assert_equal "$(cat "$WORLD/web.err")" "Serving unix:$WORLD/socket"
	assert_equal "$(curl -sS --unix-socket "$WORLD/socket" http://localhost/healthz)" ok
	kill "$background_pid"
	wait_background web
	# Not for us: another process is named.
	status=0
	in_world python3 "$PROGRAMS/manager" --listen nothing "$WORLD/notify" canhazgpu web >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_equal "$status" 1
	grep -q 'Error: systemd did not pass a listening socket' "$WORLD/stderr"
}

@test "no server is installed: what to do about it" {
	mkdir "$WORLD/alone"
	cp "$(readlink -f "$CANHAZGPU_BIN")" "$WORLD/alone/canhazgpu"
	status=0
	in_world "$WORLD/alone/canhazgpu" web >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	[[ $stderr != Serving* ]] || skip 'a server is installed on this machine'
	assert_error 1 'the web server is not installed'
}

@test "what contrib has for systemd, Prometheus and Grafana fits" {
	contrib=$BATS_TEST_DIRNAME/../../contrib
	web --demo
	get_ok /metrics
	names=$(sed -nE 's/^# TYPE ([a-z_]+) .*/\1/p' <<<"$body")
	jq -e . "$contrib/grafana-dashboard.json" >/dev/null
	for name in $(grep -ohE 'canhazgpu_[a-z_]+' "$contrib/grafana-dashboard.json" "$contrib/prometheus-alerts.yaml" | sort -u); do
		grep -qxF "$name" <<<"$names" || fail_with "there is no metric $name"
	done
	for name in $names; do
		[[ $name =~ build_info|gpu_info|power_limit|scan_success|reservations$ ]] ||
			grep -qF "$name" "$contrib"/{grafana-dashboard.json,prometheus-alerts.yaml} || fail_with "$name is shown nowhere"
	done
	if command -v promtool >/dev/null; then
		promtool check rules "$contrib/prometheus-alerts.yaml" >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
	fi
	if command -v systemd-analyze >/dev/null; then
		sed "s|/usr/bin/canhazgpu|$(readlink -f "$CANHAZGPU_BIN")|" "$contrib/canhazgpu-web.service" >"$WORLD/canhazgpu-web.service"
		sed "s|/usr/bin/canhazgpu|$(readlink -f "$CANHAZGPU_BIN")|" "$contrib/canhazgpu-guard.service" >"$WORLD/canhazgpu-guard.service"
		cp "$contrib/canhazgpu-web.socket" "$contrib/canhazgpu-guard.timer" "$WORLD/"
		systemd-analyze verify --man=no "$WORLD"/canhazgpu-{web.service,web.socket,guard.service,guard.timer} >"$WORLD/log" 2>&1 ||
			fail_with "$(cat "$WORLD/log")"
	fi
}
