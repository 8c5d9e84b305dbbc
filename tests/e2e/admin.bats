#!/usr/bin/env bats
# canhazgpu admin: making the pool, and making it anew.
# stores: each

load run_helpers

ME=$(id -un)

two_cards() {
	use_nvml
	nvml_state '{"gpus": [
		{"uuid": "GPU-a", "name": "NVIDIA H100 80GB HBM3", "bus": [0, 1, 0], "memory": [81559, 0, 4]},
		{"uuid": "GPU-b", "name": "NVIDIA H100 80GB HBM3", "bus": [0, 2, 0], "memory": [81559, 0, 4]}]}'
}

@test "the first time makes a pool and says which IDs it has" {
	chg admin --gpus 8 --provider fake
	assert_status 0
	assert_stdout 'Initialized 8 GPUs (IDs 0 to 7)'
	assert_stderr ''
	chg_ok status --json
	assert_json 'map(.gpu_id) == [range(8)]' true
	assert_json 'all(.status == "AVAILABLE")' true
}

@test "a pool of one GPU" {
	pool 1
	assert_stdout 'Initialized 1 GPUs (IDs 0 to 0)'
}

@test "the largest pool, and one more" {
	pool 1024
	assert_stdout 'Initialized 1024 GPUs (IDs 0 to 1023)'
	chg admin --gpus 1025 --provider fake --force
	assert_error 2 '1 to 1024'
}

@test "a second time without --force is refused and changes nothing" {
	pool 8
	chg_ok reserve --gpu-ids 5
	for again in 'admin --gpus 8 --provider fake' 'admin --gpus 4 --provider fake'; do
		# shellcheck disable=SC2086
		chg $again
		assert_error 1 ''
		assert_stderr 'Error: GPU pool already initialized with 8 GPUs. Use --force to reinitialize'
	done
	chg_ok status --json
	assert_json 'map(select(.status == "IN_USE").gpu_id) == [5]' true
	assert_json length 8
}

@test "a second time is refused as such where the hardware is away, too" {
	pool 8
	hide_hardware
	chg admin --gpus 8
	assert_error 1 ''
	assert_stderr 'Error: GPU pool already initialized with 8 GPUs. Use --force to reinitialize'
}

@test "--force makes the pool anew, with another number of GPUs" {
	pool 8
	chg_ok admin --gpus 4 --force --provider fake
	assert_stdout 'Initialized 4 GPUs (IDs 0 to 3)'
	chg_ok status --json
	assert_json length 4
	chg_ok admin --force --gpus 6 --provider fake
	chg_ok status --json
	assert_json length 6
}

@test "--force clears reservations, and records what it ended beside what was there" {
	need_sqlite
	pool 4
	chg_ok reserve --gpu-ids 3
	chg_ok release
	chg_ok reserve --gpus 2 --user alice
	chg_ok admin --gpus 4 --provider fake --force
	chg_ok status --json
	assert_json 'all(.status == "AVAILABLE")' true
	chg_ok release
	assert_stdout 'No manually reserved GPUs found for current user'
	assert_equal "$(usage_history | wc -l)" 3
	assert_equal "$(usage_history | head -n 1)" "3 manual released $ME"
	assert_equal "$(usage_history | grep -c ' manual forced alice$')" 2
	assert_equal "$(db "SELECT DISTINCT actor FROM usage_history WHERE reason = 'forced'")" "$ME"
}

@test "--force records what had expired as expired, at its expiry" {
	need_sqlite
	pool 2
	chg_ok reserve --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	chg_ok admin --gpus 2 --provider fake --force
	assert_equal "$(db 'SELECT reason, end_ns FROM usage_history')" "expired|$expiry"
}

@test "--force ends the reservation of a running command, and records that" {
	pool 2
	start_background job canhazgpu run --gpus 2 -- sleep 1000
	wait_until 'chg status -j; [ "$(json_get "map(select(.type == \"RUN\")) | length")" = 2 ]'
	chg_ok admin --gpus 2 --provider fake --force
	assert_equal "$(usage_history)" "0 run forced $ME"$'\n'"1 run forced $ME"
	chg_ok status --json
	assert_json 'all(.type == null)' true
}

