#!/usr/bin/env bats
# The pool in Redis, while its primary moves from server to server, and its password changes: waiting
# requests, runs, and the web server live longer than either.
# stores: redis
# seconds: 30

load wait_helpers
load web_helpers

setup() {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'is about the Redis store'
	world_open
	declare -gA server_pids=() server_ports=()
}

teardown() {
	local name
	for name in "${!server_pids[@]}"; do
		kill_server "$name" 2>/dev/null || true
	done
	world_close
}

# server NAME ADDRESS PORT [OPTIONS]: a redis-server; a port that is taken makes it fail.
server() {
	local name=$1 address=$2 port=$3
	shift 3
	mkdir -p "$WORLD/$name"
	(exec redis-server --port "$port" --bind "$address" --dir "$WORLD/$name" --save '' --protected-mode no \
		--repl-diskless-sync-delay 0 --repl-ping-replica-period 1 \
		--unixsocket "$WORLD/$name/socket" "$@" >>"$WORLD/$name/log" 2>&1 3>&- 4>&- 6>&-) &
	server_pids[$name]=$!
	server_ports[$name]=$port
	wait_until "[[ \$(cli $name ping 2>/dev/null) == @(PONG|*NOAUTH*) ]] || ! kill -0 $! 2>/dev/null" 30
	kill -0 "${server_pids[$name]}" 2>/dev/null
}

# The same on some free port of the loopback.
server_anywhere() {
	for _ in 1 2 3 4 5; do
		server "$1" 127.0.0.1 $((20000 + RANDOM % 10000)) "${@:2}" && return
	done
	return 1
}

kill_server() {
	kill -KILL "${server_pids[$1]}"
	wait "${server_pids[$1]}" 2>/dev/null || true
	unset "server_pids[$1]"
}

cli() {
	redis-cli -s "$WORLD/$1/socket" "${@:2}"
}

# A primary `one` with a replica `two` that has all of it.
primary_and_replica() {
	server_anywhere one
	server_anywhere two --replicaof "127.0.0.1 ${server_ports[one]}"
	wait_until 'cli two info replication | grep -q master_link_status:up'
}

# Whether `two` has all that `one` has. (WAIT counts only what its own connection has written.)
in_step() {
	[ "$(cli two info replication | grep -E 'master_link_status|slave_repl_offset')" = \
		$'master_link_status:up\r\n'"slave_repl_offset:$(cli one info replication | sed -n s/^master_repl_offset://p)" ]
}

# Makes `two` the primary. `one` stays up and answers, as a replica that has lost its primary: no connection
# is closed.
demote_one() {
	cli two replicaof no one >/dev/null
	cli one replicaof 127.0.0.1 1 >/dev/null
}

# stamp: the time in ms. took STAMP WHAT: says how long it was, for people who measure; nothing depends on it.
stamp() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

took() {
	echo "# $2: $(($(stamp) - $1)) ms" >&3
}

# ---- a primary that moves ----

@test "a primary that is demoted without its connection being closed: a waiting request, a run, and the web server follow" {
	primary_and_replica
	# An address that moves: a name, a proxy, or here a link.
	ln -s "$WORLD/one/socket" "$WORLD/primary"
	world_set "CANHAZGPU_STORE=unix://$WORLD/primary?db=0"
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	pool 1
	hold job
	wait_run next
	web
	get_ok /api/status
	assert_json '.[0].status' IN_USE
	wait_until in_step
	ln -sfn "$WORLD/two/socket" "$WORLD/primary"
	demote_one
	before=$(stamp)
	# Whatever each has to say is said on the new primary now.
	wait_until '[ "$(cli two pubsub numsub canhazgpu:changed | tail -n 1)" -ge 2 ]'
	took "$before" 'waiting request and web server watch the new primary'
	kill_now "$command"
	before=$(stamp)
	wait_for_start next
	took "$before" 'the next one starts'
	chg_ok status --json
	assert_json '.[0].user' next
	wait_until 'get /api/status && [ "$(json_get ".[0].user")" = next ]'
	kill_now "${background_pids[next]}"
	wait_until '[ "$(cli two zcard canhazgpu:usage_history_sorted)" = 2 ]'
}

@test "a command that finds a replica looks for the primary until its time is over, and one that only reads is served" {
	primary_and_replica
	ln -s "$WORLD/one/socket" "$WORLD/primary"
	world_set "CANHAZGPU_STORE=unix://$WORLD/primary?db=0&timeout=20s"
	pool 1
	wait_until in_step
	demote_one
	chg_ok status
	start_background job canhazgpu reserve
	wait_until 'cli one info errorstats | grep -q errorstat_READONLY'
	ln -sfn "$WORLD/two/socket" "$WORLD/primary"
	wait_background job
	assert_status 0
	chg --store "unix://$WORLD/one/socket?db=0&timeout=300ms" reserve
	assert_error 1 'it is a read-only replica'
}

