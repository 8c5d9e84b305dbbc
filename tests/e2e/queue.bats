#!/usr/bin/env bats
# canhazgpu queue, --explain and the estimates; what release and a waiting request tell of the line;
# backfill. What it says in each case is tests/unit/test_view_queue.c.
# stores: each

bats_require_minimum_version 1.5.0
load run_helpers

ME=$(id -un)

# What jq makes of the queue.
queue() {
	in_world canhazgpu queue --json | jq -r ".entries | $1"
}

# waits NAME ARGUMENTS: starts `canhazgpu ARGUMENTS --wait`, and goes on when it is in the line.
waits() {
	local name=$1 before
	shift
	before=$(queue length)
	start_background "$name" canhazgpu "$@"
	wait_until "[ \"\$(queue length)\" -eq $((before + 1)) ]" 30
}

# The queue as "user allocated", one per line.
line() {
	queue '.[] | "\(.user) \(.allocated | join(","))"'
}

# How many minutes from now a time of the JSON document is.
minutes_to() {
	echo $((($(date -d "$1" +%s) - $(date +%s)) / 60))
}

# Three GPUs: two A100s, and an H100.
mixed_pool() {
	pool 3
	fake_state '{"gpus": [{"name": "NVIDIA A100-SXM4-40GB", "memory_total_mb": 40960},
		{"name": "NVIDIA A100-SXM4-40GB", "memory_total_mb": 40960},
		{"name": "NVIDIA H100 80GB HBM3", "memory_total_mb": 81559}]}'
}

@test "a request for GPUs of a kind keeps no others, and says what it waits for" {
	mixed_pool
	chg_ok reserve --type h100
	waits big reserve --type H100 --min-memory 80G --wait
	waits any reserve --gpu-ids 2 --wait
	chg_ok reserve --gpus 2 --short
	assert_stdout 0,1
	chg_ok queue --json
	assert_json '.entries[0] | "\(.gpu_type) \(.min_memory_mb) \(.eligible_ids | tojson) \(.waiting_for)"' \
		"H100 76293 [2] $(id -un) 2"
	assert_json '.entries[1] | "\(has("gpu_type")) \(.requested_ids | tojson)"' 'false [2]'
	chg_ok queue --explain "$(queue '.[0].id')"
	assert_stdout_has "is waiting for 1 GPU of type 'H100' with at least 76293 MB, one of [2], since "
	chg_ok release --gpu-ids 0
	assert_stdout 'Released 1 GPU(s): [0]'
	chg_ok release --gpu-ids GPU-fake-2
	wait_background big
	assert_equal "$(queue 'length')" 1
	chg_ok release --gpu-ids 2
	wait_background any
}

# ---- the table and the document ----

@test "nobody waits" {
	pool 2
	chg_ok queue
	assert_stdout 'No requests are waiting.'
	assert_stderr ''
	chg_ok queue --json
	assert_json .total_waiting 0
}

@test "without a pool it says so" {
	chg queue
	assert_error 1 'not initialized'
}

@test "the table: the columns of the line, in the order of arrival" {
	pool 4
	chg_ok reserve --gpus 3 --user alice
	waits bob reserve --gpus 2 --user bob --wait
	waits carol run --gpu-ids 0,3 --user carol --wait -- true
	chg_ok queue
	[ "$(head -n 1 <<<"$stdout" | awk '{print $1, $2, $3, $4, $5}')" = 'Position User Requested Allocated Waiting' ]
	row=$(sed -n 3p <<<"$stdout")
	[[ $row =~ ^'1         bob '.*' 2          1          0h 0m '[0-9]+'s  manual  '[0-9a-f]{8}'  about '[78]'h'(\ [0-9]+m)?\ +'alice ('"$ME"') 0-2'$ ]] ||
		fail_with "$row"
	row=$(sed -n 4p <<<"$stdout")
	[[ $row =~ ^'2         carol '.*' 2          0 '.*' run '.*' alice ('"$ME"') 0, bob ('"$ME"') 3'$ ]] || fail_with "$row"
	[ "$(wc -l <<<"$stdout")" -eq 4 ]
}