@test "without --gpus: as many as the provider sees" {
	fake_state '{"gpus": [{}, {}, {"index": 4}]}'
	chg_ok admin --provider fake
	assert_stdout 'Initialized 5 GPUs (IDs 0 to 4)'
	two_cards
	chg_ok admin --provider nvidia --force
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
}

@test "without --gpus and with nothing to see: an error, and no pool" {
	chg admin --provider fake
	assert_error 1 'nothing says how many fake GPUs there are: use --gpus N (for example: --gpus 8)'
	chg status
	assert_error 1 'not initialized'
}

@test "without --provider: the hardware that is there" {
	two_cards
	chg_ok admin
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
	chg_ok status --json
	assert_json 'map(.gpu_model) | unique | .[0]' 'NVIDIA H100 80GB HBM3'
}

@test "fewer GPUs than the hardware has" {
	two_cards
	chg_ok admin --gpus 1
	assert_stdout 'Initialized 1 GPUs (IDs 0 to 0)'
}

@test "more GPUs than the hardware has are refused, and nothing is made" {
	two_cards
	chg admin --gpus 3
	assert_error 1 '--gpus 3: this host has only 2 nvidia GPU(s)'
	chg status
	assert_error 1 'not initialized'
}

@test "more GPUs than the hardware has are refused with --force, too, and the pool stays" {
	two_cards
	chg_ok admin
	chg_ok reserve --gpu-ids 1
	chg admin --gpus 3 --force
	assert_error 1 '--gpus 3'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE IN_USE'
}

@test "no hardware: says so and names the way to try it without" {
	hide_hardware
	chg admin
	assert_error 1 'No GPUs found on this host'
	assert_stderr_has 'driver is not loaded'
	# It works as it stands.
	way=${stderr##*to try canhazgpu without one: }
	# shellcheck disable=SC2086
	chg_ok --store "sqlite:$WORLD/try.db" admin $way
	assert_stdout 'Initialized 8 GPUs (IDs 0 to 7)'
	chg admin --gpus 2
	assert_error 1 'No GPUs found on this host'
	chg admin --provider nvidia
	assert_error 1 'driver is not loaded'
	chg status
	assert_error 1 'not initialized'
}

@test "the usage names the providers that can be chosen" {
	chg_ok admin --help
	local providers
	providers=$(sed -n 's/.*\[--provider \([^]]*\)\].*/\1/p' "$WORLD/stdout")
	assert_stdout_has "($providers)"
	[ -n "$providers" ]
}

@test "values that make no sense are usage errors" {
	for value in 0 -1 -8 '' ' 8' 8x 1.5 abc 99999999999999999999; do
		chg admin --provider fake --gpus "$value"
		assert_error 2 '--gpus'
	done
	for value in '' Fake cuda 'nvidia|amd'; do
		chg admin --gpus 2 --provider "$value"
		assert_error 2 '--provider'
	done
	chg admin --gpus
	assert_error 2 'needs a value'
	chg admin 8
	assert_error 2 "unexpected argument '8'"
	[ ! -e "$WORLD/pool.db" ]
}

@test "of several at once exactly one makes the pool" {
	for i in 1 2 3 4 5 6; do
		start_background "admin$i" canhazgpu admin --gpus "$i" --provider fake
	done
	made=0
	for i in 1 2 3 4 5 6; do
		wait_background "admin$i"
		case $status in
		0) made=$((made + 1)) winner=$i ;;
		1) grep -q '^Error: GPU pool already initialized with [1-6] GPUs\.' "$WORLD/admin$i.err" ;;
		*) fail_with "admin $i ended with $status: $(cat "$WORLD/admin$i.err")" ;;
		esac
	done
	assert_equal "$made" 1
	chg_ok status --json
	assert_json length "$winner"
}

@test "--force lists whose reservations end and how many requests are cancelled" {
	pool 2
	chg_ok reserve --user alice --note 'for the demo'
	start_background waiter canhazgpu reserve --gpus 2 --wait
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	# What is collected for the request is no reservation.
	wait_until 'chg status -j; [ "$(json_get "map(select(.status == \"IN_USE\")) | length")" = 2 ]'
	chg_ok admin --gpus 2 --provider fake --force
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
	[[ $stderr =~ ^'Recreating the pool ends 1 reservation:'$'\n''  alice ('"$ME"'): manual on GPU(s) [0] for 0h 0m '[0-9]+'s (for the demo)'$'\n''Recreating the pool cancels 1 waiting request'$ ]] ||
		fail_with 'other words'
	wait_background waiter
	chg_ok admin --gpus 2 --provider fake --force
	assert_stderr ''
}

