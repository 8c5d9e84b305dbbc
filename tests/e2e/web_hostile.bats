#!/usr/bin/env bats
# canhazgpu web in an unfriendly network: requests that are wrong, slow, huge, many, or not for us.
# stores: any
# seconds: 45

load helpers
load web_helpers

PROGRAMS=$BATS_TEST_DIRNAME/programs

setup_file() {
	shared_web_open
}

teardown_file() {
	shared_web_close
}

# raw TEXT [--briefly]: sends it (printf escapes) as it is on a connection of its own, and prints what comes back
# until the server closes; --briefly: or for two seconds.
raw() {
	printf "$1" | timeout 90 python3 "$PROGRAMS/talk" "${@:2}" "${url##*:}" || true
}

@test "only GET and HEAD; a body is read and thrown away, and the connection goes on" {
	shared_web
	for method in POST PUT DELETE PATCH OPTIONS TRACE BREW; do
		get /api/status -X $method
		assert_refused 405 'only GET and HEAD'
		assert_equal "$(header allow)" 'GET, HEAD'
	done
	get / -X POST -d "$(head -c 20000 /dev/zero | tr '\0' x)"
	assert_refused 405
	for path in / /api/status /api/report /api/events /metrics /healthz; do
		answer=$(raw "HEAD $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" | tr -d '\r')
		[[ $answer == 'HTTP/1.1 200 OK'*'Content-Security-Policy: '* ]] || fail_with "HEAD $path: $answer"
		# Nothing but headers.
		assert_equal "$path $(tail -n +2 <<<"$answer" | grep -cvE '^[A-Za-z-]+: ')" "$path 0"
	done
	# Two requests, one connection: the second is answered on it, too.
	answers=$(raw 'POST /api/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhelloGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
	assert_equal "$(grep -c '^HTTP/1.1 405' <<<"$answers") $(grep -c '^HTTP/1.1 200' <<<"$answers")" '1 1'
}

@test "too large: addresses, headers and bodies" {
	shared_web
	get "/$(head -c 3000 /dev/zero | tr '\0' a)"
	assert_refused 414 2048
	get "/api/report?days=$(head -c 3000 /dev/zero | tr '\0' 1)"
	assert_refused 414
	get / -H "X-Much: $(head -c 10000 /dev/zero | tr '\0' a)"
	assert_refused 431
	get / -X POST -H 'Content-Length: 99999999' -H 'Expect:' -d x
	assert_refused 413
	# More than a connection may keep: libmicrohttpd refuses by itself.
	get / -H "X-Much: $(head -c 60000 /dev/zero | tr '\0' a)"
	assert_equal "$code" 431
	get_ok /healthz
}

@test "what is no HTTP, or half of it, harms nobody" {
	local texts=() talks=() text number
	shared_web
	for text in '\0\0\0\0' 'hello\r\n\r\n' 'GET\r\n\r\n' 'GET / HTTP/9.9\r\n\r\n' 'GET / HTTP/1.1\r\n\r\n' \
		'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' 'GET  /  HTTP/1.1\r\nHost: a\r\n\r\n' \
		'GET /\0x HTTP/1.1\r\n\r\n' 'GET /%%00 HTTP/1.1\r\nHost: localhost\r\n\r\n' \
		'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n' \
		'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' \
		'GET /api/report?%%%%&&==&days HTTP/1.1\r\nHost: localhost\r\n\r\n' \
		'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n' 'GET http://a/b HTTP/1.1\r\nHost: localhost\r\n\r\n'; do
		texts+=("$text")
		raw "$text" --briefly >"$WORLD/answer.${#texts[@]}" &
		talks+=($!)
		get_ok /healthz
	done
	wait "${talks[@]}"
	get_ok /healthz
	for number in "${!texts[@]}"; do
		read_file "$WORLD/answer.$((number + 1))"
		[[ $file_text != 'HTTP/1.1 200'* ]] || fail_with "'${texts[number]}' was answered: $file_text"
	done
	for path in /../etc/passwd /..%2f..%2fetc/passwd //etc/passwd /./page.js /page.js/ /api/ /api/status/ /API/STATUS \
		/%2e%2e/%2e%2e/etc/passwd /openapi.json; do
		get "$path"
		assert_refused 404
	done
}

@test "who sends a request slowly is shown the door; others do not wait for him" {
	shared_web
	# One letter a second is never idle for long.
	start_background slow python3 "$PROGRAMS/talk" --slowly "${url##*:}"
	start_background silent python3 "$PROGRAMS/talk" --silently "${url##*:}"
	get_ok /api/status
	wait_until 'grep -q closed "$WORLD/slow.out" && grep -q closed "$WORLD/silent.out"' 60
	get_ok /api/status
}

@test "5,000 connections at once: people are still served" {
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 6000 ] || skip 'needs more files at once (ulimit -n)'
	shared_web
	start_background crowd bash -c 'ulimit -Sn "$(ulimit -Hn)"; exec "$@"' - python3 "$PROGRAMS/crowd" "${url##*:}" 5000
	wait_until 'grep -q "^connected 5000" "$WORLD/crowd.out"' 120
	get_ok /api/status
	get_ok /
	stream one
	before=$(changes one)
	chg_ok reserve
	wait_until '[ "$(changes one)" -gt "$before" ]' 60
	# They send nothing: after a while they are gone.
	wait_until 'grep -q "^closed 5000" "$WORLD/crowd.out"' 120
	get_ok /healthz
	chg_ok release
}

