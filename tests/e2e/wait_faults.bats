#!/usr/bin/env bats
# What becomes of those who wait when somebody dies, stops, or goes on for too long, or when the store
# does. What only timers of minutes would show is shown by a heartbeat that is set back in the store.
# stores: each
# seconds: 30

load wait_helpers

@test "kill -9 of who is first: the next one starts, and gets what that one had collected" {
	pool 2
	hold holder --gpu-ids 0
	wait_run first --gpus 2
	wait_run second
	wait_until '[ "$(reserved)" = "0 1" ]'
	assert_waits second
	kill_now "${background_pids[first]}"
	wait_for_start second
	grep -qx 'started 1' "$WORLD/second.out"
	assert_equal "$(line)" ''
	wait_until '[ "$(reserved)" = "0 1" ]'
	assert_equal "$(ends)" ''
}

@test "kill -9 of one in the middle: the others keep their places" {
	pool 1
	hold holder
	for name in a b c; do
		wait_run "$name"
	done
	kill_now "${background_pids[b]}"
	wait_until '[ "$(line)" = "a c" ]' 30
	kill "$command"
	wait_for_start a
	assert_waits c
	kill "${background_pids[a]}"
	wait_for_start c
}

@test "kill -9 far behind in a long line: the one behind it notices, and does not spin" {
	pool 1
	hold holder
	for name in a b c d e f g h i j k l; do
		wait_run "$name"
	done
	kill_now "${background_pids[k]}"
	# Those near the head clean up only when their own sign of life is due, after up to 45 s.
	wait_until '[ "$(line)" = "a b c d e f g h i j l" ]' 30
}

@test "without inotify, a waiting request notices a release by its timer" {
	pool 1
	# Nothing but the store tells of its end: no process holds it.
	chg_ok reserve --gpus 1 --duration 1h
	unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null ||
		skip 'no user namespaces here'
	start_background waiter unshare --user --map-root-user sh -c '
		echo 0 >/proc/sys/user/max_inotify_instances
		exec canhazgpu run --user waiter --wait -- sh -c "echo started; exec sleep 1000"'
	wait_until 'waits waiter' 30
	chg_ok release
	# Well before its next heartbeat, after 45 s.
	wait_for_start waiter
}

# ten_wait_for N: a pool of N GPUs, all reserved, and ten in line, a to i and last.
ten_wait_for() {
	local name
	pool "$1"
	chg_ok reserve --gpus "$1" --duration 1h
	for name in a b c d e f g h i last; do
		wait_run "$name"
	done
}

@test "who came in far behind is served at once when many before it have started" {
	local name
	ten_wait_for 9
	chg_ok release
	for name in a b c d e f g h i; do
		wait_for_start "$name"
	done
	# Not before its neighbour has ended, nor when its own sign of life is due, after 45 s.
	kill_now "${background_pids[a]}"
	wait_for_start last
}

@test "who comes in far behind is told at once when it may start" {
	ten_wait_for 10
	# It is in the first line that is printed, not in one after its first sign of life.
	wait_until 'grep -m 1 "^Waiting: position 10 of 10, " "$WORLD/last.err" | grep -q ", starts in about "' ||
		fail_with "$(cat "$WORLD/last.err")"
}

# The supervisor of a run that waits is idle: it watches nobody yet.
idle_supervisor() {
	local pid
	for pid in $(supervisors); do
		[ "$pid" = "$supervisor" ] || echo "$pid"
	done
}

@test "the idle supervisor is killed while its run waits: another one takes its place" {
	pool 1
	hold holder
	wait_run waiter
	wait_until 'idle=$(idle_supervisor) && [ -n "$idle" ]' # nobody waits for its start but this test
	kill_now "$idle"
	kill "$command"
	wait_for_start waiter
	new=$(supervisor_of "${background_pids[waiter]}")
	[ "$new" != "$idle" ] || fail_with 'the same supervisor'
	# The reservation names it: it is what others look at when the command has ended.
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		assert_equal "$(db 'SELECT supervisor_pid FROM reservations')" "$new"
	else
		redis get canhazgpu:gpu:0 | grep -qE "[^0-9]${new}[^0-9]" ||
			fail_with "$(redis get canhazgpu:gpu:0)"
	fi
	kill "${background_pids[waiter]}"
	wait_until '[ "$(ends)" = "released released" ]'
}

