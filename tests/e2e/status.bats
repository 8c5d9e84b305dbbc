#!/usr/bin/env bats
# canhazgpu status on real stores, processes and terminals. What it says of each state that a GPU can be in is
# tests/unit/test_view_status.c.
# stores: any
# seconds: 15

load helpers

ME=$(id -un)
RFC3339='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z$'
UUID='^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'

# reservation ID USER TYPE STARTED HEARTBEAT EXPIRY GPU...: as this account made it; times in seconds
# from now, 0: none.
reservation() {
	local id=$1 user=$2 type=$3 now times=() seconds
	now=$(date +%s)
	for seconds in "$4" "$5" "$6"; do
		times+=("$((seconds ? (now + seconds) * 1000000000 : 0))")
	done
	shift 6
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis_reservation "$@"
		return
	fi
	db "INSERT INTO reservations(id, user, account, uid, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns,
		command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks) VALUES ('$id', '$user',
		'$user', $(id -u), '$type', ${times[0]}, ${times[1]}, ${times[2]}, 0, 0, 0, 0, 0);
	UPDATE gpus SET reservation_id = '$id' WHERE id IN ($(IFS=, && echo "$*"))"
}

# The same as a state in Redis; the rest of its arguments is in the caller's variables.
redis_reservation() {
	local gpu
	for gpu; do
		jq -nc --arg id "$id" --arg user "$user" --argjson uid "$(id -u)" --arg type "$type" \
			--argjson start "${times[0]}" --argjson heartbeat "${times[1]}" --argjson expiry "${times[2]}" \
			'{user: $user, actual_user: $user, uid: $uid, type: $type, reservation_id: $id,
			  start_time: ($start / 1e9 | floor)}
			+ if $heartbeat > 0 then {last_heartbeat: ($heartbeat / 1e9 | floor)} else {} end
			+ if $expiry > 0 then {expiry_time: ($expiry / 1e9 | floor)} else {} end' |
			redis -x set "canhazgpu:gpu:$gpu" >/dev/null
	done
}

# Says when a GPU was released: seconds ago.
released_ago() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis set "canhazgpu:gpu:$1" "{\"last_released\":\"$(date -u -d "@$(($(date +%s) - $2))" +%FT%TZ)\"}"
	else
		db "UPDATE gpus SET last_released_ns = $(($(date +%s) - $2)) * 1000000000 WHERE id = $1"
	fi
}

# The example of the specification (but for pids that exist nowhere, one megabyte more than the
# threshold, and seconds with two digits that go on while the test runs).
example() {
	pool 5
	reservation aaaa alice run -912 -12 0 1
	reservation cccc charlie manual -3732 0 11757 3
	released_ago 0 1812
	fake_state '{"gpus": [
		{"index": 0, "memory_used_mb": 45},
		{"index": 1, "memory_used_mb": 8452, "processes": [{"pid": '$$', "name": "python3"}]},
		{"index": 2, "memory_used_mb": 1025, "processes": [
			{"pid": 99999991, "name": "python3"}, {"pid": 99999992, "name": "jupyter"}]},
		{"index": 4, "memory_used_mb": 2048, "processes": [
			{"pid": 99999991, "name": "python3"}, {"pid": 99999993, "name": "pytorch"},
			{"pid": 99999994}, {"pid": 99999995}]}]}'
}

# The seconds of durations as "SS": in the examples they have two digits, whatever they are.
without_seconds() {
	sed -E 's/([0-9]+h [0-9]+m )[0-9]{2}s/\1SSs/g'
}