@test "one address does not get all connections" {
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 3000 ] || skip 'needs more files at once (ulimit -n)'
	address=$(hostname -I | tr ' ' '\n' | grep -m 1 -E '^[0-9.]+$') || skip 'this machine has no address but the loopback'
	pool 1
	start_background web canhazgpu web --port 0
	web_started
	port=${url##*:} url=http://127.0.0.1:${url##*:}
	start_background crowd bash -c 'ulimit -Sn "$(ulimit -Hn)"; exec "$@"' - \
		python3 "$PROGRAMS/crowd" --streams "$address:$port" 1100
	wait_until '[ -s "$WORLD/crowd.out" ]' 120
	assert_equal "$(cat "$WORLD/crowd.out")" 'begun 1000 closed 100'
	# A proxy of this host has the connections of everybody.
	start_background proxy bash -c 'ulimit -Sn "$(ulimit -Hn)"; exec "$@"' - \
		python3 "$PROGRAMS/crowd" --streams "$port" 1100
	wait_until '[ -s "$WORLD/proxy.out" ]' 120
	assert_equal "$(cat "$WORLD/proxy.out")" 'begun 1100 closed 0'
	get_ok /api/status
}

@test "a crowd that asks all at once is answered, all of it" {
	shared_web
	python3 "$PROGRAMS/crowd" --ask "${url##*:}" 300 >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
	assert_equal "$(cat "$WORLD/log")" 'answered 300'
}

@test "who leaves in the middle of a stream or an answer is forgotten" {
	shared_web
	for i in 1 2 3 4 5; do
		stream "s$i"
		kill -KILL "$background_pid"
		timeout 0.01 curl -s "$url/api/timeline?days=$i" >/dev/null || true
	done
	stream last
	before=$(changes last)
	chg_ok reserve
	wait_until '[ "$(changes last)" -gt "$before" ]' 60
	get_ok /api/status
	chg_ok release
}

@test "names: a server on the loopback answers to the loopback's, others only to those that are listed" {
	pool 1
	web
	for name in localhost 127.0.0.1:80 '[::1]:8080' LOCALHOST; do
		get_ok /api/status -H "Host: $name"
	done
	for name in evil.example 'localhost.evil.example' 'evil.example:8080' '[::2]' 'localhost:x'; do
		get /api/status -H "Host: $name"
		assert_refused 403 --allow-host
		get / -H "Host: $name"
		assert_refused 403
	done
	kill "${background_pids[web]}"
	wait_background web
	web --allow-host 'gpu1, gpu1.lab.example'
	get_ok /api/status -H 'Host: GPU1:8080'
	get_ok /api/status -H 'Host: gpu1.lab.example'
	get /api/status
	assert_refused 403
}