@test "the idle supervisor is stopped while its run waits: another one takes its place" {
	pool 1
	hold holder
	wait_run waiter
	wait_until 'idle=$(idle_supervisor) && [ -n "$idle" ]'
	kill -STOP "$idle"
	kill "$command"
	wait_for_start waiter
	# Two would watch beside each other.
	wait_until 'is_gone $idle'
	kill "${background_pids[waiter]}"
	wait_until '[ "$(ends)" = "released released" ]'
}

# Keeps everybody from the store for a while, as a busy machine does.
store_stops() {
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		exec 9>>"$WORLD/pool.db.lock"
		flock 9
	else
		kill -STOP "$redis_pid"
	fi
}

store_goes_on() {
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		exec 9>&-
	else
		kill -CONT "$redis_pid"
	fi
}

@test "a store that does not answer before there is a line is an error, not the end of a wait" {
	local environment=("${world_environment[@]}")
	pool 1
	# How long a command waits for it; afterwards as long as everywhere.
	world_set CANHAZGPU_TEST_WAIT_MS=1000
	[ "${E2E_STORE:-sqlite}" = sqlite ] || world_set CANHAZGPU_STORE="unix://$WORLD/redis/socket?db=0&timeout=1s"
	store_stops
	chg reserve --wait
	store_goes_on
	world_environment=("${environment[@]}")
	[[ $stderr != *'gave up after waiting'* ]] || fail_with 'it has not waited at all'
	assert_error 1 "$([ "${E2E_STORE:-sqlite}" = redis ] && echo 'does not answer' || echo pool.db)"
	chg_ok reserve --wait --short
	assert_stdout 0
}

@test "Ctrl-C while the GPUs are being granted: they are given back" {
	pool 1
	hold holder
	start_background waiter canhazgpu reserve --wait --duration 8h
	wait_until 'waits waiter' 30
	store_stops
	# That wakes it, and it wants to take the GPU. (A signal that is faster is right as well.)
	kill_both holder
	sleep 2
	kill -INT "${background_pids[waiter]}"
	store_goes_on
	wait_background waiter
	assert_status 130
	assert_equal "$(reserved)" ''
	assert_equal "$(line)" ''
	assert_equal "$(cat "$WORLD/waiter.out")" ''
	grep -q 'Left the queue' "$WORLD/waiter.err"
}

@test "a stopped one keeps its place, but not the GPUs: they go to those behind it" {
	pool 2
	hold holder --gpu-ids 0
	wait_run first --gpus 2
	wait_run second
	wait_until '[ "$(reserved)" = "0 1" ]'
	stop_now "${background_pids[first]}"
	stir
	wait_for_start second
	assert_equal "$(line)" first
	kill -CONT "${background_pids[first]}"
	kill "$command"
	wait_run third
	kill "${background_pids[second]}"
	wait_for_start first
	assert_waits third
}

@test "who goes on after a stop gets what those behind it have collected meanwhile" {
	pool 3
	hold holder --gpu-ids 0
	chg_ok reserve --gpu-ids 1 --duration 1h
	wait_run first --gpus 2
	stop_now "${background_pids[first]}"
	wait_run second --gpus 3
	wait_until 'grep -q "collected 1/3 \[2\]" "$WORLD/second.err"' 30
	kill -CONT "${background_pids[first]}"
	# Each has one of two: without giving way both would wait for ever.
	chg_ok release
	wait_until 'stir; runs first' 60
	grep -qx 'started 1,2' "$WORLD/first.out"
	assert_waits second
}

@test "a holder and its supervisor are killed: the next one starts" {
	pool 1
	hold holder
	wait_run waiter
	kill_both holder
	wait_for_start waiter
	assert_equal "$(ends)" holder-died
}