@test "the table, literally" {
	example
	chg_ok status
	assert_stderr ''
	assert_equal "$(without_seconds <"$WORLD/stdout")" "$(cat <<-'END'
	GPU  STATUS      USER          DURATION    TYPE    MODEL  DETAILS                                                                   VALIDATION
	---  ------      ----          --------    ----    -----  -------                                                                   ----------
	0    AVAILABLE   -             -           -       -      free for 0h 30m SSs                                                       45MB used
	1    IN_USE      alice         0h 15m SSs  RUN     -      heartbeat 0h 0m SSs ago                                                   8452MB, 1 processes
	2    UNRESERVED  user unknown  -           -       -      1025MB used by PID 99999991 (python3), PID 99999992 (jupyter)             WITHOUT RESERVATION
	3    IN_USE      charlie       1h 2m SSs   MANUAL  -      expires in 3h 15m SSs                                                     no usage detected
	4    UNRESERVED  user unknown  -           -       -      2048MB used by PID 99999991 (python3), PID 99999993 (pytorch) and 2 more  WITHOUT RESERVATION
	END
	)"
}

@test "-j is --json" {
	example
	chg_ok status -j
	assert_stderr ''
	assert_json 'map("\(.gpu_id) \(.status)") | join(", ")' \
		'0 AVAILABLE, 1 IN_USE, 2 UNRESERVED, 3 IN_USE, 4 UNRESERVED'
	assert_json '.[3] | "\(.user) \(.type) \(.reservation_id) \(.validation)"' 'charlie MANUAL cccc no usage detected'
	keys=$(json_get '.[] | keys')
	chg_ok status --json
	assert_equal "$(json_get '.[] | keys')" "$keys"
}

@test "a released GPU says since when it is free" {
	pool 1
	chg_ok reserve
	before=$(date +%s)
	chg_ok release
	chg_ok status --json
	assert_json '.[0].details | test("^free for 0h [0-9]+m [0-9]+s$")' true
	assert_json '.[0].last_released[:19] + "Z" | fromdate >= '"$before - 1" true
}

@test "a manual reservation: who, since when, until when, note and id" {
	pool 3
	chg_ok reserve --gpu-ids 0,2 --duration 90m --note 'tuning run 7'
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.user)|\(.type)|\(.note)"' "IN_USE|$ME|MANUAL|tuning run 7"
	assert_json '.[0].details | test("^expires in 1h (29m [0-9]+|30m 0)s$")' true
	assert_json ".[0].reservation_id | test(\"$UUID\")" true
	assert_json '.[0].reservation_id == .[2].reservation_id' true
	assert_json '.[1] | "\(.status) \(has("reservation_id")) \(has("note"))"' 'AVAILABLE false false'
	chg_ok status
	assert_stdout_has ' [tuning run 7] '
}

@test "a run reservation" {
	pool 2
	start_background job canhazgpu run --gpu-ids 1 --note training -- sleep 1000
	wait_until 'chg status -j; [ "$(json_get ".[1].type")" = RUN ]'
	assert_json '.[1] | "\(.status)|\(.user)|\(.note)|\(.validation)"' \
		"IN_USE|$ME|training|no usage detected"
	assert_json '.[1].details | test("^heartbeat 0h 0m [0-9]+s ago$")' true
	assert_json '.[1].duration | test("^0h 0m [0-9]+s$")' true
	assert_json ".[1].last_heartbeat | test(\"$RFC3339\")" true
	assert_json '.[1] | has("expiry_time")' false
	assert_json '.[0].status' AVAILABLE
}

@test "unreserved use by one, two and three users" {
	need_root
	pool 3
	other=$(getent passwd 1 | cut -d: -f1)
	[ -n "$other" ]
	start_background one sleep 1000
	start_background two setpriv --reuid 1 --clear-groups sleep 1000
	start_background three setpriv --reuid 54321 --clear-groups sleep 1000
	for name in one two three; do
		wait_until '[ "$(cat "/proc/${background_pids[$name]}/comm")" = sleep ]'
	done
	a=${background_pids[one]} b=${background_pids[two]} c=${background_pids[three]}
	fake_state '{"gpus": [
		{"memory_used_mb": 2000, "processes": [{"pid": '"$a"'}, {"pid": '"$a"'}]},
		{"memory_used_mb": 2000, "processes": [{"pid": '"$b"'}, {"pid": '"$a"'}]},
		{"memory_used_mb": 2000, "processes": [{"pid": '"$c"'}, {"pid": '"$b"'}, {"pid": '"$a"'}]}]}'
	chg_ok status --json
	assert_json '.[0].unreserved_users | join("|")' "$ME"
	assert_json '.[1].unreserved_users | join("|")' "$other|$ME"
	assert_json '.[2].unreserved_users | join("|")' "$other|$ME|uid 54321"
	assert_json '.[0].process_info' "2000MB used by PID $a (sleep), PID $a (sleep)"
	chg_ok status
	[[ $stdout == *"  user $ME  "* ]]
	[[ $stdout == *"  users $other and $ME  "* ]]
	[[ $stdout == *"  users $other, $ME and uid 54321  "* ]]
}