# on_terminal ANSWER ARGUMENTS: on a terminal, where somebody types the answer; what is shown in $stdout.
on_terminal() {
	status=0
	in_world SHELL=/bin/sh script -qec "canhazgpu $2" /dev/null <<<"$1" >"$WORLD/stdout" || status=$?
	stdout=$(tr -d '\r' <"$WORLD/stdout")
}

@test "--force asks on a terminal, where something would end" {
	pool 2
	on_terminal '' 'admin --gpus 2 --provider fake --force'
	assert_status 0
	chg_ok reserve
	for answer in n '' nonsense; do
		on_terminal "$answer" 'admin --gpus 2 --provider fake --force'
		assert_status 1
		assert_stdout_has 'Recreate the pool? [y/N]'
		assert_stdout_has 'Error: the pool was left as it is'
		assert_equal "$(held)" 0
	done
	on_terminal y 'admin --gpus 2 --provider fake --force'
	assert_status 0
	assert_equal "$(held)" ''
	chg_ok reserve
	on_terminal n 'admin --gpus 2 --provider fake --force --yes'
	assert_status 0
	[[ $stdout != *'Recreate the pool?'* ]] || fail_with 'asked'
	assert_equal "$(held)" ''
}

@test "--force asks again where more would end than was listed" {
	pool 2
	chg_ok reserve
	status=0
	{
		wait_for_text "$WORLD/shown" 'Recreate the pool? [y/N]'
		in_world canhazgpu reserve --note meanwhile >/dev/null
		echo y
		wait_for_text "$WORLD/shown" '(meanwhile)'
		held >"$WORLD/held"
		echo y
	} | in_world SHELL=/bin/sh script -qfec 'canhazgpu admin --gpus 2 --provider fake --force' "$WORLD/shown" \
		>/dev/null || status=$?
	assert_status 0
	assert_equal "$(<"$WORLD/held")" "0 1"
	assert_equal "$(held)" ''
}

@test "--drain --note: why is shown everywhere" {
	pool 2
	chg admin --note fan
	assert_error 2 '--note says why GPUs are drained: use it with --drain'
	chg admin --undrain 1 --note fan
	assert_error 2 'use it with --drain'
	chg_ok admin --drain 1 --note $'the f\e[31man'
	chg_ok status
	[[ $stdout =~ 'drained by '"$ME"' 0h 0m '[0-9]+'s ago: the f\x1b[31man' ]] || fail_with 'other words'
	chg reserve --gpu-ids 1
	assert_error 1 "GPU 1 is out of service (drained by $ME: the f\\x1b[31man)"
	chg reserve --gpus 2
	assert_error 1 "(GPU 1: drained by $ME: the f\\x1b[31man)"
	chg_ok admin --drain 1 --note fan
	assert_stdout 'Drained 1 GPU(s): [1] (existing reservations continue to their end)'
	chg_ok status --json
	assert_json '.[1] | "\(.drained_by) \(.drained_note) \(.details | test(": fan$"))"' "$ME fan true"
	assert_json '.[0] | has("drained_note")' false
	chg_ok admin --drain 1
	assert_stdout 'GPU(s) [1] are already out of service'
	# An empty one is none, and takes the one before away.
	chg_ok admin --drain 1 --note ''
	chg_ok status --json
	assert_json '.[1] | "\(has("drained_note")) \(.details | test(":"))"' 'false false'
	chg_ok admin --drain 1 --note ''
	assert_stdout 'GPU(s) [1] are already out of service'
	chg_ok admin --drain 1 --note fan
	chg_ok reserve
	start_background waiter canhazgpu reserve --wait
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	chg_ok queue --explain "$(sed -n 's/.*as request \([0-9a-f]*\) .*/\1/p' "$WORLD/waiter.err")"
	assert_stdout_has "drained by $ME: fan"
	chg_ok admin --undrain 1
	wait_background waiter
	chg_ok admin --drain 1
	chg_ok status --json
	assert_json '.[1] | has("drained_note")' false
}