@test "the supervisor alone is killed: the GPU stays, until the command ends" {
	pool 1
	hold holder
	wait_run waiter
	kill_now "$supervisor"
	stir
	assert_waits waiter
	kill_now "$command"
	wait_for_start waiter
}

@test "the supervisor is stopped, and its command ends: who waits starts, and it is charged once" {
	pool 1
	hold holder
	wait_run waiter
	kill -STOP "$supervisor"
	stir
	assert_waits waiter
	kill_now "$command"
	wait_for_start waiter
	kill -CONT "$supervisor"
	wait_until 'is_gone $supervisor'
	runs waiter
	kill "${background_pids[waiter]}"
	wait_until '[ "$(ends)" = "holder-died released" ]'
}

@test "a manual reservation expires: who waits starts, without anybody doing anything" {
	pool 1
	chg_ok reserve --duration 1s
	wait_run waiter
	wait_for_start waiter
	wait_until '[ "$(ends)" = expired ]' 20
}

@test "a GPU in use without a reservation is handed over when its process ends" {
	pool 1
	start_background user sleep 1000
	user=$background_pid
	fake_state "{\"gpus\":[{\"index\":0,\"memory_used_mb\":9000,\"processes\":[{\"pid\":$user,\"memory_mb\":9000}]}]}"
	wait_run waiter
	assert_waits waiter
	grep -q 'in use without reservation 0' "$WORLD/waiter.err"
	fake_state '{}'
	kill_now "$user"
	wait_for_start waiter
}

@test "a GPU that was released is granted only when its processes are gone" {
	pool 1
	start_background user sleep 1000
	user=$background_pid
	chg_ok reserve --duration 1h
	fake_state "{\"gpus\":[{\"index\":0,\"memory_used_mb\":9000,\"processes\":[{\"pid\":$user,\"memory_mb\":9000}]}]}"
	wait_run waiter
	chg_ok release
	wait_until 'grep -q "in use without reservation 0" "$WORLD/waiter.err"' 30
	assert_waits waiter
	fake_state '{}'
	kill "$user"
	wait_for_start waiter
}

@test "an entry whose process is gone is dropped by whoever looks" {
	pool 1
	hold holder
	wait_run waiter
	stop_now "${background_pids[waiter]}"
	assert_equal "$(line)" waiter
	kill_now "${background_pids[waiter]}"
	stir
	wait_until '[ -z "$(line)" ]'
}

# ---- Redis goes and comes ----

need_redis() {
	[ "${E2E_STORE:-sqlite}" = redis ] || skip 'is about the Redis store'
}

@test "the database is something else for a moment, as while it is restored: who waits goes on" {
	need_sqlite
	local kind
	local -A says=([garbage]='is not a database' [foreign]='is a database of another program' [empty]='GPU pool not initialized')
	pool 1
	hold holder
	wait_run waiter
	mkdir "$WORLD/kept"
	for kind in garbage foreign empty; do
		mv "$WORLD/pool.db" "$WORLD/kept/"
		case $kind in
		garbage) head -c 20000 /dev/urandom ;;
		foreign) sqlite3 "$WORLD/foreign.db" 'CREATE TABLE x (a)' && cat "$WORLD/foreign.db" ;;
		empty) ;;
		esac >"$WORLD/pool.db"
		touch "$WORLD/pool.db.wake"
		wait_until 'has_text "$WORLD/waiter.err" "${says[$kind]}"'
		assert_waits waiter
		rm "$WORLD/pool.db"
		mv "$WORLD/kept/pool.db" "$WORLD/"
		touch "$WORLD/pool.db.wake"
		wait_until '[[ $(tail -n 1 "$WORLD/waiter.err") != *"trying again"* ]]'
	done
	kill "$command"
	wait_for_start waiter
}

@test "Redis restarts with its data: those who wait go on waiting, in their order" {
	need_redis
	stop_redis
	start_redis --appendonly yes --appendfsync always
	pool 2
	hold holder --gpu-ids 0
	wait_run first --gpus 2
	wait_run second
	stop_redis
	wait_until 'grep -q "the pool is not responding, trying again" "$WORLD/first.err"' 60
	start_redis --appendonly yes --appendfsync always
	wait_until '[ "$(line)" = "first second" ]' 30
	kill_both holder
	wait_for_start first
	assert_waits second
	kill_now "${background_pids[first]}"
	wait_for_start second
}