@test "a name that is given to another server is followed, while the old one goes on as if nothing had happened" {
	need_root
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	port=$((20000 + RANDOM % 10000))
	server one 127.0.0.2 "$port"
	server two 127.0.0.3 "$port" --replicaof "127.0.0.2 $port"
	wait_until 'cli two info replication | grep -q master_link_status:up'
	echo '127.0.0.2 pool.test' >"$WORLD/hosts"
	world_set "CANHAZGPU_STORE=redis://pool.test:$port/0"
	cat >"$WORLD/bin/named" <<-END
		#!/bin/sh
		exec unshare --mount --propagation private sh -c 'mount --bind "$WORLD/hosts" /etc/hosts && exec "\$@"' sh "\$@"
	END
	chmod 755 "$WORLD/bin/named"
	in_world named canhazgpu admin --gpus 1 --provider fake
	in_world named canhazgpu reserve
	start_background next named canhazgpu reserve --wait --user next
	wait_until 'has_text "$WORLD/next.err" "Waiting: "'
	wait_until in_step
	cli two replicaof no one >/dev/null
	before=$(stamp)
	echo '127.0.0.3 pool.test' >"$WORLD/hosts"
	wait_until '[ "$(cli two pubsub numsub canhazgpu:changed | tail -n 1)" = 1 ]'
	took "$before" 'it watches the other server'
	in_world named canhazgpu release
	wait_background next
	assert_status 0
	# A name of several servers: that of them which is the primary.
	cli one replicaof 127.0.0.3 "$port" >/dev/null
	printf '127.0.0.%s pool.test\n' 2 3 >"$WORLD/hosts"
	in_world named canhazgpu release
	printf '127.0.0.%s pool.test\n' 3 2 >"$WORLD/hosts"
	in_world named canhazgpu reserve
	assert_equal "$(cli two get canhazgpu:gpu:0 | jq -r .type)" manual
}

# Lets nobody look up a name any more: the name server is there, and never answers.
silent_name_server() {
	start_background names python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.9", 53))
print("bound", flush=True)
time.sleep(1000)'
	wait_until 'has_text "$WORLD/names.out" bound'
	: >"$WORLD/hosts"
}

@test "a name server that does not answer: who is connected stays so, is granted GPUs, and leaves when told to" {
	need_root
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	port=$((20000 + RANDOM % 10000))
	server one 127.0.0.2 "$port"
	echo '127.0.0.2 pool.test' >"$WORLD/hosts"
	# As a router's: more to try for a name than there is time for a call.
	printf 'nameserver 127.0.0.9\nsearch a.test b.test\n' >"$WORLD/resolv.conf"
	echo 'hosts: files dns' >"$WORLD/nsswitch.conf"
	world_set "CANHAZGPU_STORE=redis://pool.test:$port/0?timeout=3s"
	cat >"$WORLD/bin/named" <<-END
		#!/bin/sh
		exec unshare --mount --propagation private sh -c 'for file in hosts resolv.conf nsswitch.conf; do
			mount --bind "$WORLD/\$file" "/etc/\$file" || exit; done; exec "\$@"' sh "\$@"
	END
	chmod 755 "$WORLD/bin/named"
	in_world named canhazgpu admin --gpus 2 --provider fake
	in_world named canhazgpu reserve --gpu-ids 0 --duration 6s
	in_world named canhazgpu reserve --gpu-ids 1
	start_background next named canhazgpu reserve --wait --gpu-ids 0
	wait_until 'has_text "$WORLD/next.err" "Waiting: "'
	start_background other named canhazgpu reserve --wait --gpu-ids 1
	wait_until 'has_text "$WORLD/other.err" "Waiting: "'
	silent_name_server
	wait_until 'is_gone "${background_pids[next]}"'
	wait_background next
	assert_status 0
	run ! grep -q 'looked up' "$WORLD/next.err"
	kill -INT "${background_pids[other]}"
	wait_until 'is_gone "${background_pids[other]}"'
	wait_background other
	assert_status 130
	run ! grep -q 'looked up' "$WORLD/other.err"
	assert_equal "$(cli one zcard canhazgpu:queue)" 0
}

# ---- Sentinel ----

