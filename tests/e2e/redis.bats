#!/usr/bin/env bats
# The pool in Redis: which settings mean it, what is said when the server does not do what is wanted,
# and what happens to runs meanwhile.
# stores: redis
# seconds: 40

load run_helpers

setup() {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'is about the Redis store'
	world_open
}

teardown() {
	[ -z "${second_pid:-}" ] || kill -KILL "$second_pid" 2>/dev/null || true
	world_close
}

# A second server, on a port of its own, with more options: $port. PORT in them is that port.
second_redis() {
	local attempt given=("$@")
	mkdir -p "$WORLD/second"
	for attempt in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		set -- "${given[@]/#PORT/$port}"
		(exec redis-server --port "$port" --bind 127.0.0.1 --dir "$WORLD/second" --save '' \
			--unixsocket "$WORLD/second/socket" "$@" >>"$WORLD/second/log" 2>&1 3>&- 4>&-) &
		second_pid=$!
		wait_until 'second_answers || ! kill -0 $second_pid 2>/dev/null' 30
		! second_answers || return 0
	done
	return 1
}

second_answers() {
	second ping 2>/dev/null | grep -qE 'PONG|NOAUTH'
}

second() {
	redis-cli -s "$WORLD/second/socket" "$@"
}

# Every command that needs the pool fails with one line that holds the texts.
every_command_fails() {
	local command text
	for command in status reserve release report 'run -- true'; do
		# shellcheck disable=SC2086
		chg $command
		assert_error 1 "$1"
		for text; do
			assert_stderr_has "$text"
		done
	done
}

# ---- which store ----

@test "any Redis setting selects Redis: flag, environment, file" {
	second_redis
	world_unset CANHAZGPU_STORE
	chg_ok --redis-port "$port" admin --gpus 3 --provider fake
	assert_equal "$(second get canhazgpu:gpu_count)" 3
	chg_ok status --json --redis-host 127.0.0.1 --redis-port "$port" --redis-db 0
	assert_json length 3
	world_set CANHAZGPU_REDIS_PORT="$port"
	chg_ok status --json
	assert_json length 3
	world_unset CANHAZGPU_REDIS_PORT
	printf 'redis:\n  port: %s\n' "$port" >"$WORLD/home/.canhazgpu.yaml"
	chg_ok status --json
	assert_json length 3
	# An explicit store wins over settings that are no stronger.
	chg_ok --store "sqlite:$WORLD/pool.db" admin --gpus 1 --provider fake
	chg_ok --store "sqlite:$WORLD/pool.db" status --json
	assert_json length 1
}

@test "another database of the server is another pool" {
	pool 2
	chg_ok --store "unix://$WORLD/redis/socket?db=3" admin --gpus 5 --provider fake
	chg_ok status --json
	assert_json length 2
	assert_equal "$(redis -n 3 get canhazgpu:gpu_count)" 5
	chg --store "unix://$WORLD/redis/socket?db=60000" status
	assert_error 1 'no such database'
}

@test "admin on the embedded store asks which one, where Redis has a pool on this host" {
	need_root
	unshare --net true 2>/dev/null || skip 'no network namespaces'
	# A network of its own, since the usual port may be taken.
	world_unset CANHAZGPU_STORE
	cat >"$WORLD/inside" <<-'END'
		set -e
		ip link set lo up 2>/dev/null || ifconfig lo up
		redis-server --port 6379 --save '' >/dev/null &
		server=$!
		trap 'kill $server' EXIT
		for _ in $(seq 1500); do redis-cli ping >/dev/null 2>&1 && break; sleep 0.02; done
		canhazgpu admin --gpus 1 --provider fake
		redis-cli set canhazgpu:gpu_count 8 >/dev/null
		! canhazgpu admin --gpus 1 --provider fake --force
		canhazgpu --redis-port 6379 status --json | jq -e 'length == 8'
		canhazgpu --store "sqlite:$HOME/x.db" admin --gpus 1 --provider fake
		redis-cli config set requirepass secret >/dev/null
		canhazgpu admin --gpus 1 --provider fake --force
	END
	in_world unshare --net bash "$WORLD/inside" >"$WORLD/stdout" 2>"$WORLD/stderr" || cat "$WORLD/stderr"
	assert_equal "$(cat "$WORLD/stdout")" $'Initialized 1 GPUs (IDs 0 to 0)\ntrue\nInitialized 1 GPUs (IDs 0 to 0)\nInitialized 1 GPUs (IDs 0 to 0)'
	stderr=$(cat "$WORLD/stderr")
	assert_stderr_has 'a GPU pool with 8 GPUs is already in Redis on this host: choose it with --store redis://localhost:6379/0, or create another with --store sqlite:'
	assert_stderr_has 'Warning: cannot check whether there already is a GPU pool in Redis on this host (Redis at localhost:6379: it requires a password'
}