@test "unreserved use by this account's own process, with its name from the system" {
	pool 1
	start_background busy sleep 1000
	fake_state '{"gpus": [{"memory_used_mb": 5000, "processes": [{"pid": '"$background_pid"'}]}]}'
	wait_until '[ "$(cat "/proc/$background_pid/comm")" = sleep ]'
	chg_ok status --json
	assert_json '.[0].unreserved_users | join("|")' "$ME"
	assert_json '.[0].process_info' "5000MB used by PID $background_pid (sleep)"
}

@test "unknown memory is an error, not a free GPU; with a process on it it is use" {
	pool 3
	fake_state '{"gpus": [{"memory_used_mb": null},
		{"memory_used_mb": null, "processes": [{"pid": 99999991, "name": "x"}]},
		{"memory_used_mb": null, "problem": "row cannot be read: [N/A]"}]}'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'ERROR UNRESERVED ERROR'
	assert_json '.[0] | "\(.error)|\(.validation)"' \
		'the driver does not report how much memory is used|unknown: the driver does not report how much memory is used'
	assert_json '.[1].process_info' 'unknown MB used by PID 99999991 (x)'
	assert_json '.[2].error' 'row cannot be read: [N/A]'
	chg reserve
	assert_error 1 ''
	assert_stderr "Error: Not enough GPUs available. Requested: 1, Available: 0 (1 GPUs in use without reservation, 2 GPUs whose use is unknown - run 'canhazgpu status' for details)"
}

@test "the model of a reserved and of an unreserved GPU" {
	printf '#!/bin/bash\nexec 9<>"%s"\nread -r <&9\n' "$WORLD/never" >"$WORLD/bin/vllm"
	chmod +x "$WORLD/bin/vllm"
	mkfifo "$WORLD/never"
	pool 2
	chg_ok reserve --gpu-ids 0
	start_background a vllm serve meta-llama/Llama-2-7b-chat-hf
	start_background b vllm serve codellama/CodeLlama-7b-Instruct-hf
	fake_state '{"gpus": [{"memory_used_mb": 8452, "processes": [{"pid": '"${background_pids[a]}"'}]},
		{"memory_used_mb": 8452, "processes": [{"pid": '"${background_pids[b]}"'}]}]}'
	wait_until 'chg status -j; [ "$(json_get "map(select(.model)) | length")" = 2 ]'
	assert_json '.[0].model | "\(.provider) \(.model)"' 'meta-llama meta-llama/Llama-2-7b-chat-hf'
	assert_json '.[1].model | "\(.provider) \(.model)"' 'codellama codellama/CodeLlama-7b-Instruct-hf'
	chg_ok status
	assert_stdout_has '  MANUAL  meta-llama/Llama-2-7b-chat-hf       expires'
	assert_stdout_has '  -       codellama/CodeLlama-7b-Instruct-hf  8452MB'
}

@test "the holder's own process validates a reservation" {
	pool 1
	chg_ok reserve
	fake_state '{"gpus": [{"memory_used_mb": 8452, "processes": [{"pid": '$$'}]}]}'
	chg_ok status --json
	assert_json '.[0] | "\(.validation)|\(has("process_info"))|\(has("unreserved_users"))"' \
		'8452MB, 1 processes|false|false'
}