@test "a token: in a header, or once in the address and then in a cookie" {
	pool 1
	printf 'abcdefghijklmnop+/==\n' >"$WORLD/token"
	web --token-file "$WORLD/token"
	for path in / /api/status /api/events /metrics /page.js /none; do
		get "$path"
		assert_refused 401 token
		assert_equal "$(header www-authenticate)" Bearer
	done
	get_ok /healthz
	for wrong in 'Bearer abcdefghijklmnop+/=' 'Bearer abcdefghijklmnop+/===' 'Bearer ' 'Basic abcdefghijklmnop+/==' \
		abcdefghijklmnop+/==; do
		get /api/status -H "Authorization: $wrong"
		assert_refused 401
	done
	get_ok /api/status -H 'Authorization: Bearer abcdefghijklmnop+/=='
	assert_equal "$(header set-cookie)" ''
	get '/?token=wrong'
	assert_refused 401
	get_ok '/?token=abcdefghijklmnop%2B%2F%3D%3D' -c "$WORLD/jar"
	[[ $(header set-cookie) == *'; HttpOnly; SameSite=Strict' ]] || fail_with "$(header set-cookie)"
	assert_equal "$(header cache-control)" no-store
	get_ok /api/status -b "$WORLD/jar"
	get_ok /page.js -b "$WORLD/jar"
	# Who comes by the address again gets another 90 days.
	get_ok '/?token=abcdefghijklmnop%2B%2F%3D%3D' -b "$WORLD/jar"
	[[ $(header set-cookie) == *'; Max-Age=7776000;'* ]] || fail_with 'the cookie is not renewed'
	get /api/status -b "$(awk '/canhazgpu_token/ { print $6 }' "$WORLD/jar")=wrong; other=1"
	assert_refused 401
	# The word is nowhere to be seen.
	pid=${background_pids[web]}
	! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q abcdefgh
}

# behind_proxy NAME PATH TOKEN: a browser, with the cookies of $WORLD/browser, asks a proxy for PATH below /NAME/, and the
# proxy asks this server.
behind_proxy() {
	local path=$url/$1$2
	code=$(curl -sS --max-time 60 -o "$WORLD/stdout" -w '%{http_code}' -b "$WORLD/browser" -c "$WORLD/browser" \
		--request-target "$2${3:+?token=$3}" "$path")
}

@test "behind a proxy the cookie is that of the page's own path, and of its own server" {
	pool 1
	: >"$WORLD/browser"
	echo first-token-of-them >"$WORLD/first"
	echo second-token-of-them >"$WORLD/second"
	web --token-file "$WORLD/second"
	second=$url
	background_pids[second]=${background_pids[web]}
	web --token-file "$WORLD/first"
	first=$url
	behind_proxy gpu1 / first-token-of-them
	assert_equal "$code" 200
	url=$second
	behind_proxy gpu2 / second-token-of-them
	assert_equal "$code" 200
	# Both hold, the other one's and no other application gets anything.
	behind_proxy gpu2 /api/status
	assert_equal "$code" 200
	behind_proxy gpu1 /api/status
	assert_equal "$code" 401
	behind_proxy other /
	assert_equal "$code" 401
	url=$first
	behind_proxy gpu1 /api/status
	assert_equal "$code" 200
	behind_proxy gpu2 /api/status
	assert_equal "$code" 401
	# At one address, apart by their ports alone, each has its own.
	get_ok '/?token=first-token-of-them' -b "$WORLD/browser" -c "$WORLD/browser"
	url=$second
	get_ok '/?token=second-token-of-them' -b "$WORLD/browser" -c "$WORLD/browser"
	get_ok /api/status -b "$WORLD/browser"
	url=$first
	get_ok /api/status -b "$WORLD/browser"
}

@test "without the token one learns that the pool is away, not why" {
	printf 'abcdefghijklmnop\n' >"$WORLD/token"
	web --token-file "$WORLD/token"
	get /healthz
	assert_refused 503 'the pool cannot be read'
	[[ $body != *admin* ]] || fail_with "$body"
	get /healthz -H 'Authorization: Bearer abcdefghijklmnop'
	assert_refused 503 'canhazgpu admin'
}

@test "a token that is none is refused before anything is served" {
	for text in short 'has a space in it, which headers do not like' "$(head -c 300 /dev/zero | tr '\0' x)" ''; do
		printf '%s\n' "$text" >"$WORLD/token"
		chg web --port 0 --token-file "$WORLD/token"
		assert_error 2 'is not a token'
	done
	chg web --port 0 --token-file "$WORLD/none"
	assert_error 1 "cannot read the token in '$WORLD/none'"
}
