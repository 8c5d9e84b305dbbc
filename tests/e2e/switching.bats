#!/usr/bin/env bats
# People who come from the existing program: their flags, scripts and configuration (docs/switching.md).
# stores: any

bats_require_minimum_version 1.5.0
load helpers

@test "the short flags" {
	chg_ok admin -g 4 --provider fake
	chg_ok reserve -g 2 -d 30m -n 'a note' -u bob
	chg_ok status -j
	assert_json '[.[0, 1] | "\(.user) \(.note) \(.type)"] | unique | join(";")' 'bob a note MANUAL'
	assert_json '.[0] | (.expiry_time | sub("\\..*Z"; "Z") | fromdate) - (.start_time | sub("\\..*Z"; "Z") | fromdate) | round' 1800
	chg_ok status -s
	chg_ok run -g 1 -t 1m -n note -u carol -w 5s -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout 2
	chg_ok run -G 3 -w -- true
	chg_ok release -G 1
	chg release -u bob
	assert_error 1 "there is no account 'bob'"
	chg_ok release
	chg_ok report -d 7 -j
	assert_json '[.users[].account] | unique | length' 1
	chg_ok admin -g 2 -f --provider fake
	chg_ok -v
	assert_stdout_has 'canhazgpu '
	chg status -v
	assert_error 2 "unknown option '-v'"
	chg web -p 70000
	assert_error 2 70000
}

@test "two lines of configuration give the old habits" {
	pool 1
	printf 'run.wait: true\nreserve: {duration: 30m, wait: false}\n' >"$WORLD/home/.canhazgpu.yaml"
	chg_ok reserve
	assert_stdout_has 'for 0h 30m 0s'
	chg run --nonblock -- true
	assert_status 1
	chg reserve
	assert_status 1
	start_background waits canhazgpu run -- true
	wait_until '[ "$(in_world canhazgpu queue --json | jq .total_waiting)" = 1 ]'
	chg_ok release
	wait_background waits
}

@test "their scripts read the queue" {
	pool 2
	chg_ok queue --json
	assert_json tostring '{"entries":[],"total_waiting":0,"total_gpus_requested":0,"total_gpus_allocated":0}'
	chg_ok reserve -G 0 -u alice
	start_background big canhazgpu run -g 2 -w -u bob -- true
	wait_until '[ "$(in_world canhazgpu queue -j | jq .total_gpus_allocated)" = 1 ]'
	chg_ok queue -j
	assert_json '.entries[] | "\(.user) \(.requested_count) \(.allocated_gpus) \(.reservation_type) \(.enqueue_time | length > 19)"' \
		'bob 2 [1] run true'
	assert_json '"\(.total_waiting) \(.total_gpus_requested)"' '1 2'
	chg_ok release
	wait_background big
}