@test "other people's processes on a reserved GPU are shown, and validate nothing" {
	pool 1
	chg_ok reserve --user alice
	fake_state '{"gpus": [{"memory_used_mb": 9000, "processes": [
		{"pid": '$$'}, {"pid": 99999991, "name": "miner"}, {"pid": 99999992, "name": "m2"},
		{"pid": 99999993, "name": "m3"}]}]}'
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.user)"' 'IN_USE|alice'
	assert_json '.[0].validation' "9000MB, 4 processes, not the holder's: user unknown, PID 99999991 (miner), PID 99999992 (m2) and 1 more"
	assert_json '.[0].unreserved_users | join("|")' unknown
	assert_json '.[0].process_info' 'PID 99999991 (miner), PID 99999992 (m2) and 1 more'
	chg_ok status
	assert_stdout_has "not the holder's: user unknown, PID 99999991 (miner)"
}

@test "another account's process on a reserved GPU is named with its account" {
	need_root
	pool 1
	chg_ok reserve
	other=$(getent passwd 1 | cut -d: -f1)
	start_background guest setpriv --reuid 1 --clear-groups sleep 1000
	wait_until '[ "$(cat "/proc/$background_pid/comm")" = sleep ]'
	fake_state '{"gpus": [{"memory_used_mb": 9000, "processes": [{"pid": '"$background_pid"'}]}]}'
	chg_ok status --json
	assert_json '.[0].unreserved_users | join("|")' "$other"
	assert_json '.[0].validation' "9000MB, 1 processes, not the holder's: user $other, PID $background_pid (sleep)"
}

@test "notes and names of others are harmless in the table, and the JSON stays valid" {
	hostile=$'a\e[31mb\e]0;title\ac\x7f\rd\ne\u202ef\u2066g\u009bh\u200bi\u061cj\u200ek\u2028l\ufeff<b>&"\\'
	pool 2
	chg_ok reserve --gpu-ids 0 --note "$hostile" --user $'ev\e[2Jil\n'
	jq -nc --arg name "$hostile" '{gpus: [{}, {memory_used_mb: 5000, processes: [{pid: 99999991, name: $name}]}]}' \
		>"$FAKE_STATE"
	chg_ok status
	assert_equal "$(wc -l <"$WORLD/stdout")" 4
	if LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c|\xef\xbb\xbf' \
		"$WORLD/stdout"; then
		fail_with 'something raw reached the table'
	fi
	assert_stdout_has 'ev\x1b[2Jil\x0a'
	assert_equal "$(grep -oF 'a\x1b[31mb\x1b]0;title\x07c\x7f\x0dd\x0ae\u202ef\u2066g\x9bh\u200bi\u061cj\u200ek\u2028l\ufeff<b>&"\' "$WORLD/stdout" | wc -l)" 2
	chg_ok status --json
	assert_equal "$(jq --arg x "$hostile" '.[0].note == $x' "$WORLD/stdout")" true
	assert_equal "$(jq --arg x "$hostile" '.[1].process_info == "5000MB used by PID 99999991 (\($x))"' "$WORLD/stdout")" true
	if LC_ALL=C grep -qP '[^\x0a\x20-\x7f]' "$WORLD/stdout"; then
		fail_with 'the JSON is not safe to look at in a terminal'
	fi
}

@test "text that is not UTF-8 is harmless, too" {
	pool 1
	chg_ok reserve --note $'gr\xfc\xdfe \xc0\x80 \xed\xa0\x80'
	chg_ok status
	# JSON, in which Redis keeps it, has no place for such bytes: there U+FFFD stands for them.
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_stdout_has '[gr\xfc\xdfe \xc0\x80 \xed\xa0\x80]'
	chg_ok status --json
	python3 -c 'import json, sys; json.loads(sys.stdin.buffer.read().decode("utf-8", "strict"))' <"$WORLD/stdout"
	assert_json '.[0].note | startswith("gr\ufffd\ufffde ")' true
}