@test "the document" {
	pool 3
	chg_ok reserve --gpus 2 --duration 1h --user alice
	waits bob reserve --gpus 2 --duration 2h --user bob --note 'a note' --wait
	waits carol run --gpu-ids 1,2 --wait -- true
	chg_ok queue --json
	assert_json '.entries | map(keys == ["account", "allocated", "allocated_gpus", "enqueue_time", "estimated_start", "id",
		"note", "position", "requested", "requested_count", "requested_ids", "reservation_type", "state", "type", "user",
		"waiting_for", "waiting_seconds", "waiting_since"]) | all' true
	assert_json '.entries[0] | del(.id, .estimated_start, .waiting_since, .waiting_seconds, .enqueue_time) | tojson' \
		"$(jq -nc --arg me "$(id -un)" '{position: 1, state: "active", user: "bob", account: $me, type: "manual",
			requested: 2, requested_ids: null, allocated: [2], waiting_for: "alice (\($me)) 0-1",
			note: "a note", requested_count: 2, allocated_gpus: [2], reservation_type: "manual"}')"
	assert_json 'del(.entries) | tojson' '{"total_waiting":2,"total_gpus_requested":4,"total_gpus_allocated":1}'
	assert_json '.entries[1] | [.position, .type, .requested, .requested_ids, .allocated, .note] | tojson' \
		'[2,"run",2,[1,2],[],null]'
	# alice's hour, and then the two of bob.
	for expected in '0 55 61' '1 175 181'; do
		read -r i from to <<<"$expected"
		minutes=$(minutes_to "$(json_get ".entries[$i].estimated_start")")
		[ "$minutes" -ge "$from" ] && [ "$minutes" -le "$to" ] || fail_with "request $i in $minutes minutes"
	done
}

@test "a request that is stopped is marked, and nothing is kept for it" {
	pool 2
	chg_ok reserve --user alice
	waits bob reserve --gpus 2 --user bob --wait
	assert_equal "$(line)" 'bob 1'
	stop_now "${background_pids[bob]}"
	chg_ok queue --json
	assert_json '.entries[0] | [.state, .allocated, .estimated_start, .passed_over] | tojson' \
		'["absent",[],null,"its process is stopped"]'
	chg_ok queue
	assert_stdout_has "(absent: its process is stopped) alice ($ME) 0"
	chg_ok queue --explain "$(queue '.[0].id[:8]')"
	assert_stdout_has 'It is passed over: its process is stopped. It keeps its place'
	kill -CONT "${background_pids[bob]}"
	wait_until '[ "$(line)" = "bob 1" ]' 30
	chg_ok queue --json
	assert_json '.entries[0].state' active
}

# ---- why ----

@test "--explain: who has each GPU, who is before it, and what comes next" {
	pool 4
	chg_ok reserve --gpu-ids 0 --duration 1h --user alice
	start_background run1 canhazgpu run --gpu-ids 1 --timeout 30m --user dave -- sleep 1000
	start_background run2 canhazgpu run --gpu-ids 2 --user erin -- sleep 1000
	wait_until '[ "$(in_world canhazgpu status --json | jq "map(select(.status == \"IN_USE\")) | length")" = 3 ]' 30
	waits bob reserve --gpus 2 --user bob --wait
	waits carol reserve --gpu-ids 0,3 --user carol --wait=1d
	bob=$(queue '.[0].id[:8]')
	chg_ok queue --explain "$(queue '.[1].id[:6]')"
	assert_stdout_has "Request $(queue '.[1].id[:8]') of carol ($ME) is waiting for 2 GPUs, exactly [0, 3], since "
	assert_stdout_has 'It gives up at '
	assert_stdout_has "Ahead of it in the queue: request $bob of bob ($ME) (2 GPUs)."
	assert_stdout_has "GPU 0 is reserved by alice ($ME) (manual) until "
	assert_stdout_has "; request $bob of bob ($ME) comes first."
	assert_stdout_has "GPU 3 is collected for request $bob of bob ($ME)."
	assert_stdout_has "for request $bob of bob ($ME)."
	assert_stdout_has 'It has 0 of 2 GPUs'
	chg_ok queue --explain "$bob"
	assert_stdout_has 'nobody ahead of it is waiting for the same GPUs'
	assert_stdout_has "GPU 1 is reserved by dave ($ME) (run) until "
	assert_stdout_has ' at the latest (its time limit).'
	assert_stdout_has "GPU 2 is reserved by erin ($ME) (run); for how long is unknown."
	assert_stdout_has 'GPU 3 is collected for this request.'
	assert_stdout_has 'Next, as far as is known: GPU 1 at '
	assert_stdout_has 'It has 1 of 2 GPUs, [3],'
	[[ $stdout =~ 'It is expected to start at about '.*' (in about '(2[5-9]|30)'m), if these times hold.' ]] || fail_with "$stdout"
}

@test "--explain: what is wrong with it" {
	pool 1
	chg queue --explain 12345678
	assert_error 1 "there is no waiting request '12345678'"
	chg queue --explain ''
	assert_error 1 "there is no waiting request ''"
	chg queue --explain 1 --json
	assert_error 2 'cannot be used together'
	# What a file says for every call is no contradiction.
	world_set CANHAZGPU_QUEUE_JSON=true
	chg queue --explain 12345678
	assert_error 1 "there is no waiting request '12345678'"
}

# ---- estimates ----