# ---- passwords ----

@test "password from a file, user and password from settings; none is ever shown" {
	second_redis --requirepass 's3cr/et:@ %'
	printf 's3cr/et:@ %%\n' >"$WORLD/password"
	chmod 600 "$WORLD/password"
	world_unset CANHAZGPU_STORE
	world_set CANHAZGPU_REDIS_PORT="$port"
	chg admin --gpus 2 --provider fake
	assert_error 1 "Redis at localhost:$port: it requires a password"
	world_set CANHAZGPU_REDIS_PASSWORD_FILE="$WORLD/password"
	pool 2
	world_unset CANHAZGPU_REDIS_PASSWORD_FILE
	world_set CANHAZGPU_REDIS_PASSWORD='s3cr/et:@ %'
	chg_ok status
	world_set CANHAZGPU_REDIS_USER=default
	chg_ok status
	for output in '' --json; do
		# shellcheck disable=SC2086
		chg_ok config $output
		[[ $stdout != *s3cr* ]] || fail_with 'the password is shown'
		assert_stdout_has "redis://default@localhost:$port/0"
	done
	# Neither supervisor nor command has it in sight of others.
	hold job
	for pid in "$command" "$supervisor"; do
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q s3cr || fail_with 'it is on a command line'
	done
	world_set CANHAZGPU_REDIS_PASSWORD=wr0ng
	chg status
	assert_error 1 "Redis at localhost:$port: wrong user or password"
	[[ $stderr != *wr0ng* ]] || fail_with 'the password is shown'
	kill_now "$command"
	wait_until '[ "$(second -a "s3cr/et:@ %" --no-auth-warning zcard canhazgpu:usage_history_sorted)" = 1 ]'
}

@test "a password in an address is not shown, in errors neither" {
	for url in redis://user:hunter2@localhost:1/0 reds://user:hunter2@localhost:1/0 \
		redis://user:hunter2@localhost:x/0 redis://user:hunter2@localhost:1/0?x=y \
		redis:user:hunter2@localhost redis://:hunter2 redis://user:hunter2; do
		chg --store "$url" status
		assert_stdout ''
		[[ $stderr == 'Error: '* && $stderr != *hunter2* ]] || fail_with "$url"
		chg_ok --store "$url" config
		[[ $stdout != *hunter2* ]] || fail_with "$url"
	done
	world_set CANHAZGPU_STORE=redis://user:hunter2@localhost:1/0
	chg_ok config --json
	assert_json '.store.value' redis://user@localhost:1/0
}

@test "the configured password goes to its own server only, and not in clear where TLS is wanted" {
	second_redis --requirepass secret
	world_unset CANHAZGPU_STORE
	world_set CANHAZGPU_REDIS_PASSWORD=secret
	chg_ok --store "redis://localhost:$port/0" admin --gpus 2 --provider fake
	chg migrate --from "redis://localhost:$port/0" --to "sqlite:$WORLD/copy.db"
	assert_error 1 "Redis at localhost:$port: it requires a password"
	for setting in REDIS_PORT="$port" STORE="rediss://localhost:$port/3"; do
		world_set "CANHAZGPU_$setting"
		chg_ok migrate --from "redis://localhost:$port/0" --to "sqlite:$WORLD/copy.db" --dry-run
		world_unset "CANHAZGPU_${setting%%=*}"
	done
	world_set CANHAZGPU_REDIS_CA_FILE="$WORLD/ca.pem"
	chg_ok --store "redis://127.0.0.1:$port/0" status
	for host in redis.example 127.example.com localhost.example; do
		chg --store "redis://$host/0" status
		assert_error 2 "redis.ca-file is set, but 'redis://$host/0' does not use TLS"
	done
}