@test "a driver that fails: reservations are shown, nothing is validated, exit status 0" {
	pool 3
	chg_ok reserve --gpu-ids 1 --user alice --duration 1h
	fake_state '{"error": "the driver is gone"}'
	chg_ok status
	assert_equal "$(grep -c 'unknown: the driver is gone$' "$WORLD/stdout")" 3
	[[ $stdout =~ 1\ +IN_USE\ +alice\ \($ME\)\ +0h\ 0m\ [0-9]+s\ +MANUAL\ +-\ +expires\ in\ 0h\ 59m ]]
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'ERROR IN_USE ERROR'
	assert_json '.[0].error' 'the driver is gone'
	assert_json 'all(.validation == "unknown: the driver is gone")' true
	chg reserve
	assert_error 1 ''
	assert_stderr_has "Error: Not enough GPUs available. Requested: 1, Available: 0 (2 GPUs whose use is unknown - run 'canhazgpu status' for details); next free about "
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [1]'
}

@test "a driver that does not answer: the same, within the time limit" {
	pool 2
	chg_ok reserve --gpu-ids 0
	fake_state '{"delay_ms": 3600000}'
	world_set CANHAZGPU_GPU_TIMEOUT=1s
	begin=$SECONDS
	chg_ok status --json
	[ $((SECONDS - begin)) -le 30 ]
	assert_json 'map(.status) | join(" ")' 'IN_USE ERROR'
	assert_json 'all(.validation | startswith("unknown: the fake driver did not answer within "))' true
}

@test "a state file that is missing or wrong makes the use unknown" {
	pool 2
	for text in '{' '[]' '{"gpus": {}}' '{"gpus": [{"memory_used": 1}]}' '{"gpus": [{"memory_used_mb": "1"}]}'; do
		fake_state "$text"
		chg_ok status --json
		assert_json 'map(.status) | unique | join(" ")' ERROR
		assert_json '.[0].error | contains("fake.json")' true
	done
	rm "$FAKE_STATE"
	chg_ok status --json
	assert_json 'map(.status) | unique | join(" ")' ERROR
	world_unset CANHAZGPU_FAKE_STATE
	chg_ok status --json
	assert_json 'map(.status) | unique | join(" ")' AVAILABLE
}

@test "the threshold decides what is unreserved use" {
	pool 1
	fake_state '{"gpus": [{"memory_used_mb": 512}]}'
	chg_ok status --json --memory-threshold 512
	assert_json '.[0].status' AVAILABLE
	chg_ok status --json --memory-threshold 511
	assert_json '.[0].status' UNRESERVED
	fake_state '{"gpus": [{"memory_used_mb": 1500}]}'
	chg_ok status --json
	assert_json '.[0].status' UNRESERVED
	chg_ok status --json --memory-threshold 2048
	assert_json '.[0].status' AVAILABLE
	fake_state '{"gpus": [{"memory_used_mb": 1}]}'
	chg_ok --memory-threshold 0 status --json
	assert_json '.[0].status' UNRESERVED
}

@test "an expired reservation is shown as free, and recorded as of its expiry" {
	need_sqlite
	pool 1
	chg_ok reserve --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until 'chg status -j; [ "$(json_get ".[0].status")" = AVAILABLE ]'
	assert_json '.[0].details | startswith("free for ")' true
	assert_equal "$(db 'SELECT gpu, type, reason, end_ns FROM usage_history')" "0|manual|expired|$expiry"
	assert_equal "$(db 'SELECT count(*) FROM reservations')" 0
}

@test "a run without a holder to see is freed when its heartbeat is over 5 minutes old" {
	pool 2
	reservation aaaa alice run -1000 -240 0 0
	reservation bbbb bob run -1000 -301 0 1
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE'
	assert_json '.[0].details | test("^heartbeat 0h 4m [0-9]+s ago$")' true
	assert_equal "$(usage_history)" '1 run stale bob'
}