@test "a run without a time limit: as long as that account's runs take, where three tell it" {
	pool 1
	start_background holder canhazgpu run -- sleep 1000
	wait_until '[ "$(in_world canhazgpu status --json | jq -r ".[0].status")" = IN_USE ]' 30
	waits bob reserve --user bob --wait
	assert_equal "$(queue '.[0].estimated_start')" null
	past_run 3600
	past_run 36000
	assert_equal "$(queue '.[0].estimated_start')" null
	past_run 7200
	minutes=$(minutes_to "$(queue '.[0].estimated_start')")
	[ "$minutes" -ge 117 ] && [ "$minutes" -le 121 ] || fail_with "$minutes minutes"
	chg_ok queue --explain "$(queue '.[0].id')"
	assert_stdout_has "GPU 0 is reserved by $(id -un) (run), until about "
	assert_stdout_has ' judging by earlier runs of that account.'
}

@test "a waiting request tells when it may start" {
	pool 1
	chg_ok reserve --duration 90m --user alice
	waits bob reserve --user bob --wait
	wait_until 'grep -q ^Waiting "$WORLD/bob.err"' # it is in the line a moment before it says so
	grep -qE 'position 1 of 1, collected 0/1, starts in about 1h (2[5-9]|30)m, waiting for GPUs: alice \('"$ME"'\) 0$' "$WORLD/bob.err" ||
		fail_with "$(cat "$WORLD/bob.err")"
}

# ---- release and status ----

@test "release tells who gets the GPUs" {
	pool 4
	chg_ok reserve --gpus 4 --user alice
	waits bob reserve --gpu-ids 1 --user bob --wait
	waits carol run --user carol --wait -- sleep 1000
	bob=$(queue '.[0].id[:8]') carol=$(queue '.[1].id[:8]')
	chg_ok release --gpu-ids 1
	assert_stdout 'Released 1 GPU(s): [1]'
	assert_stderr "GPU 1 goes to bob ($ME) (request $bob)"
	wait_until '[ "$(line)" = "carol " ]' 30
	chg_ok release --gpu-ids 2,3
	assert_stdout 'Released 2 GPU(s): [2, 3]'
	assert_stderr "1 of GPUs 2, 3 goes to carol ($ME) (request $carol)"
	wait_until '[ "$(line)" = "" ]' 30
	chg_ok release --gpu-ids 0
	assert_stderr ''
}

# ---- backfill ----

# alice has 0 for an hour and 1 for two; bob has collected 2 and 3 and waits for one of them.
world_of_head() {
	pool 4
	chg_ok reserve --gpu-ids 0 --duration 1h --user alice
	chg_ok reserve --gpu-ids 1 --duration 2h --user alice
	waits bob reserve --gpus 3 --user bob --wait
	wait_until '[ "$(line)" = "bob 2,3" ]' 30
}

@test "without queue.backfill nobody passes" {
	world_of_head
	chg reserve --duration 10m
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
}

@test "backfill: who ends in time may have what others collect, and they get it back" {
	world_of_head
	world_set CANHAZGPU_QUEUE_BACKFILL=true
	before=$(queue '.[0].estimated_start')
	chg reserve --duration 90m
	assert_error 1 'Not enough GPUs available'
	chg reserve --gpu-ids 2
	assert_error 1 'GPU 2 is not available'
	chg run -- true # nobody knows when that ends
	assert_error 1 'Not enough GPUs available'
	chg_ok reserve --gpu-ids 2 --duration 30m --user short
	wait_until '[ "$(line)" = "bob 3" ]' 30
	assert_equal "$(queue '.[0].estimated_start')" "$before"
	chg_ok run --timeout 10m -- true # on 3
	wait_until '[ "$(line)" = "bob 3" ]' 30
	chg_ok release --gpu-ids 2
	assert_stderr_has 'GPU 2 goes to bob'
	wait_until '[ "$(line)" = "bob 2,3" ]' 30
	chg_ok release --gpu-ids 0
	wait_background bob
	assert_equal "$status" 0
	# What was only collected is in no history.
	assert_equal "$(usage_history | grep -c bob)" 0
}

@test "backfill: a waiting request passes, too" {
	world_of_head
	world_set CANHAZGPU_QUEUE_BACKFILL=true
	start_background short canhazgpu reserve --wait --duration 30m --user short
	wait_background short
	assert_equal "$status" 0
	assert_equal "$(queue '.[0].allocated | length')" 1
	waits long reserve --wait --duration 2h --user long
	chg_ok queue
	assert_stdout_has long
}

@test "backfill is the administrator's choice" {
	need_root
	need_sqlite
	chmod 0755 "$WORLD" "$WORLD/tmp"
	cp "$CANHAZGPU_BIN" "$WORLD/tmp/canhazgpu"
	ln -sf ../tmp/canhazgpu "$WORLD/bin/canhazgpu"
	mkdir "$WORLD/shared"
	chown 0:4242 "$WORLD/shared"
	chmod 2770 "$WORLD/shared"
	world_set CANHAZGPU_STORE="sqlite:$WORLD/shared/pool.db"
	world_of_head
	world_set CANHAZGPU_QUEUE_BACKFILL=true
	as_daemon=(setpriv --reuid 1 --regid 4242 --clear-groups)
	run ! in_world "${as_daemon[@]}" canhazgpu reserve --duration 10m
	chg_ok reserve --duration 10m
}
