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
	url=
	wait_until 'has_line "$WORLD/web.err" "Serving " || has_line "$WORLD/web.err" Error' 60
	read_file "$WORLD/web.err"
	[[ ! $file_text =~ (^|$'\n')Serving\ (http://[^ $'\n']*)/($'\n'|$) ]] || url=${BASH_REMATCH[2]}
	[ -n "$url" ] || fail_with "the server did not start: $(cat "$WORLD/web.err")"
}

# The server that tests share which need none of their own: they call shared_web instead of `pool` and `web`. It shows
# a pool of two GPUs on which nothing runs; who reserves one releases it. It belongs to a world of its own, which lasts
# as long as the file.
shared_web_open() {
	world_open
	pool 2
	web
	export SHARED_WORLD=$WORLD SHARED_URL=$url SHARED_REDIS=${redis_pid:-}
	SHARED_STORE=$(store_url)
	export SHARED_STORE
}

shared_web_close() {
	[ -n "${SHARED_WORLD:-}" ] || return 0
	WORLD=$SHARED_WORLD redis_pid=$SHARED_REDIS
	world_close
}

shared_web() {
	url=$SHARED_URL
	world_set "CANHAZGPU_STORE=$SHARED_STORE"
}

# get PATH [CURL OPTIONS]: $code, and the answer in $body; also in $WORLD/stdout for json_get, and its
# headers in $headers, by their names in small letters.
get() {
	local path=$1
	shift
	: >"$WORLD/stdout"
	code=$(curl -sS --path-as-is --max-time 60 -D "$WORLD/headers.raw" -o "$WORLD/stdout" -w '%{http_code}' "$@" "$url$path") ||
		fail_with "curl $url$path failed"
	read_headers
	read_file "$WORLD/stdout"
	body=$file_text
}

get_ok() {
	get "$@"
	[ "$code" = 200 ] || fail_with "GET $1: $code, $body"
}

read_headers() {
	local line name
	declare -gA headers=()
	while IFS= read -r line; do
		line=${line%$'\r'} name=${line%%:*}
		[[ $line != *': '* ]] || headers[${name,,}]=${line#*: }
	done <"$WORLD/headers.raw"
}

# The value of a header of the last answer.
header() {
	echo "${headers[$1]-}"
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
	wait_until 'has_line "$WORLD/'"$1"'.out" "event: status"' 60
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

# Bytes that the processes of the server have read: it grows while they look at the pool. Without the first, which
# watches for commits, and for that checks its connection to Redis now and then.
bytes_read() {
	local child sum=0 n children
	read -ra children < <(workers) || true
	for child in "${children[@]:1}"; do
		read -r _ n <"/proc/$child/io"
		sum=$((sum + n))
	done
	echo "$sum"
}

helpers_end