@test "a password that comes through a pipe is good for the whole run" {
	second_redis --requirepass secret
	world_unset CANHAZGPU_STORE
	world_set CANHAZGPU_REDIS_PORT="$port"
	world_set CANHAZGPU_REDIS_PASSWORD=secret
	pool 1
	world_unset CANHAZGPU_REDIS_PASSWORD
	mkfifo "$WORLD/pipe"
	world_set CANHAZGPU_REDIS_PASSWORD_FILE="$WORLD/pipe"
	echo secret >"$WORLD/pipe" &
	chg_ok run -- true
	world_unset CANHAZGPU_REDIS_PASSWORD_FILE
	world_set CANHAZGPU_REDIS_PASSWORD=secret
	wait_until 'chg status --json; [ "$(json_get ".[0].status")" = AVAILABLE ]'
}

@test "a password file that cannot be used is named" {
	world_unset CANHAZGPU_STORE
	world_set CANHAZGPU_REDIS_PASSWORD_FILE="$WORLD/none"
	chg status
	assert_error 1 "$WORLD/none"
	: >"$WORLD/none"
	chg status
	assert_error 1 'it is empty'
	world_set CANHAZGPU_REDIS_PASSWORD=x
	chg status
	assert_error 2 'both'
}

@test "the ACL rules of docs/redis.md suffice, and less do not" {
	rules=$(sed -n 's/^    ACL SETUSER canhazgpu //p' "$BATS_TEST_DIRNAME/../../docs/redis.md")
	[ -n "$rules" ]
	# shellcheck disable=SC2086
	assert_equal "$(redis acl setuser canhazgpu ${rules//PASSWORD/pw})" OK
	world_set CANHAZGPU_STORE="unix://canhazgpu:pw@$WORLD/redis/socket?db=0"
	pool 3
	chg_ok reserve
	chg_ok status
	chg_ok run -- true
	chg_ok release
	chg_ok report
	wait_until '[ "$(redis zcard canhazgpu:usage_history_sorted)" = 2 ]'
	chg_ok admin --gpus 2 --provider fake --force
	redis acl setuser canhazgpu -set >/dev/null
	chg reserve
	assert_error 1 'its ACL rules do not allow that (docs/redis.md has the rules needed)'
}

# ---- TLS ----

# A certificate authority, and a certificate for `localhost` and 127.0.0.1 by it.
certificates() {
	cd "$WORLD" || return 1
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server 2>/dev/null
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
		-extfile <(echo "subjectAltName=$1") 2>/dev/null
}

tls_redis() {
	certificates "$1"
	second_redis --port 0 --tls-port PORT --tls-cert-file "$WORLD/server.pem" \
		--tls-key-file "$WORLD/server.key" --tls-ca-cert-file "$WORLD/ca.pem" --tls-auth-clients no
}

@test "TLS: the certificate and its host name are checked" {
	redis-server --version >/dev/null
	tls_redis 'DNS:localhost,IP:127.0.0.1'
	chg --store "rediss://localhost:$port/0" status
	assert_error 1 'its certificate is refused'
	for host in localhost 127.0.0.1; do
		chg_ok --store "rediss://$host:$port/0?ca=$WORLD/ca.pem" admin --gpus 2 --provider fake --force
	done
	printf 'redis:\n  ca-file: %s/ca.pem\n  port: %s\n' "$WORLD" "$port" >"$WORLD/home/.canhazgpu.yaml"
	world_unset CANHAZGPU_STORE
	chg_ok run -- true
	wait_until '[ "$(second zcard canhazgpu:usage_history_sorted)" = 1 ]'
	# A server that does not speak TLS at all.
	chg --store "redis://localhost:$port/0" status
	assert_status 1
}

