# shellcheck shell=bash
# What the tests of the web server share (`load web_helpers` behind `load helpers`).

# web [OPTIONS]: starts a server in the world on a free port of the loopback; $url is its address, and
# ${background_pids[web]} its pid. It looks twice a second, so that nobody waits for long.
web() {
	rm -f "$WORLD/web.err"
	start_background web canhazgpu web --host 127.0.0.1 --port 0 --interval 500ms "$@"
	web_started
}

web_started() {
	wait_until 'grep -qs "^Serving \|^Error" "$WORLD/web.err"' 60
	url=$(sed -nE 's|^Serving (http://[^ ]*)/$|\1|p' "$WORLD/web.err")
	[ -n "$url" ] || fail_with "the server did not start: $(cat "$WORLD/web.err")"
}

# get PATH [CURL OPTIONS]: $code, and the answer in $body; also in $WORLD/stdout for json_get, and its
# headers in $WORLD/headers, one "name: value" in small letters per line.
get() {
	local path=$1
	shift
	: >"$WORLD/stdout"
	code=$(curl -sS --path-as-is --max-time 60 -D "$WORLD/headers.raw" -o "$WORLD/stdout" -w '%{http_code}' "$@" "$url$path") ||
		fail_with "curl $url$path failed"
	tr -d '\r' <"$WORLD/headers.raw" | sed -E 's/^([A-Za-z-]+):/\L\1:/' >"$WORLD/headers"
	body=$(tr -d '\0' <"$WORLD/stdout")
}

get_ok() {
	get "$@"
	[ "$code" = 200 ] || fail_with "GET $1: $code, $body"
}

# The value of a header of the last answer.
header() {
	sed -n "s/^$1: //p" "$WORLD/headers"
}

# An error as promised: that status, and {"error": "..."} with some text in it.
assert_refused() {
	assert_equal "$code" "$1"
	assert_equal "$(header content-type)" application/json
	assert_json 'keys | join(" ")' error
	[[ $(json_get .error) == *"$2"* ]] || fail_with "the error is '$body', expected '$2'"
}

# Opens an event stream; what arrives is in $WORLD/NAME.out.
stream() {
	start_background "$1" curl -sSN "$url/api/events"
	wait_until 'grep -qs "^event: status" "$WORLD/'"$1"'.out"' 60
}

# How often a stream was told of a change.
changes() {
	grep -c '^event: change' "$WORLD/$1.out" || true
}

# The processes behind the server, in the order in which they were started.
workers() {
	cat "/proc/${background_pids[web]}/task/${background_pids[web]}/children"
}

# The processes that ask the driver at present: each look starts one.
scanners() {
	local pid
	for pid in $(workers); do
		cat "/proc/$pid/task/$pid/children" 2>/dev/null || true
	done
}

# Bytes that the processes of the server have read: it grows while they look at the pool.
bytes_read() {
	local child sum=0 n
	for child in $(workers); do
		n=$(sed -n 's/^rchar: //p' "/proc/$child/io")
		sum=$((sum + n))
	done
	echo "$sum"
}