@test "Redis loses its data: those who wait join again, each at its place" {
	need_redis
	pool 2
	chg_ok reserve --gpus 2 --duration 1h
	for name in a b c; do
		wait_run "$name" --gpus 2
	done
	stop_redis
	for name in a b c; do
		wait_until 'grep -q "the pool is not responding" "$WORLD/$name.err"' 60
	done
	start_redis
	# A new pool that is in use from its first moment.
	used="{\"user\":\"$(id -un)\",\"actual_user\":\"$(id -un)\",\"type\":\"manual\",\"start_time\":$(date +%s),\"expiry_time\":$(($(date +%s) + 3600))}"
	redis mset canhazgpu:gpu:0 "$used" canhazgpu:gpu:1 "$used" canhazgpu:provider fake \
		canhazgpu:gpu_count 2 >/dev/null
	wait_until '[ "$(line)" = "a b c" ]' 60
	chg_ok release
	for name in a b c; do
		wait_for_start "$name"
		kill_now "${background_pids[$name]}"
	done
}

# ---- the other program on the same pool ----

# other_entry ID USER COUNT [SECONDS AGO]: a request that waits, as the other program writes it.
other_entry() {
	local now
	now=$(date -u -d "-${4:-0} seconds" +%FT%T.%NZ)
	redis set "canhazgpu:queue:entry:$1" "{\"id\":\"$1\",\"user\":\"$2\",\"actual_user\":\"$2\",\"requested_count\":$3,\"allocated_gpus\":[],\"reservation_type\":\"manual\",\"expiry_duration\":7199999722756,\"note\":\"big\",\"enqueue_time\":\"$now\",\"last_heartbeat\":\"$now\",\"wait_timeout\":null}" >/dev/null
	redis zadd canhazgpu:queue "$(date -u -d "-${4:-0} seconds" +%s%N)" "$1" >/dev/null
}

@test "a request of the other program is respected, and dropped when it has been silent for two minutes" {
	need_redis
	pool 2
	other_entry 018c266f-a239-48ce-9c6a-e5289b1abe51 bob 2
	chg run -- true
	assert_error 1 'others are waiting for 2 more); --wait queues'
	wait_run waiter
	assert_waits waiter
	assert_equal "$(line)" 'bob waiter'
	grep -q 'position 2 of 2' "$WORLD/waiter.err"
	redis zadd canhazgpu:queue 1 018c266f-a239-48ce-9c6a-e5289b1abe51 >/dev/null
	other_entry 018c266f-a239-48ce-9c6a-e5289b1abe51 bob 2 121
	wait_for_start waiter
	assert_equal "$(line)" ''
}

@test "what the other program has collected is not handed out while its request shows life" {
	need_redis
	pool 2
	other_entry 018c266f-a239-48ce-9c6a-e5289b1abe51 bob 2
	redis set canhazgpu:gpu:0 '{"user":"bob","actual_user":"bob","start_time":"2026-11-20T08:43:08.628976219Z","last_heartbeat":null,"type":"manual","expiry_time":"2026-11-20T08:44:08.628698975Z","last_released":null,"note":"big","partial_queue_id":"018c266f-a239-48ce-9c6a-e5289b1abe51"}' >/dev/null
	wait_run waiter --gpu-ids 0
	assert_waits waiter
	other_entry 018c266f-a239-48ce-9c6a-e5289b1abe51 bob 2 121
	wait_for_start waiter
	wait_until '[ -z "$(ends)" ]'
}

@test "while the other program holds its lock nothing is granted; afterwards it is" {
	need_redis
	pool 1
	hold holder
	wait_run waiter
	redis set canhazgpu:allocation_lock locked >/dev/null
	kill_both holder
	assert_waits waiter
	redis del canhazgpu:allocation_lock >/dev/null
	wait_for_start waiter
}