@test "TLS: a certificate for another host is refused" {
	tls_redis 'DNS:other.example'
	chg --store "rediss://localhost:$port/0?ca=$WORLD/ca.pem" status
	assert_error 1 "Redis at localhost:$port: its certificate is refused"
	assert_stderr_has 'mismatch'
}

# ---- a server that does not do what is wanted ----

@test "a server that is not there, or no Redis" {
	stop_redis
	rm -f "$WORLD/redis/socket"
	every_command_fails "Redis at $WORLD/redis/socket cannot be reached"
	chg --store redis://localhost:1/0 status
	assert_error 1 'Redis at localhost:1 cannot be reached (is it running? is the store the right one?): Connection refused'
	chg --store redis://no.such.host.invalid/0 status
	assert_error 1 'the host name cannot be looked up'
	start_background web python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.bind("'"$WORLD"'/web"); s.listen(); print("listens", flush=True)
while True:
    c = s.accept()[0]; c.recv(65536); c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"); c.close()'
	wait_for_text "$WORLD/web.out" listens
	chg --store "unix://$WORLD/web" status
	assert_error 1 "the server at $WORLD/web is not Redis"
}

@test "a server that stands still: a time limit, and its name" {
	pool 1
	kill -STOP "$redis_pid"
	chg --store "unix://$WORLD/redis/socket?timeout=300ms" status
	kill -CONT "$redis_pid"
	assert_error 1 "Redis at $WORLD/redis/socket does not answer within 0.3 s"
	chg_ok status
}

@test "a replica, and a server without memory" {
	pool 2
	chg_ok reserve
	redis replicaof 127.0.0.1 1 >/dev/null
	chg_ok status
	chg reserve
	assert_error 1 'it is a read-only replica'
	redis replicaof no one >/dev/null
	redis config set maxmemory 1 >/dev/null
	chg_ok status
	chg reserve
	assert_error 1 'it is out of memory'
	redis config set maxmemory 0 >/dev/null
	chg_ok reserve
}

@test "one GPU with an unreadable state shows ERROR with the reason; the others work" {
	pool 4
	redis set canhazgpu:gpu:1 '{"user":"alice","start_ti' >/dev/null
	redis lpush canhazgpu:gpu:2 x >/dev/null
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE ERROR ERROR AVAILABLE'
	assert_json '.[1].error | startswith("its state in Redis (canhazgpu:gpu:1) is unreadable: ")' true
	chg_ok reserve --gpus 2 --short
	assert_stdout 0,3
	chg reserve --gpu-ids 1
	assert_error 1 'GPU 1 is not available: its use is unknown'
	chg_ok release
	# Made anew, it is as new.
	chg_ok admin --gpus 4 --provider fake --force
	chg_ok status --json
	assert_json 'map(.status) | unique | .[0]' AVAILABLE
}

@test "keys of the pool of another type are named" {
	pool 2
	redis del canhazgpu:usage_history_sorted >/dev/null
	redis set canhazgpu:usage_history_sorted x >/dev/null
	chg_ok status
	chg_ok reserve
	chg release
	assert_error 1 canhazgpu:usage_history_sorted
	chg_ok status --json
	assert_json '.[0].status' IN_USE
	redis set canhazgpu:gpu_count many >/dev/null
	chg status
	assert_error 1 'the key canhazgpu:gpu_count is not a number of GPUs'
}

# ---- another program on the same pool ----

# theirs GPU TYPE START END: a state as another program writes it for this account; in seconds from one
# moment of the test, so that what is made by several calls was taken at the same time.
theirs() {
	now=${now:-$(date +%s)}
	if [ "$2" = manual ]; then
		redis set "canhazgpu:gpu:$1" "{\"expiry_time\":$((now + $4)),\"type\":\"manual\",\"user\":\"label\",\"start_time\":$((now + $3)),\"actual_user\":\"$(id -un)\"}"
	else
		redis set "canhazgpu:gpu:$1" "{\"user\":\"label\",\"actual_user\":\"$(id -un)\",\"start_time\":\"$(date -u -d "@$((now + $3))" +%FT%TZ)\",\"last_heartbeat\":\"$(date -u -d "@$((now + $4))" +%FT%T.5Z)\",\"type\":\"run\",\"expiry_time\":null,\"last_released\":null,\"note\":\"theirs\"}"
	fi >/dev/null
}