# Three Sentinels that watch over `one`, and agree that it is gone when it has been silent for 0.5 s: not before they
# know each other, so that a busy machine makes them replace nothing.
three_sentinels() {
	local i port
	sentinels=
	for i in 1 2 3; do
		port=$((30000 + RANDOM % 2000))
		mkdir "$WORLD/sentinel$i"
		cat >"$WORLD/sentinel$i/conf" <<-END
			port $port
			bind 127.0.0.1
			dir $WORLD/sentinel$i
			unixsocket $WORLD/sentinel$i/socket
			sentinel monitor pool 127.0.0.1 ${server_ports[one]} 2
			sentinel down-after-milliseconds pool 20000
			sentinel failover-timeout pool 3000
			$*
		END
		(exec redis-server "$WORLD/sentinel$i/conf" --sentinel >>"$WORLD/sentinel$i/log" 2>&1 3>&- 4>&- 6>&-) &
		server_pids[sentinel$i]=$!
		sentinels+=${sentinels:+,}127.0.0.1:$port
	done
	wait_until 'knows_all sentinel1 && knows_all sentinel2 && knows_all sentinel3' 120
	for i in 1 2 3; do
		cli "sentinel$i" sentinel set pool down-after-milliseconds 500 >/dev/null
	done
}

knows_all() {
	cli "$1" info sentinel 2>/dev/null | grep -q 'status=ok,address=.*,slaves=1,sentinels=3'
}

@test "Sentinels name the primary: one that dies is replaced, and waiting requests, runs and the web server go on" {
	primary_and_replica
	three_sentinels
	# The first two are not there.
	kill_server sentinel1
	store=redis+sentinel://localhost:1,$sentinels/pool/0
	world_set "CANHAZGPU_STORE=$store"
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	pool 1
	chg_ok config --json
	assert_json '.store.value' "$store"
	chg doctor
	assert_stdout_has "(primary 127.0.0.1:${server_ports[one]})"
	hold job
	wait_run next
	web
	wait_until in_step
	before=$(stamp)
	kill_server one
	wait_until 'cli sentinel2 sentinel get-master-addr-by-name pool | grep -q "${server_ports[two]}"' 60
	took "$before" 'the Sentinels have chosen'
	before=$(stamp)
	wait_until '[ "$(cli two pubsub numsub canhazgpu:changed | tail -n 1)" -ge 2 ]'
	took "$before" 'waiting request and web server watch the new primary'
	kill_now "$command"
	wait_for_start next
	wait_until 'get /api/status && [ "$(json_get ".[0].user")" = next ]'
	chg_ok status --json
	assert_json '.[0].user' next
	chg --store "redis+sentinel://$sentinels/pond" status
	assert_error 1 "does not know a primary called 'pond'"
	for name in sentinel2 sentinel3; do
		kill_server "$name"
	done
	chg --store "redis+sentinel://$sentinels/pool?timeout=1s" status
	assert_error 1 '(a Sentinel) cannot be reached'
}

# ---- a password that is changed ----

@test "a password file that is rewritten is read again: by a waiting request, a run that ends, and the web server" {
	server_anywhere one
	cli one acl setuser canhazgpu on '>first' '~*' '&*' +@all >/dev/null
	cli one acl setuser default off >/dev/null
	printf 'first\n' >"$WORLD/password"
	one() { REDISCLI_AUTH=$password redis-cli --user canhazgpu -s "$WORLD/one/socket" "$@" 2>/dev/null; }
	password=first
	world_set "CANHAZGPU_STORE=redis://127.0.0.1:${server_ports[one]}/0"
	world_set CANHAZGPU_REDIS_USER=canhazgpu
	world_set CANHAZGPU_REDIS_PASSWORD_FILE="$WORLD/password"
	pool 1
	hold job
	wait_run next
	web
	get_ok /api/status
	# The server changes first, and nobody keeps the old connections.
	one acl setuser canhazgpu resetpass '>second' >/dev/null
	password=second
	one client kill type normal >/dev/null
	one client kill type pubsub >/dev/null
	wait_until 'has_text "$WORLD/next.err" "wrong user or password"'
	assert_alive "${background_pids[next]}"
	# A file that is being written may hold less than a password, which refuses nobody.
	printf '\n' >"$WORLD/password"
	wait_until 'has_text "$WORLD/next.err" "must hold a password"'
	assert_alive "${background_pids[next]}"
	kill_now "$command"
	printf 'second\n' >"$WORLD/password"
	wait_for_start next
	wait_until 'get /api/status && [ "$(json_get ".[0].user")" = next ]'
	wait_until '[ "$(one zcard canhazgpu:usage_history_sorted)" = 1 ]'
}