@test "what cannot be recorded is a warning on stderr; the result stays clean" {
	need_sqlite
	pool 2
	chg_ok reserve --duration 1ms --gpu-ids 1
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	db "CREATE TRIGGER refuse BEFORE DELETE ON reservations BEGIN SELECT RAISE(ABORT, 'no'); END"
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE AVAILABLE'
	assert_stderr_has 'Warning: '
	assert_equal "$(wc -l <"$WORLD/stderr")" 1
	chg_ok status
	assert_equal "$(wc -l <"$WORLD/stdout")" 4
}

@test "no colour in pipes and files" {
	example
	chg_ok status
	if grep -q $'\e' "$WORLD/stdout"; then fail_with 'an escape sequence'; fi
	world_set CLICOLOR_FORCE=1
	chg_ok status
	if grep -q $'\e' "$WORLD/stdout"; then fail_with 'an escape sequence'; fi
}

# on_terminal COLUMNS COMMAND: its output on a terminal of that width, without the carriage returns.
on_terminal() {
	in_world SHELL=/bin/sh script -qec "stty cols $1; $2" /dev/null </dev/null | tr -d '\r'
}

@test "colour on a terminal, and the three ways to turn it off" {
	example
	green=$'\e[32mAVAILABLE'
	shown=$(on_terminal 200 'canhazgpu status')
	[[ $shown == *"$green"* && $shown == *$'\e[31mUNRESERVED'* && $shown == *$'\e[34mIN_USE'* ]]
	for command in 'NO_COLOR=1 canhazgpu status' 'canhazgpu status --no-color' 'canhazgpu --no-color status' \
		'TERM=dumb canhazgpu status' 'CANHAZGPU_NO_COLOR=1 canhazgpu status'; do
		shown=$(on_terminal 200 "$command")
		[[ $shown == *AVAILABLE* && $shown != *$'\e['* ]] || fail_with "$command: $shown"
	done
	shown=$(on_terminal 200 'NO_COLOR= canhazgpu status')
	[[ $shown == *"$green"* ]] || fail_with 'an empty NO_COLOR turns nothing off'
	shown=$(on_terminal 200 'canhazgpu status --json')
	[[ $shown != *$'\e['* ]]
}

@test "on a terminal the table fits its width; in a pipe nothing is cut" {
	example
	shown=$(on_terminal 100 'canhazgpu status --no-color')
	# The last line is for people: see "answers.bats".
	[[ ${shown##*$'\n'} == '1 of 5 available'* ]]
	[ "$(LC_ALL=C.UTF-8 wc -L <<<"$shown")" -le 100 ] || fail_with "too wide: $shown"
	for column in GPU STATUS USER DURATION DETAILS VALIDATION; do
		[[ ${shown%%$'\n'*} == *"$column"* ]] || fail_with "no column $column: $shown"
	done
	[[ $shown == *'PID 99999993 (pytorch) and 2 more'* ]] || fail_with "processes are cut: $shown"
	chg_ok status
	assert_stdout_has 'PID 99999993 (pytorch) and 2 more  WITHOUT RESERVATION'
}

@test "without a terminal the environment's COLUMNS is the width, as watch sets it; on one it is not" {
	example
	world_set COLUMNS=60
	chg_ok status
	[ "$(LC_ALL=C.UTF-8 wc -L <<<"$stdout")" -le 60 ] || fail_with "too wide: $stdout"
	[[ $(tr -s ' \n' ' ' <<<"$stdout") == *'PID 99999993 (pytorch) and 2 more'* ]] || fail_with "processes are cut: $stdout"
	assert_equal "$(grep -c 'WITHOUT RESERVATION' <<<"$stdout")" 2
	chg_ok status --json
	assert_json length 5
	shown=$(on_terminal 200 'canhazgpu status --no-color')
	[[ $shown == *'PID 99999993 (pytorch) and 2 more  WITHOUT RESERVATION'* ]] || fail_with "$shown"
}

@test "status decides nothing and leaves no process behind" {
	pool 2
	chg_ok reserve --gpu-ids 0
	for _ in 1 2 3; do
		chg_ok status
	done
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE'
	assert_no_processes
}