# they_free GPU; they_record GPU USER START: what another program stores at the end of a reservation, without a
# look at what has become of the GPU since it was read.
they_free() {
	redis set "canhazgpu:gpu:$1" "{\"start_time\":null,\"last_heartbeat\":null,\"expiry_time\":null,\"last_released\":\"$(date -u +%FT%T.%NZ)\"}" >/dev/null
}

they_record() {
	redis zadd canhazgpu:usage_history_sorted "$(date +%s)" "{\"user\":\"$2\",\"gpu_id\":$1,\"start_time\":\"$(date -u -d "@$3" +%FT%TZ)\",\"end_time\":\"$(date -u +%FT%T.%NZ)\",\"duration_seconds\":1,\"reservation_type\":\"manual\"}" >/dev/null
}

# their_request ID [COUNT]: a waiting request of another program, heard of just now.
their_request() {
	local ns
	ns=$(date +%s%N)
	redis set "canhazgpu:queue:entry:$1" "{\"id\":\"$1\",\"user\":\"bob\",\"actual_user\":\"$(id -un)\",\"requested_count\":${2:-1},\"allocated_gpus\":[],\"reservation_type\":\"manual\",\"expiry_duration\":3600000000000,\"enqueue_time\":\"$(date -u +%FT%T.%NZ)\",\"last_heartbeat\":\"$(date -u +%FT%T.%NZ)\",\"wait_timeout\":null}" >/dev/null
	redis zadd canhazgpu:queue "$ns" "$1" >/dev/null
}

@test "a run whose reservation another program has overwritten has it back in seconds, or is told" {
	pool 3
	hold one --gpu-ids 0,1
	# The end of whoever had the GPU before, stored after our grant.
	they_record 1 bob 1795160000
	they_free 1
	wait_for_text "$WORLD/one.err" 'another program had overwritten the reservation of GPU(s) [0, 1]; it has been restored' 10
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE IN_USE AVAILABLE'
	assert_json '[.[].reservation_id] | unique | length' 2
	hold two --gpu-ids 2
	redis set canhazgpu:gpu:2 "{\"expiry_time\":$(($(date +%s) + 3600)),\"type\":\"manual\",\"user\":\"bob\",\"start_time\":$(date +%s),\"actual_user\":\"bob\"}" >/dev/null
	wait_for_text "$WORLD/two.err" 'GPU 2 is reserved by bob now (another program has overwritten the reservation of this run' 10
}

@test "what has expired is freed first, and granted when no other program can be freeing it any more" {
	pool 2
	theirs 0 manual -600 -1
	before=$(date +%s%N)
	chg_ok reserve --gpu-ids 0
	[ $((($(date +%s%N) - before) / 1000000)) -ge 500 ] || false
	chg_ok status --json
	assert_json '.[0].status' IN_USE
	assert_json '.[0].reservation_id | length' 36
}

@test "a request of another program takes nothing before it is first, and ours that can take nothing lets it pass" {
	pool 3
	chg_ok admin --drain 0
	chg reserve --gpu-ids 0
	hold busy --gpu-ids 2
	start_background ours canhazgpu reserve --wait --gpu-ids 2
	wait_until '[ "$(redis zcard canhazgpu:queue)" = 1 ]'
	their_request 11111111-0000-4000-8000-000000000000
	# Ours is before it, for another GPU: so the free one is nobody's.
	chg_ok reserve --gpu-ids 1
	chg_ok release --gpu-ids 1
	# Out of service, it waits for nothing that could come: theirs is first now, and has the GPU.
	chg_ok admin --drain 2
	wait_until '[ "$(redis zrange canhazgpu:queue 0 0)" = 11111111-0000-4000-8000-000000000000 ]' 10
	chg reserve --gpu-ids 1
	assert_error 1 'is waiting for it'
	# In our order it has kept its place.
	chg_ok queue --json
	assert_json '[.entries[].user] | index("bob")' 1
	chg_ok admin --undrain 2
	wait_until '[ "$(redis zrange canhazgpu:queue 1 1)" = 11111111-0000-4000-8000-000000000000 ]' 10
}

@test "cancelling a request of another program says that its process goes on waiting" {
	pool 1
	their_request 11111111-0000-4000-8000-000000000000
	chg_ok cancel 1111
	assert_stderr_has 'Warning: request 11111111 is of another program, whose process does not notice that and goes on waiting: end it where it runs'
	assert_equal "$(redis exists canhazgpu:queue:entry:11111111-0000-4000-8000-000000000000)" 0
}

@test "reservations of another program: shown, respected, released by their account" {
	pool 5
	for gpu in 0 1 2; do
		theirs $gpu manual -600 3600
	done
	theirs 3 run -600 -20
	chg_ok status --json
	assert_json 'map(.user // "-") | join(" ")' 'label label label label -'
	assert_json '.[0] | has("reservation_id")' false
	assert_json '.[3] | "\(.type) \(.note)"' 'RUN theirs'
	chg reserve --gpus 2
	assert_error 1 'Not enough GPUs available. Requested: 2, Available: 1'
	chg_ok release --gpu-ids 1
	assert_stdout 'Released 1 GPU(s): [1]'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE IN_USE IN_USE AVAILABLE'
	chg_ok release
	assert_stdout 'Released 2 GPU(s): [0, 2]'
	chg_ok release --gpu-ids 3
	# Without ids, what was taken at one moment counts as one.
	chg_ok report --json
	assert_json '[.users[0].run_count, .users[0].manual_count] | join(" ")' '1 1'
}

@test "a manual reservation of another program that names no end has none" {
	pool 1
	redis set canhazgpu:gpu:0 "{\"type\":\"manual\",\"user\":\"label\",\"start_time\":$(date +%s)}" >/dev/null
	chg_ok status --json
	assert_json '.[0] | "\(.status) \(.details)"' 'IN_USE does not expire'
}

@test "reservations of another program end as it ends them: at their expiry, 5 minutes without a heartbeat" {
	pool 3
	theirs 0 manual -600 -1
	theirs 1 run -6000 -301
	theirs 2 run -6000 -200
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE AVAILABLE IN_USE'
	chg_ok reserve --gpus 2 --short
	assert_stdout 0,1
	assert_equal "$(usage_history | sort)" $'0 manual expired label\n1 run stale label'
}

@test "what we write suits another program: no user when free, times as numbers, one record per GPU" {
	pool 2
	chg_ok reserve --gpus 2 --user alice --duration 1h --note n
	state=$(redis get canhazgpu:gpu:0)
	assert_equal "$(jq -c '[.user, .type, .note, (.start_time | type), (.expiry_time | type)]' <<<"$state")" \
		'["alice","manual","n","number","number"]'
	assert_equal "$(jq -r .actual_user <<<"$state")" "$(id -un)"
	chg_ok release
	state=$(redis get canhazgpu:gpu:0)
	assert_equal "$(jq -c '[has("user"), (.last_released | test("^2[0-9-]*T[0-9:.]*Z$"))]' <<<"$state")" '[false,true]'
	assert_equal "$(redis zcard canhazgpu:usage_history_sorted)" 2
	assert_equal "$(redis_history | jq -r .reservation_id | uniq | wc -l)" 1
	# Its expiry of the whole history goes when we write.
	redis expire canhazgpu:usage_history_sorted 1000 >/dev/null
	chg_ok reserve
	chg_ok release
	assert_equal "$(redis ttl canhazgpu:usage_history_sorted)" -1
	chg_ok report --json
	assert_json '.users[0].manual_count' 2
}

@test "the lock of another program is waited for" {
	pool 1
	redis set canhazgpu:allocation_lock locked px 300 >/dev/null
	chg_ok reserve
	assert_equal "$(redis exists canhazgpu:allocation_lock)" 0
}

# ---- runs ----

@test "a run outlives a server that goes and comes back: told once, then recovered" {
	stop_redis
	start_redis --appendonly yes --appendfsync always
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	hold job
	before=$(reservation_of 0)
	stop_redis
	rm -f "$WORLD/redis/socket"
	wait_for_text "$WORLD/job.err" 'the heartbeat could not be stored'
	wait_for_renewals "$supervisor" 2
	start_redis --appendonly yes --appendfsync always
	wait_for_text "$WORLD/job.err" 'the heartbeat is stored again'
	assert_equal "$(grep -c 'could not be stored' "$WORLD/job.err")" 1
	assert_equal "$(reservation_of 0)" "$before"
	kill_now "$command"
	wait_until '[ "$(ends)" = released ]'
}

@test "a state that cannot be read for a while is no loss: the run goes on, and is reserved afterwards" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	world_set CANHAZGPU_RUN_ON_LOST=kill
	start_run job --gpu-ids 1 -- sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep' 20
	before=$(redis get canhazgpu:gpu:1)
	redis set canhazgpu:gpu:1 '{"user":"al' >/dev/null
	wait_for_text "$WORLD/job.err" 'the state of GPU 1 cannot be read'
	assert_alive "$command"
	redis set canhazgpu:gpu:1 "$before" >/dev/null
	wait_for_text "$WORLD/job.err" 'the heartbeat is stored again'
	assert_alive "$command"
	kill_now "$command"
	wait_until '[ "$(ends)" = released ]'
}

@test "a server that has lost its data gets the reservation back" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	start_run job --gpu-ids 1 --note 'größer' --user alice -- sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep' 20
	before=$(in_world canhazgpu status --json | jq -c '.[1] | [.reservation_id, .user, .note, .type]')
	redis flushall >/dev/null
	wait_for_text "$WORLD/job.err" 'the pool is gone'
	assert_equal "$(redis dbsize)" 0
	pool 2
	wait_for_text "$WORLD/job.err" 'the store had lost the reservation of GPU(s) [1]; it has been restored'
	assert_equal "$(in_world canhazgpu status --json | jq -c '.[1] | [.reservation_id, .user, .note, .type]')" "$before"
	kill_now "$command"
	wait_until '[ "$(ends)" = released ]'
}

@test "what was released, or taken meanwhile, is not taken back" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=100ms
	hold one --gpu-ids 0
	chg_ok release --gpu-ids 0
	wait_for_text "$WORLD/one.err" 'the reservation of GPU(s) [0] is gone'
	hold two --gpu-ids 1
	chg_ok admin --gpus 2 --provider fake --force
	wait_for_text "$WORLD/two.err" 'the reservation of GPU(s) [1] is gone'
	hold three --gpu-ids 0
	stop_now "$supervisor"
	# What it has forked to renew the heartbeat goes on, to its end.
	for pid in $(cat "/proc/$supervisor/task/$supervisor/children"); do
		wait_until "is_gone $pid"
	done
	redis flushall >/dev/null
	pool 2
	chg_ok reserve --gpu-ids 0
	kill -CONT "$supervisor"
	wait_for_text "$WORLD/three.err" 'GPU 0 is reserved by '
	# Another program's release leaves a record of it, without our id.
	hold four --gpu-ids 1
	they_record 1 "$(id -un)" "$(redis get canhazgpu:gpu:1 | jq .start_time)"
	they_free 1
	wait_for_text "$WORLD/four.err" 'the reservation of GPU(s) [1] is gone'
	chg_ok status --json
	assert_json 'map(.type // "-") | join(" ")' 'MANUAL -'
}

@test "what another program has written as an id is no word for a shell" {
	pool 1
	redis set 'canhazgpu:queue:entry:$(touch x)' \
		'{"id":"$(touch x)","user":"bob","actual_user":"bob","requested_count":1,"allocated_gpus":[],"reservation_type":"manual","expiry_duration":1000000000,"enqueue_time":"2026-11-20T08:00:00Z","last_heartbeat":"2026-11-20T08:00:00Z","wait_timeout":null}' >/dev/null
	redis zadd canhazgpu:queue 1 '$(touch x)' >/dev/null
	chg_ok __complete requests
	assert_stdout ''
	[ -e /usr/share/bash-completion/bash_completion ] || skip 'bash-completion is not installed'
	assert_equal "$(in_world bash "$BATS_TEST_DIRNAME/completion/ask.bash" canhazgpu queue --explain '')" ''
}
